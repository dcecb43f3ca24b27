package backup

import (
	"fmt"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/internal/grafana"
)

func dashboardOf(v BackupVaultArgs) platform.Dashboard {
	available := 1.0
	b := platform.Dashboard{
		Dashboard: grafana.Dashboard{
			UID:   "opex-backup",
			Title: "Backups and restores",
			Tags:  []string{"backup", v.Environment},
			Panels: []grafana.Panel{
				{Title: "Bucket", Kind: "stat", Unit: "bool_yes_no", Width: 6, Bad: &available, BadBelow: true,
					Description: "Whether Velero can use its bucket", Queries: []grafana.Query{{Expr: locationQuery}}},
				{Title: "Duration of backups", Kind: "timeseries", Unit: "s", Width: 9, Queries: []grafana.Query{{
					Expr:   `sum by (schedule) (rate(velero_backup_duration_seconds_sum[1d])) / sum by (schedule) (rate(velero_backup_duration_seconds_count[1d]))`,
					Legend: "{{schedule}}"}}},
				{
					Title: "Backups that failed in a day",
					Kind:  "timeseries",
					Unit:  "short",
					Width: 9,
					Queries: []grafana.Query{{
						Expr:   `sum by (schedule) (increase(velero_backup_failure_total[1d]) + increase(velero_backup_partial_failure_total[1d]))`,
						Legend: "{{schedule}}"}},
				},
			},
		},
		Objectives: map[string]float64{"Bucket": available},
	}
	for _, w := range v.Watches {
		rpo, once := w.RPO.Seconds(), 1.0
		age, drills := "Age of the newest good backup: "+w.Service, "Restores tried: "+w.Service
		b.Panels = append(
			b.Panels,
			grafana.Panel{
				Title:       age,
				Kind:        "stat",
				Unit:        "s",
				Width:       12,
				Bad:         &rpo,
				Description: fmt.Sprintf("RPO is %s", w.RPO),
				Queries:     []grafana.Query{{Expr: w.backupAgeQuery()}},
			},
			grafana.Panel{Title: drills, Kind: "stat", Unit: "short", Width: 12, Bad: &once, BadBelow: true,
				Description: fmt.Sprintf("Restores that succeeded in the last %s", w.DrillAge),
				Queries:     []grafana.Query{{Expr: "(" + w.drillsQuery() + ") or vector(0)"}}},
		)
		b.Objectives[age], b.Objectives[drills] = rpo, once
	}
	return b
}
