package rightsize

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Write puts the report out in one of table.Formats. Tables for people end with the money by team and service; csv has
// the rows only, so that it stays one table.
func (r Report) Write(w io.Writer, format string) error {
	if format == "json" {
		return table.JSON(w, r)
	}
	if err := r.rows(format).Write(w, format); err != nil || format == "csv" {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return r.money().Write(w, format)
}

// rows is the table of requests. Why stands in the notes of the table for people, which would be too wide.
func (r Report) rows(format string) table.Table {
	t := table.Table{
		Header: []string{
			"SERVICE", "CONTAINER", "RESOURCE", "REQUEST", "LOWER", "TARGET", "UPPER", "UNCAPPED", "PROPOSED", "CHANGE",
			"CONFIDENCE", "AGE", "VERDICT", r.moneyHeader(),
		},
		Right: []int{3, 4, 5, 6, 7, 8, 9, 11, 13},
	}
	if format != "table" {
		t.Header = append(t.Header, "WHY")
	}
	for _, service := range r.Services {
		for _, row := range service.Rows {
			cells := []string{
				service.Name, row.name(), row.Resource,
				show(row.Resource, row.Request), show(row.Resource, row.Lower), show(row.Resource, row.Target),
				show(row.Resource, row.Upper), show(row.Resource, row.Uncapped), show(row.Resource, row.Proposed),
				showChange(row.ChangePercent), row.Confidence.String(), showAge(row.AgeSeconds),
				string(row.Verdict), showMoney(row.SavedPerMonth),
			}
			if format != "table" {
				cells = append(cells, row.Why)
			}
			t.Rows = append(t.Rows, cells)
		}
	}
	return t
}

func (r Report) money() table.Table {
	t := table.Table{Header: []string{"TEAM", "SERVICE", r.moneyHeader()}, Right: []int{2}}
	byTeam, _ := r.Saved()
	for _, service := range r.Services {
		t.Rows = append(t.Rows, []string{service.Team, service.Name, showMoney(service.SavedPerMonth)})
	}
	for _, team := range teams(byTeam) {
		saved := byTeam[team]
		t.Rows = append(t.Rows, []string{team, "all", showMoney(&saved)})
	}
	return t
}

func (r Report) moneyHeader() string {
	if r.Currency == "" {
		return "SAVED/MONTH"
	}
	return r.Currency + " SAVED/MONTH"
}

// name is the row's workload and container, or one of them where they are named alike.
func (r Row) name() string {
	_, workload, _ := strings.Cut(r.Workload, "/")
	if workload == r.Container {
		return r.Container
	}
	return workload + "/" + r.Container
}

func showChange(percent *float64) string {
	if percent == nil {
		return "-"
	}
	return fmt.Sprintf("%+.0f%%", *percent)
}

func showAge(seconds *int64) string {
	if seconds == nil {
		return "-"
	}
	return age(time.Duration(*seconds) * time.Second)
}

func showMoney(saved *float64) string {
	if saved == nil {
		return "-"
	}
	return money(*saved)
}

// money is written with its sign: + is saved, - is added.
func money(saved float64) string {
	if text := strconv.FormatFloat(saved, 'f', 2, 64); text == "0.00" || text == "-0.00" {
		return "0.00"
	}
	return fmt.Sprintf("%+.2f", saved)
}
