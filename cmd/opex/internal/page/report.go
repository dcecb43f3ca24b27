package page

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/table"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// Proof is what a report shows.
type Proof struct {
	Verify     verify.Report
	Recoveries []evidence.Record  // of all services, of each the newest first
	GameDays   []evidence.GameDay // of all services, of each the oldest first; pictures are of its newest run
	Costs      []table.Titled     // empty: they are not known
}

// reportView is what the template shows.
type reportView struct {
	view
	Where, Summary string
	Services       []serviceView
	Costs          []tableView
}

// tableView is a table whose columns of figures are known.
type tableView struct {
	Title  string
	Header []cell
	Rows   [][]cell
}

type cell struct {
	Text   string
	Figure bool
}

type serviceView struct {
	Name       string
	Criteria   []judgedView
	Recoveries []recoveryView
	Days       []dayView
}

// dayView is one run of Game Days.
type dayView struct {
	When, Kills, Verdict, Recovery, P95, Errors string
}

type judgedView struct {
	verify.Judged
	Class, Mark string
	Open        bool
}

type recoveryView struct{ When, What, Verdict, RTO, Objective, RPO, Rows, Phases string }

// Report returns the page of a whole stack: the criteria of each service with their evidence, its drills and restores, its Game Days.
func Report(p Proof) ([]byte, error) {
	v := reportView{view: view{Policy: policy(), Style: template.CSS(style), Title: "Operational excellence: " + p.Verify.Environment, Runs: runs(newest(p))},
		Where: fmt.Sprintf("cluster %s, judged %s", p.Verify.Cluster, p.Verify.Time.UTC().Format("2006-01-02 15:04:05 MST")), Summary: p.Verify.Summary()}
	for _, s := range p.Verify.Services {
		service := serviceView{Name: s.Name}
		for _, c := range s.Criteria {
			one := judgedView{Judged: c, Class: string(c.Verdict), Mark: marks[string(c.Verdict)], Open: c.Verdict == verify.Fail || c.Verdict == verify.Unproven}
			if c.Verdict == verify.NotApplicable {
				one.Class, one.Mark = "NA", "–"
			}
			service.Criteria = append(service.Criteria, one)
		}
		for _, r := range p.Recoveries {
			if r.Service == s.Name {
				service.Recoveries = append(service.Recoveries, recoveryOf(r))
			}
		}
		service.Days = days(p.GameDays, s.Name)
		v.Services = append(v.Services, service)
	}
	for _, t := range p.Costs {
		v.Costs = append(v.Costs, tableOf(t))
	}
	var out bytes.Buffer
	if err := reportTemplate.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return out.Bytes(), nil
}

func recoveryOf(r evidence.Record) recoveryView {
	v := recoveryView{When: r.StartedAt.UTC().Format("2006-01-02 15:04"), What: r.Kind, Verdict: r.Verdict, RTO: "no answer", Objective: diagnose.Human(r.Objectives.RTO),
		RPO: "-", Rows: fmt.Sprint(r.Rows())}
	if !r.AnsweredAt.IsZero() {
		v.RTO, v.RPO = diagnose.Human(r.RTO), diagnose.Human(r.RPO)
	}
	if r.Reason != "" {
		v.Verdict += ": " + r.Reason
	}
	var phases []string
	for _, p := range r.Phases {
		phases = append(phases, p.Name+" "+diagnose.Human(p.Took))
	}
	v.Phases = strings.Join(phases, ", ")
	return v
}

// newest are the newest runs of the services, in their order.
func newest(p Proof) []evidence.GameDay {
	var found []evidence.GameDay
	for _, s := range p.Verify.Services {
		found = append(found, evidence.NewestRun(of(p.GameDays, s.Name))...)
	}
	return found
}

func of(all []evidence.GameDay, service string) []evidence.GameDay {
	return slices.DeleteFunc(slices.Clone(all), func(r evidence.GameDay) bool { return r.Service != service })
}

// days are the runs of a service, the newest first: of each what was worst.
func days(all []evidence.GameDay, service string) []dayView {
	var found []dayView
	for records := of(all, service); len(records) > 0; {
		run := evidence.NewestRun(records)
		records = slices.DeleteFunc(records, func(r evidence.GameDay) bool { return r.Run.ID == run[0].Run.ID })
		v := dayView{When: run[0].StartedAt.UTC().Format("2006-01-02 15:04"), Kills: fmt.Sprintf("%d of %d", len(run), run[0].Run.Of), Recovery: "not measured", P95: "not measured"}
		proven, errors := 0, 0
		var recovery, p95 evidence.Seconds
		for _, r := range run {
			if r.Verdict == evidence.Proven {
				proven++
			}
			recovery, p95, errors = max(recovery, r.Recovery), max(p95, r.During.P95), errors+r.ServerErrors()
		}
		if recovery > 0 {
			v.Recovery, v.P95 = diagnose.Human(recovery), fmt.Sprintf("%.1f ms", 1000*float64(p95))
		}
		v.Verdict, v.Errors = fmt.Sprintf("%d of %d proven", proven, len(run)), fmt.Sprint(errors)
		found = append(found, v)
	}
	return found
}

func tableOf(t table.Titled) tableView {
	v := tableView{Title: t.Title}
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
