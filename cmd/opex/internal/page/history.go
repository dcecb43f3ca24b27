package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

const minutes = "2006-01-02 15:04"

// recoveries are the drills and restores of a service, in the order in which they are given.
func recoveries(all []evidence.Record, service string) tableView {
	t := table.Table{
		Header: []string{"when", "what", "as recorded", "RTO", "objective", "data lost at most", "rows", "phases"},
		Right:  []int{3, 4, 5, 6},
	}
	for _, r := range all {
		if r.Service != service {
			continue
		}
		rto, rpo, verdict := "no answer", "-", r.Verdict
		if !r.AnsweredAt.IsZero() {
			rto, rpo = diagnose.Human(r.RTO), diagnose.Human(r.RPO)
		}
		if r.Reason != "" {
			verdict += ": " + r.Reason
		}
		var phases []string
		for _, p := range r.Phases {
			phases = append(phases, p.Name+" "+diagnose.Human(p.Took))
		}
		t.Rows = append(
			t.Rows,
			[]string{r.StartedAt.UTC().Format(minutes), r.Kind, verdict, rto, diagnose.Human(r.Objectives.RTO), rpo,
				fmt.Sprint(r.Rows()), strings.Join(phases, ", ")},
		)
	}
	return past(
		"Drills and restores", service,
		"The newest first, with what each came to at its time; SC-007 says what the newest is worth today. Seconds to the first correct answer, in phases",
		t,
	)
}

// days are the runs of Game Days of a service, the newest first: of each what was worst.
func days(all []evidence.GameDay, service string) tableView {
	t := table.Table{
		Header: []string{"when", "kills", "as recorded", "recovered in", "P95 meanwhile", "5xx"},
		Right:  []int{3, 4, 5},
	}
	for records := of(all, service); len(records) > 0; {
		run := evidence.NewestRun(records)
		records = slices.DeleteFunc(records, func(r evidence.GameDay) bool { return r.Run.ID == run[0].Run.ID })
		proven, errors := 0, 0
		var recovery, p95 evidence.Seconds
		for _, r := range run {
			if r.Verdict == evidence.Proven {
				proven++
			}
			recovery, p95, errors = max(recovery, r.Recovery), max(p95, r.During.P95), errors+r.ServerErrors()
		}
		row := []string{
			run[0].StartedAt.UTC().Format(minutes), fmt.Sprintf("%d of %d", len(run), run[0].Run.Of),
			fmt.Sprintf("%d of %d proven", proven, len(run)), "not measured", "not measured", fmt.Sprint(errors),
		}
		if recovery > 0 {
			row[3], row[4] = diagnose.Human(recovery), human.Latency(p95)
		}
		t.Rows = append(t.Rows, row)
	}
	return past(
		"Game Days", service,
		"The newest first, with what was worst of each and what it came to at its time; SC-008 to SC-010 say what the newest is worth today. Its pictures are below",
		t,
	)
}

func past(heading, service, caption string, t table.Table) tableView {
	v := tableOf(table.Titled{Title: heading + " of " + service, Table: t})
	v.Heading, v.Caption = heading, caption
	return v
}

// tableView is a table whose columns of figures are known. Its label is what screen readers call it.
type tableView struct {
	Heading, Label, Caption string
	Header                  []cell
	Rows                    [][]cell
}

type cell struct {
	Text   string
	Figure bool
}

func tableOf(t table.Titled) tableView {
	v := tableView{Label: t.Title, Caption: t.Title}
	cells := func(row []string) []cell {
		var found []cell
		for i, text := range row {
			found = append(found, cell{text, slices.Contains(t.Right, i)})
		}
		return found
	}
	v.Header = cells(t.Header)
	for _, row := range t.Rows {
		v.Rows = append(v.Rows, cells(row))
	}
	return v
}
