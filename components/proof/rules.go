package proof

import (
	"fmt"

	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/internal/grafana"
)

// Series of the exporter (cmd/opex/internal/exporter).
const (
	// lights is 1 for each criterion that passes or does not concern its service, else 0.
	lights        = `max by (service, id) (opex_criterion{verdict=~"PASS|N/A"})`
	judgedAgo     = `time() - max(opex_verify_last_timestamp_seconds)`
	evidenceAge   = `max by (service, kind) (opex_evidence_age_seconds)`
	criterionText = "{{ $labels.id }} of {{ $labels.service }}"
)

// Rules are the alerts on verdicts. The exporter withdraws them when no round has ended for five intervals.
func Rules() []platform.RuleGroup {
	action := "opex verify --only {{ $labels.id }} --service {{ $labels.service }}"
	return []platform.RuleGroup{{Name: "opex-proof-alerts", Rules: []platform.Rule{
		platform.Alert(
			"CriterionFails", `max by (service, id) (opex_criterion{verdict="FAIL"}) == 1`, "5m",
			criterionText+" fails", action,
		),
		platform.Alert("CriterionUnproven", `max by (service, id) (opex_criterion{verdict="UNPROVEN"}) == 1`, "1h",
			criterionText+" is not proven: there is no evidence, or it is too old", action),
		platform.Alert(
			"CriteriaNotJudged", `absent(opex_criterion)`, "5m", "the success criteria are not judged any more",
			"kubectl --namespace "+Namespace+" logs deployment/"+exporterName,
		),
	}}}
}

func dashboardOf(a ExporterArgs) platform.Dashboard {
	// from then on the exporter withdraws its verdicts, unless a round takes longer than an interval
	pass, late := 1.0, 5*a.Exporter.Every.Value().Seconds()
	by := func(id string) []grafana.Query {
		return []grafana.Query{
			{Expr: fmt.Sprintf(`max by (service) (opex_criterion_value{id=%q})`, id), Legend: "{{service}}"},
			{Expr: fmt.Sprintf(`max by (service) (opex_criterion_limit{id=%q})`, id), Legend: "{{service}}: objective"},
		}
	}
	b := platform.Dashboard{
		Dashboard: grafana.Dashboard{
			UID:   "opex-proof",
			Title: "Operational excellence",
			Tags:  []string{"proof", a.Environment},
			Panels: []grafana.Panel{
				{Title: "Criteria", Kind: "stat", Unit: "bool_yes_no", Width: 18, Bad: &pass, BadBelow: true,
					Description: "Green: proven, or it does not concern the service. Red: it fails, or there is no evidence",
					Queries:     []grafana.Query{{Expr: lights, Legend: "{{service}} {{id}}"}}},
				{
					Title:       "Last judged",
					Kind:        "stat",
					Unit:        "s",
					Width:       6,
					Bad:         &late,
					Description: "How long ago",
					Queries:     []grafana.Query{{Expr: judgedAgo}},
				},
				{
					Title:       "Criteria over time",
					Kind:        "timeseries",
					Unit:        "short",
					Width:       12,
					Description: "How many pass, by service",
					Queries:     []grafana.Query{{Expr: `sum by (service) (` + lights + `)`, Legend: "{{service}}"}},
				},
				{
					Title:       "Age of the evidence",
					Kind:        "timeseries",
					Unit:        "s",
					Width:       12,
					Description: "Of the newest complete backup, drill and Game Day",
					Queries:     []grafana.Query{{Expr: evidenceAge, Legend: "{{service}} {{kind}}"}},
				},
				{
					Title:       "Time to restore",
					Kind:        "timeseries",
					Unit:        "s",
					Width:       8,
					Description: "Of the newest drill, to the first correct answer",
					Queries:     by("SC-007"),
				},
				{
					Title:       "Recovery of a killed pod",
					Kind:        "timeseries",
					Unit:        "s",
					Width:       8,
					Description: "The slowest of the newest Game Day",
					Queries:     by("SC-008"),
				},
				{
					Title:       "P95 while a pod is replaced",
					Kind:        "timeseries",
					Unit:        "s",
					Width:       8,
					Description: "The slowest of the newest Game Day",
					Queries:     by("SC-010"),
				},
			},
		},
		Objectives: map[string]float64{"Criteria": pass, "Last judged": late},
	}
	if a.Looks.Cost {
		b.Panels = append(b.Panels,
			grafana.Panel{Title: "Money per hour", Kind: "timeseries", Unit: "short", Width: 12, Description: "By team",
				Queries: []grafana.Query{{Expr: `sum by (team) (` + cost.TeamCost + `)`, Legend: "{{team}}"}}},
			grafana.Panel{Title: "Requests against need", Kind: "timeseries", Unit: "percentunit", Width: 12,
				Description: "What is requested, as a share of what was seen to be needed: above 100% is paid for and not used",
				Queries: []grafana.Query{
					{
						Expr: cost.RequestQuery(
							[]string{a.Namespace},
						) + " / " + cost.NeedQuery(
							[]string{a.Namespace},
						),
						Legend: "{{container}} {{resource}}",
					},
				}})
	}
	return b
}
