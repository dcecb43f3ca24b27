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
	// From then on the exporter withdraws its verdicts, unless a round takes longer than an interval.
	pass, late := 1.0, 5*a.Exporter.Every.Value().Seconds()
	criteria := panel("Criteria", "stat", "bool_yes_no", 18,
		"Green: proven, or it does not concern the service. Red: it fails, or there is no evidence",
		grafana.Query{Expr: lights, Legend: "{{service}} {{id}}"})
	criteria.Bad, criteria.BadBelow = &pass, true
	judged := panel("Last judged", "stat", "s", 6, "How long ago", grafana.Query{Expr: judgedAgo})
	judged.Bad = &late
	panels := []grafana.Panel{
		criteria,
		judged,
		panel("Criteria over time", "timeseries", "short", 12, "How many pass, by service",
			grafana.Query{Expr: `sum by (service) (` + lights + `)`, Legend: "{{service}}"}),
		panel("Age of the evidence", "timeseries", "s", 12, "Of the newest complete backup, drill and Game Day",
			grafana.Query{Expr: evidenceAge, Legend: "{{service}} {{kind}}"}),
		panel("Time to restore", "timeseries", "s", 8, "Of the newest drill, to the first correct answer",
			measured("SC-007")...),
		panel("Recovery of a killed pod", "timeseries", "s", 8, "The slowest of the newest Game Day",
			measured("SC-008")...),
		panel("P95 while a pod is replaced", "timeseries", "s", 8, "The slowest of the newest Game Day",
			measured("SC-010")...),
	}
	if a.Looks.Cost {
		namespaces := []string{a.Namespace}
		panels = append(panels,
			panel("Money per hour", "timeseries", "short", 12, "By team",
				grafana.Query{Expr: `sum by (team) (` + cost.TeamCost + `)`, Legend: "{{team}}"}),
			panel("Requests against need", "timeseries", "percentunit", 12,
				"What is requested, as a share of what was seen to be needed: above 100% is paid for and not used",
				grafana.Query{
					Expr:   cost.RequestQuery(namespaces) + " / " + cost.NeedQuery(namespaces),
					Legend: "{{container}} {{resource}}",
				}))
	}
	return platform.Dashboard{
		Dashboard: grafana.Dashboard{
			UID: "opex-proof", Title: "Operational excellence", Tags: []string{"proof", a.Environment}, Panels: panels,
		},
		Objectives: map[string]float64{criteria.Title: pass, judged.Title: late},
	}
}

func panel(title, kind, unit string, width int, description string, queries ...grafana.Query) grafana.Panel {
	return grafana.Panel{
		Title: title, Kind: kind, Unit: unit, Width: width, Description: description, Queries: queries,
	}
}

// measured are a criterion's figure and its objective.
func measured(id string) []grafana.Query {
	return []grafana.Query{
		{Expr: fmt.Sprintf(`max by (service) (opex_criterion_value{id=%q})`, id), Legend: "{{service}}"},
		{Expr: fmt.Sprintf(`max by (service) (opex_criterion_limit{id=%q})`, id), Legend: "{{service}}: objective"},
	}
}
