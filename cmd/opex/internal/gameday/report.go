package gameday

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Timeline shows a kill moment by moment, with the time since the one before.
func Timeline(r evidence.GameDay) table.Table {
	t := table.Table{Header: []string{"MOMENT", "AT", "AFTER THE LAST", "DETAIL"}, Right: []int{1, 2}}
	for i, m := range r.Timeline {
		since := ""
		if i > 0 {
			since = fmt.Sprintf("+%.3f s", float64(m.At-r.Timeline[i-1].At))
		}
		t.Rows = append(t.Rows, []string{m.Name, fmt.Sprintf("%.3f s", float64(m.At)), since, m.Detail})
	}
	return t
}

// Windows shows what was answered before, during and after.
func Windows(r evidence.GameDay) table.Table {
	t := table.Table{
		Header: []string{"", "SECONDS", "REQUESTS", "5XX", "NO ANSWER", "P50", "P95", "P99", "MAX"},
		Right:  []int{1, 2, 3, 5, 6, 7, 8},
	}
	for _, w := range []struct {
		name string
		evidence.Window
	}{{"before", r.Before}, {"recovery", r.During}, {"after", r.After}} {
		t.Rows = append(
			t.Rows,
			[]string{
				w.name,
				fmt.Sprintf("%.1f", float64(w.To-w.From)),
				strconv.Itoa(w.Requests),
				strconv.Itoa(w.ServerErrors),
				judge.Kinds(w.TransportErrors),
				human.Latency(w.P50),
				human.Latency(w.P95),
				human.Latency(w.P99),
				human.Latency(w.Max),
			},
		)
	}
	return t
}

// Spread shows several kills: the least, the middle, the 95th of 100 and the most.
func Spread(records []evidence.GameDay) table.Table {
	t := table.Table{
		Header: []string{fmt.Sprintf("%d KILLS", len(records)), "LEAST", "MEDIAN", "P95", "MOST"},
		Right:  []int{1, 2, 3, 4},
	}
	row := func(name string, of func(evidence.GameDay) float64, digits int, unit string) {
		var all []float64
		for _, r := range records {
			all = append(all, of(r))
		}
		cells := []string{name}
		for _, p := range []int{0, 50, 95, 100} {
			cells = append(cells, strconv.FormatFloat(evidence.Percentile(all, p), 'f', digits, 64)+unit)
		}
		t.Rows = append(t.Rows, cells)
	}
	row("recovery", func(r evidence.GameDay) float64 { return float64(r.Recovery) }, 2, " s")
	row("P95 in the recovery", func(r evidence.GameDay) float64 { return float64(r.During.P95) * 1000 }, 1, " ms")
	row("answers of 500 and above", func(r evidence.GameDay) float64 { return float64(r.ServerErrors()) }, 0, "")
	row("no answer", func(r evidence.GameDay) float64 { return float64(r.Unanswered()) }, 0, "")
	row("writes lost", func(r evidence.GameDay) float64 { return float64(len(r.Writes.Lost)) }, 0, "")
	return t
}

// Summary is one line on a kill.
func Summary(r evidence.GameDay) string {
	head := fmt.Sprintf("%s: kill %d of %d: %s", r.Service, r.Run.Index, r.Run.Of, r.Verdict)
	if r.Verdict != evidence.Proven {
		return head + ": " + strings.Join(r.Reasons, "; ")
	}
	return fmt.Sprintf(
		"%s: recovered in %.1f s (objective %s), no 5xx in %d requests, P95 %s (objective %s), %d without an answer (%s), %d of %d acknowledged writes found again",
		head, float64(r.Recovery), r.Objectives.Recovery.Duration(), r.Load.Requests, human.Latency(r.During.P95),
		human.Latency(r.Objectives.P95), r.Unanswered(), judge.Kinds(r.TransportErrors()), r.Writes.Found,
		r.Writes.Acknowledged,
	)
}

// Conclusion is the last lines on a run: what all of its kills come to together, and what to do next.
func Conclusion(records []evidence.GameDay, want int) string {
	if len(records) == 0 {
		return "no kill was made"
	}
	service, next := records[0].Service, "Next: `opex verify --only SC-008,SC-009,SC-010`"
	var lines []string
	for _, f := range judge.Kills(records, judge.Of(records[0])) {
		if f.Verdict != judge.Pass {
			lines = append(lines, fmt.Sprintf("%s: %s is %s: %s", service, f.ID, f.Verdict, f.Actual))
		}
	}
	switch verdict := Verdict(records, want); {
	case verdict == evidence.Failed:
		next = "Next: `opex diagnose --service " + service + "` says what was slow and what to change"
	case verdict == evidence.Unproven:
		next = "Next: fix what prevented the measurement, then rerun"
	}
	proven := 0
	for _, r := range records {
		if r.Verdict == evidence.Proven {
			proven++
		}
	}
	return strings.Join(
		append(
			lines,
			fmt.Sprintf(
				"%s: %d of %d kills PROVEN, all together %s. %s", service, proven, want, Verdict(records, want), next,
			),
		),
		"\n",
	)
}

// Verdict is what the kills of a run come to together. Fewer than were asked for prove nothing.
func Verdict(records []evidence.GameDay, want int) string {
	worst := judge.Pass
	if len(records) != want {
		worst = judge.Unproven
	}
	if len(records) > 0 {
		for _, f := range judge.Kills(records, judge.Of(records[0])) {
			if f.Verdict.Worse(worst) {
				worst = f.Verdict
			}
		}
	}
	return map[judge.Verdict]string{judge.Pass: evidence.Proven, judge.Fail: evidence.Failed, judge.Unproven: evidence.Unproven}[worst]
}
