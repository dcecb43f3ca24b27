package cost

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opex-project/opex/components/platform"
)

// Series that the rules record; dashboards read them too.
const (
	podCost  = "pod:opex_cost_per_hour:sum"  // labels namespace, pod, resource: money per hour
	TeamCost = "team:opex_cost_per_hour:sum" // labels team, resource: money per hour, of a month's 730
)

// podCostQuery is the money per hour of each pod by resource, from what OpenCost exports: the greater of request and
// usage, times the price on its node (per CPU, per GiB). https://opencost.io/docs/integrations/metrics
const podCostQuery = `sum by (namespace, pod, resource) (
  label_replace(container_cpu_allocation * on (node) group_left () max by (node) (node_cpu_hourly_cost), "resource", "cpu", "", "")
or
  label_replace(container_memory_allocation_bytes / 1073741824 * on (node) group_left () max by (node) (node_ram_hourly_cost), "resource", "memory", "", "")
or
  label_replace(pod_pvc_allocation / 1073741824 * on (persistentvolume) group_left () max by (persistentvolume) (pv_hourly_cost), "resource", "storage", "", "")
)`

// podTeam is 1 for each pod, with its team.
const podTeam = `max by (namespace, pod, team) (label_replace(kube_pod_labels{label_team!=""}, "team", "$1", "label_team", "(.+)"))`

const TeamCostQuery = `sum by (team, resource) (` + podCost + ` * on (namespace, pod) group_left (team) ` + podTeam + `)`

// coverageQuery is the share, 0 to 1, of the services' money that is on a team.
func coverageQuery(namespaces []string) string {
	money := fmt.Sprintf(`%s{namespace=~%q}`, podCost, strings.Join(namespaces, "|"))
	return fmt.Sprintf(
		`sum(%s * on (namespace, pod) group_left () max by (namespace, pod) (kube_pod_labels{label_team!=""})) / sum(%s)`,
		money, money,
	)
}

// RequestQuery is the request of each container of the services by resource: CPUs, bytes.
func RequestQuery(namespaces []string) string {
	return fmt.Sprintf(
		`max by (namespace, container, resource) (kube_pod_container_resource_requests{namespace=~%q, resource=~"cpu|memory"})`,
		strings.Join(namespaces, "|"),
	)
}

// NeedQuery is what each container was seen to need over a day, as the recommender reckons it: the 90th percentile of
// CPU and the peak of memory, plus 15% (flags of vertical-pod-autoscaler v1.8.1: --target-cpu-percentile,
// --recommendation-margin-fraction). The recommender itself exports no recommendation.
func NeedQuery(namespaces []string) string {
	of := fmt.Sprintf(`{namespace=~%q, container!="", container!="POD"}`, strings.Join(namespaces, "|"))
	return `1.15 * max by (namespace, container, resource) (
  label_replace(quantile_over_time(0.9, rate(container_cpu_usage_seconds_total` + of + `[5m])[1d:5m]), "resource", "cpu", "", "")
or
  label_replace(max_over_time(container_memory_working_set_bytes` + of + `[1d]), "resource", "memory", "", "")
)`
}

// costRules are the rules of CostVisibility: what a pod and a team cost, and the alerts.
func costRules(args CostVisibilityArgs) []platform.RuleGroup {
	recorded := platform.RuleGroup{Name: "opex-cost", Rules: []platform.Rule{
		{Record: podCost, Expr: podCostQuery},
		{Record: TeamCost, Expr: TeamCostQuery},
	}}
	alerts := platform.RuleGroup{Name: "opex-cost-alerts", Rules: []platform.Rule{platform.Alert("OpenCostDown",
		`up{job="opencost"} == 0 or absent(up{job="opencost"})`, "10m",
		"OpenCost gives no metrics: nobody sees what is spent",
		"kubectl --namespace "+OpenCostNamespace+" describe pods; opex verify --only SC-002")}}
	for _, team := range slices.Sorted(maps.Keys(args.Cost.Budgets)) {
		budget := strconv.FormatFloat(args.Cost.Budgets[team], 'f', -1, 64)
		exceeded := platform.Alert(
			"TeamBudgetExceeded",
			fmt.Sprintf(
				`sum by (team) (avg_over_time(%s{team=%q}[1d])) * %d > %s`, TeamCost, team, hoursPerMonth, budget,
			),
			"1h",
			fmt.Sprintf(
				`{{ $labels.team }} spends {{ printf "%%.2f" $value }} %s a month at the rate of the last day; its budget is %s`,
				args.Cost.Currency, budget,
			),
			"opex costs --by app --compare",
		)
		exceeded.Labels["team"] = team // tells the rules of several teams apart
		alerts.Rules = append(alerts.Rules, exceeded)
	}
	if namespaces := args.Namespaces; len(namespaces) > 0 {
		request, need := RequestQuery(namespaces), NeedQuery(namespaces)
		alerts.Rules = append(alerts.Rules,
			platform.Alert(
				"CostCoverageLow", coverageQuery(namespaces)+" < 0.99", "30m",
				`only {{ $value | humanizePercentage }} of the services' money is on a team`,
				"opex costs; opex verify --only SC-001",
			),
			platform.Alert(
				"RequestFarAboveNeed", request+" > 2 * ("+need+")", "1d",
				`{{ $labels.namespace }}/{{ $labels.container }} requests more than twice the {{ $labels.resource }} that it was seen to need for a day`,
				"opex rightsize",
			),
			platform.Alert(
				"RequestBelowNeed", need+" > 1.2 * "+request, "1h",
				`{{ $labels.namespace }}/{{ $labels.container }} needs more {{ $labels.resource }} than it requests: a busy node would starve it`,
				"opex rightsize",
			),
		)
	}
	return []platform.RuleGroup{recorded, alerts}
}
