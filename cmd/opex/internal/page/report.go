package page

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"

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

type serviceView struct {
	Name     string
	Criteria []judgedView
	History  []tableView
}

type judgedView struct {
	verify.Judged
	Class, Mark string
	Open        bool
}

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
		for _, past := range []tableView{recoveries(p.Recoveries, s.Name), days(p.GameDays, s.Name)} {
			if len(past.Rows) > 0 {
				service.History = append(service.History, past)
			}
		}
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
