package cost

import (
	"fmt"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/internal/grafana"
)

func costDashboard(args CostVisibilityArgs) platform.Dashboard {
	money := "currency" + args.Cost.Currency
	full := 0.99
	b := platform.Dashboard{
		Dashboard: grafana.Dashboard{
			UID:   "opex-cost",
			Title: "Cost and size",
			Tags:  []string{"cost", args.Environment},
			Panels: []grafana.Panel{
				{Title: "Month by team", Kind: "bargauge", Unit: money, Width: 8,
					Description: "What a month costs at the rate of the last day",
					Queries: []grafana.Query{
						{
							Expr:   fmt.Sprintf("sum by (team) (avg_over_time(%s[1d])) * %d", TeamCost, hoursPerMonth),
							Legend: "{{team}}",
						},
					}},
				{Title: "Cost per hour by team", Kind: "timeseries", Unit: money, Width: 16,
					Queries: []grafana.Query{{Expr: fmt.Sprintf("sum by (team) (%s)", TeamCost), Legend: "{{team}}"}}},
				{Title: "Cost per hour by namespace", Kind: "timeseries", Unit: money, Width: 12,
					Queries: []grafana.Query{
						{Expr: fmt.Sprintf("sum by (namespace) (%s)", podCost), Legend: "{{namespace}}"},
					}},
				{Title: "Cost per hour by resource", Kind: "timeseries", Unit: money, Width: 12,
					Queries: []grafana.Query{
						{Expr: fmt.Sprintf("sum by (resource) (%s)", podCost), Legend: "{{resource}}"},
					}},
			},
		},
		Objectives: map[string]float64{},
	}
	for team, budget := range args.Cost.Budgets {
		b.Objectives["Month by team: "+team] = budget
	}
	if namespaces := args.Namespaces; len(namespaces) > 0 {
		b.Objectives["Coverage"] = full
		b.Panels = append(b.Panels,
			grafana.Panel{Title: "Coverage", Kind: "stat", Unit: "percentunit", Width: 6, Bad: &full, BadBelow: true,
				Description: "Share of the services' money that is on a team",
				Queries:     []grafana.Query{{Expr: coverageQuery(namespaces)}}},
			grafana.Panel{Title: "Need against request", Kind: "bargauge", Unit: "percentunit", Width: 18,
				Description: "What each container was seen to need in a day, with a margin of 15%, as a share of its request",
				Queries: []grafana.Query{{
					Expr:   "(" + NeedQuery(namespaces) + ") / " + RequestQuery(namespaces),
					Legend: "{{namespace}}/{{container}} {{resource}}",
				}}},
		)
	}
	return b
}
