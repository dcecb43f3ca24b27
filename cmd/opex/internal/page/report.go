package page

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"time"

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
	Omitted    []string           // what could not be had, and why
}

// reportView is what the template shows.
type reportView struct {
	view
	Where, Summary string
	Omitted        []string
	Since          string // when the report that it was compared with was judged; empty: with none
	Changes        []verify.Change
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

// Report returns the page of a whole stack: the criteria of each service with their evidence, its drills and restores,
// its Game Days.
func Report(p Proof) ([]byte, error) {
	v := reportView{
		view: view{
			Policy: policy(),
			Style:  template.CSS(style),
			Title:  "Operational excellence: " + p.Verify.Environment,
			Runs:   runs(newest(p), judged(p.Verify)),
		},
		Where:   fmt.Sprintf("cluster %s, judged %s", p.Verify.Cluster, instant(p.Verify.Time)),
		Summary: p.Verify.Summary(),
		Omitted: p.Omitted,
		Changes: p.Verify.Changes,
	}
	if p.Verify.Baseline != nil {
		v.Since = instant(*p.Verify.Baseline)
	}
	for _, s := range p.Verify.Services {
		service := serviceView{Name: s.Name}
		for _, c := range s.Criteria {
			one := judgedView{Judged: c, Open: c.Verdict == verify.Fail || c.Verdict == verify.Unproven}
			one.Class, one.Mark = look(c.Verdict)
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

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// judged are the verdicts by service.
func judged(r verify.Report) map[string][]verify.Judged {
	all := map[string][]verify.Judged{}
	for _, s := range r.Services {
		all[s.Name] = s.Criteria
	}
	return all
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
