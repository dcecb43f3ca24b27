package costs

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Write writes the report in a format of package table. As csv, a change's drivers are written if there is a change,
// else the lines.
func (r *Report) Write(w io.Writer, format string) error {
	switch format {
	case "json":
		return table.JSON(w, r)
	case "csv":
		lines := r.lines()
		if r.Change != nil {
			lines = r.Change.drivers(r.By)
		}
		return r.withWindow(lines).Write(w, format)
	}
	var text strings.Builder
	for i, section := range r.Sections() {
		if i > 0 {
			text.WriteString("\n")
		}
		title := section.Title
		if format == "markdown" {
			title = "**" + title + "**\n"
		}
		text.WriteString(title + "\n")
		t := section.Table
		if format == "table" {
			t = t.Fit(table.Width(w))
		}
		if err := t.Write(&text, format); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Sections are the tables of the report, under their titles.
func (r *Report) Sections() []table.Titled {
	sections := []table.Titled{{
		Title: fmt.Sprintf("Costs by %s in %s, %s, %s, %s", r.By, r.Environment, r.Currency, r.Window, r.prices()),
		Table: r.lines(),
	}}
	if r.Change != nil {
		sections = append(
			sections,
			table.Titled{
				Title: fmt.Sprintf("Change by %s, %s, against %s", r.By, r.Currency, r.Change.Before),
				Table: r.Change.lines(r.By),
			},
			table.Titled{Title: "What drove it, " + r.Currency, Table: r.Change.drivers(r.By)},
		)
	}
	if len(r.Budgets) > 0 {
		sections = append(
			sections, table.Titled{Title: "Budgets, " + r.Currency + " in this calendar month", Table: r.budgets()},
		)
	}
	if len(r.Coverage.Traces) > 0 {
		title := "Money without a team: where the label was lost"
		if n := r.Coverage.NotTraced; n > 0 {
			title += fmt.Sprintf(" (%d pods with less money are not shown)", n)
		}
		sections = append(sections, table.Titled{Title: title, Table: r.traces()})
	}
	return sections
}

func (r *Report) lines() table.Table {
	t := table.Table{
		Header: []string{
			strings.ToUpper(r.By), "CPU", "MEMORY", "STORAGE", "NETWORK", "OTHER", "TOTAL " + r.Currency, "SHARE",
		},
		Right: []int{1, 2, 3, 4, 5, 6, 7},
	}
	places := decimals(r.Total.Sum)
	for _, line := range append(append([]Line(nil), r.Lines...), r.Total) {
		row := []string{line.Name}
		for _, part := range []float64{line.CPU, line.Memory, line.Storage, line.Network, line.Other, line.Sum} {
			row = append(row, amount(part, places))
		}
		t.Rows = append(t.Rows, append(row, percent(line.Share)))
	}
	return t
}

// withWindow adds what a heading says to each row, for spreadsheets.
func (r *Report) withWindow(t table.Table) table.Table {
	t.Header = append(t.Header, "CURRENCY", "START", "END")
	for i := range t.Rows {
		t.Rows[i] = append(
			t.Rows[i], r.Currency, r.Window.Start.UTC().Format(time.RFC3339), r.Window.End.UTC().Format(time.RFC3339),
		)
	}
	return t
}

func (r *Report) budgets() table.Table {
	t := table.Table{Header: []string{"TEAM", "BUDGET", "SPENT", "PROJECTED", "STATE", "REMARK"}, Right: []int{1, 2, 3}}
	for _, b := range r.Budgets {
		t.Rows = append(
			t.Rows,
			[]string{
				b.Team, amount(b.Amount, 2), amount(b.Spent, decimals(b.Spent)), amount(b.Projected, 2), b.State,
				b.Remark,
			},
		)
	}
	return t
}

func (r *Report) traces() table.Table {
	t := table.Table{Header: []string{"POD", "COST", "LOST AT", "WHY", "NEXT"}, Right: []int{1}}
	for _, trace := range r.Coverage.Traces {
		t.Rows = append(
			t.Rows, []string{trace.Pod, amount(trace.Cost, decimals(r.Total.Sum)), trace.Lost, trace.Why, trace.Next},
		)
	}
	return t
}
