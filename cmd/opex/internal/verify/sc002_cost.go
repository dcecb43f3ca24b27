package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/internal/contract"
)

const (
	costWindow = time.Hour
	// leastShare is how much of the service's money must be on its team. A pod whose label is lost for a minute stays
	// within it.
	leastShare = 0.99
	// freshFor is how old the newest data may be: Prometheus scrapes twice a minute, and OpenCost rounds to minutes.
	freshFor = 10 * time.Minute
)

// unallocated is what OpenCost calls the value of a label that is not there.
const unallocated = "__unallocated__"

var costByTeam = Criterion{
	ID:     "SC-002",
	Title:  "OpenCost says what each team spends",
	Target: "the team has cost in the last hour, data is fresh, 99% of the service's money is on it, and 99% of its namespace's money has an owner",
	Why:    "Without it, nobody can say why costs doubled, nor who drove it.",
	Check:  checkCostByTeam,
}

func checkCostByTeam(ctx context.Context, w *World, _ string, service contract.Service) Result {
	if w.Outputs.Cost == nil {
		return unproven("cost visibility is off in this stack", "Set opex:cost.enabled to true and run `pulumi up`")
	}
	team := service.Labels[contract.LabelTeam]
	if team == "" {
		return unproven("the stack's outputs do not say which team pays", writeOutputs)
	}
	byTeam, err := w.costs(ctx, "label:"+contract.MetricKey(contract.LabelTeam))
	if err == nil && len(byTeam) == 0 {
		err = errors.New("OpenCost knows no allocation at all in the last hour")
	}
	if err != nil {
		return unproven(err.Error(), nextForOpenCost(err, w.Outputs.Cost.OpenCost))
	}
	spent, known := byTeam[team]
	evidence := []Fact{{"teams that OpenCost knows", strings.Join(slices.Sorted(maps.Keys(byTeam)), ", ")}}
	if !known || spent.TotalCost <= 0 || spent.Minutes <= 0 {
		return fail(fmt.Sprintf("team %s has no cost in the last hour; known are %s", team, evidence[0].Value),
			"opex costs shows where the money is, and at which step the label was lost", evidence...)
	}
	money := func(amount float64) string { return fmt.Sprintf("%.6f %s", amount, w.Outputs.Cost.Currency) }
	evidence = append(
		evidence,
		Fact{"cost of team " + team, fmt.Sprintf("%s over %.0f minutes", money(spent.TotalCost), spent.Minutes)},
	)
	newest := spent.End // of any team: one that runs nothing at present is no sign of old data
	for _, a := range byTeam {
		if a.End.After(newest) {
			newest = a.End
		}
	}
	age := w.Now.Sub(newest)
	evidence = append(
		evidence, Fact{"newest data", fmt.Sprintf("%s, %s old", newest.UTC().Format(time.RFC3339), span(age))},
	)
	if newest.IsZero() || age < -freshFor {
		return unproven("OpenCost dates its newest data "+newest.UTC().Format(time.RFC3339)+", which cannot be",
			nextForOpenCost(nil, w.Outputs.Cost.OpenCost), evidence...)
	}
	if age > freshFor {
		return fail(fmt.Sprintf("OpenCost's newest data is %s old", span(age)),
			"Look whether Prometheus still scrapes: opex costs, and the alert OpenCostDown", evidence...)
	}
	return w.shareOnTeam(ctx, service, team, evidence, money(spent.TotalCost))
}

