package spec

import (
	"fmt"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// targets are the figures that the service is held to, engine by engine.
func targets(o stack.Outputs, s contract.Service) []row {
	var rows []row
	if o.Cost != nil {
		rows = append(rows, costTarget(*o.Cost, s.Labels[contract.LabelTeam]))
	}
	if o.Size != nil {
		rows = append(rows, row{"Size", "a recommendation for each container within 24 h; never changed unasked"})
	}
	switch {
	case s.NoBackup != "":
		rows = append(rows, row{"Backup", "none: " + s.NoBackup})
	case s.Backup != nil:
		rows = append(rows, backupTargets(*s.Backup)...)
	}
	switch {
	case s.NoChaos != "":
		rows = append(rows, row{"Loss of a pod", "not tried: " + s.NoChaos})
	case s.Chaos != nil:
		rows = append(rows, chaosTargets(*s.Chaos)...)
	}
	return rows
}

func costTarget(c contract.CostVisibility, team string) row {
	budget := "no budget is set"
	if money, is := c.Budgets[team]; is {
		budget = fmt.Sprintf("at most %g %s a calendar month for team %s", money, c.Currency, team)
	}
	return row{"Cost", budget + "; 99% of the service's money is on it"}
}

func backupTargets(b contract.BackupPlan) []row {
	return []row{
		{"Data lost at most (RPO)", human(b.RPO)},
		{"Back at the latest (RTO)", human(b.RTO)},
		{"Backups", fmt.Sprintf("`%s` in UTC, kept %s", b.Cron, human(b.TTL))},
		{"Proven by a drill", "every " + human(b.DrillAge) + " at least"},
	}
}

func chaosTargets(c contract.ChaosPlan) []row {
	rows := []row{
		{
			"Loss of a pod",
			fmt.Sprintf(
				"all replicas serve again within %s; no answer of 500 or above, no acknowledged write lost",
				human(c.Recovery),
			),
		},
		{
			"Answers meanwhile",
			fmt.Sprintf(
				"95 of 100 within %s, at %d requests per second, %.0f%% of them writes",
				human(c.P95), c.Load.Rate, 100*c.Load.WriteShare,
			),
		},
		{"Proven by a Game Day", "every " + human(c.GameDayAge) + " at least"},
	}
	if b := c.ErrorBudget; b != nil {
		rows = append(rows, row{
			"Error budget",
			fmt.Sprintf(
				"%.3g%% of requests may fail; where it is spent there is no Game Day", 100*(1-b.Availability),
			),
		})
	}
	return rows
}

// human writes a duration of Go without what is zero: 24h, 720h as 30 d.
func human(duration string) string {
	d, err := time.ParseDuration(duration)
	const day = 24 * time.Hour
	switch {
	case err != nil:
		return duration
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d >= time.Second && d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return d.String()
}
