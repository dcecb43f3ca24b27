package page

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// Proof is what a report shows.
type Proof struct {
	Verify     verify.Report
	Recoveries []evidence.Record  // of all services, of each the newest first
	GameDays   []evidence.GameDay // of all services, in the order of their kills
}

// reportView is what the template shows.
type reportView struct {
	view
	Where, Summary string
	Services       []serviceView
}

type serviceView struct {
	Name       string
	Criteria   []judgedView
	Recoveries []recoveryView
}

type judgedView struct {
	verify.Judged
	Class, Mark string
	Open        bool
}

type recoveryView struct{ When, What, Verdict, RTO, Objective, RPO, Rows, Phases string }

// Report returns the page of a whole stack: the criteria of each service with their evidence, its drills and restores, its Game Days.
func Report(p Proof) ([]byte, error) {
	v := reportView{view: view{Policy: policy(), Style: template.CSS(style), Title: "Operational excellence: " + p.Verify.Environment, Runs: runs(p.GameDays)},
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
		v.Services = append(v.Services, service)
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