// shareOnTeam looks at the service's own money: whatever its controllers ran in the last hour, gone pods too.
func (w *World) shareOnTeam(
	ctx context.Context, service contract.Service, team string, evidence []Fact, spent string,
) Result {
	byController, err := w.costs(ctx, "namespace", "controller", "label:"+contract.MetricKey(contract.LabelTeam))
	if err != nil {
		return unproven(err.Error(), nextForOpenCost(err, w.Outputs.Cost.OpenCost), evidence...)
	}
	controllers := []string{"deployment:" + service.Deployment}
	if service.Database != nil {
		controllers = append(controllers, "statefulset:"+service.Database.StatefulSet)
	}
	sums := sumCosts(byController, service.Namespace, controllers, team)
	for _, key := range sums.keys {
		cost := fmt.Sprintf("%.6f %s", byController[key].TotalCost, w.Outputs.Cost.Currency)
		evidence = append(evidence, Fact{"OpenCost line " + key, cost})
	}
	if sums.service <= 0 {
		return fail(
			fmt.Sprintf(
				"OpenCost has no cost for %s in %s, though it has for team %s", strings.Join(controllers, ", "),
				service.Namespace, team,
			),
			getPods(service.Namespace)+"; a new service needs about two minutes",
			evidence...)
	}
	share := sums.onTeam / sums.service
	evidence = append(evidence, Fact{"share of the service's money on its team", fmt.Sprintf("%.2f%%", 100*share)})
	if share < leastShare {
		return fail(fmt.Sprintf("only %.1f%% of the service's money is on team %s", 100*share, team),
			"opex costs shows at which step the label was lost", evidence...)
	}
	if sums.ownerless > (1-leastShare)*sums.namespace {
		return fail(
			fmt.Sprintf(
				"%.1f%% of the money of namespace %s has no owner: %s", 100*sums.ownerless/sums.namespace,
				service.Namespace, strings.Join(sums.withoutTeam, ", "),
			),
			"Label those pods, or delete them; opex costs shows what they cost",
			evidence...)
	}
	if len(sums.silent) > 0 {
		return unproven(
			fmt.Sprintf("OpenCost has no cost for %s in %s", strings.Join(sums.silent, ", "), service.Namespace),
			getPods(service.Namespace)+"; a new pod needs about two minutes", evidence...)
	}
	return pass(
		fmt.Sprintf("%s on %s in the last hour, %.0f%% of the service's money", spent, team, 100*share),
		evidence...)
}

// costSums is where the money of a service and of its namespace went.
type costSums struct {
	namespace, ownerless float64  // all money of the namespace, and that of no team
	service, onTeam      float64  // money of the service, and that on its team
	withoutTeam          []string // controllers of the namespace that cost money of no team
	silent               []string // controllers of the service that cost nothing
	keys                 []string // of the service's allocations
}

// sumCosts sums up allocations by namespace/controller/team.
func sumCosts(
	byController map[string]opencost.Allocation, namespace string, controllers []string, team string,
) costSums {
	sums := costSums{silent: slices.Clone(controllers)}
	for _, key := range slices.Sorted(maps.Keys(byController)) {
		parts := strings.Split(key, "/")
		if len(parts) != 3 || parts[0] != namespace {
			continue
		}
		cost := byController[key].TotalCost
		sums.namespace += cost
		if parts[2] == unallocated && cost > 0 {
			sums.ownerless += cost
			sums.withoutTeam = append(sums.withoutTeam, parts[1])
		}
		if !slices.Contains(controllers, parts[1]) {
			continue
		}
		sums.keys = append(sums.keys, key)
		sums.service += cost
		if cost > 0 {
			sums.silent = slices.DeleteFunc(sums.silent, func(name string) bool { return name == parts[1] })
		}
		if parts[2] == team {
			sums.onTeam += cost
		}
	}
	return sums
}

func nextForOpenCost(err error, at contract.Endpoint) string {
	switch {
	case errors.Is(err, kube.ErrNoAnswer):
		return fmt.Sprintf(
			"kubectl --namespace %s get pods: OpenCost must be Running and Ready; after a restart it needs a minute",
			at.Namespace,
		)
	case kube.Unheard(err):
		return nextForLookup(err, "get services/proxy in namespace "+at.Namespace)
	}
	return fmt.Sprintf(
		"kubectl --namespace %s logs deployment/%s; a new OpenCost needs about two minutes", at.Namespace, at.Service,
	)
}
