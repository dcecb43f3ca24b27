package components

import (
	"fmt"
	"maps"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// Where the charts put things. Each namespace belongs to its engine alone.
const (
	prometheusName      = "prometheus"
	prometheusNamespace = "prometheus-system"
	prometheusService   = "prometheus-server"
	prometheusPort      = 80

	openCostName      = "opencost"
	openCostNamespace = "opencost"
	openCostPort      = 9003
)

// CostVisibility is the engine of costs, once per cluster: Prometheus with just the scrapes that OpenCost and the services
// need, OpenCost, alert rules and a dashboard.
type CostVisibility struct {
	pulumi.ResourceState

	// Cost is a contract.CostVisibility as a map, for stack outputs. It is known once OpenCost is ready.
	Cost pulumi.MapOutput
	// Dashboard is a contract.Dashboard as a map.
	Dashboard pulumi.MapOutput
}

// CostVisibilityArgs are the arguments of NewCostVisibility.
type CostVisibilityArgs struct {
	EngineArgs
	// Cost describes prices, budgets and storage. What is unset takes its default.
	Cost CostSpec
	// Scrapes are the services that give metrics.
	Scrapes []Scrape
	// Namespaces are those of the services: coverage and sizes are watched there. Empty: not watched.
	Namespaces []string
	// Backups are watched with alerts.
	Backups []BackupWatch
	// Proof says that the success criteria are judged in the cluster: there are alerts on their verdicts then.
	Proof bool
}

func (a CostVisibilityArgs) problems() problem.List {
	found := a.EngineArgs.problems()
	found.AddAll("Cost.", a.Cost.Problems())
	seen := map[string]bool{}
	for i, s := range a.Scrapes {
		path := fmt.Sprintf("Scrapes[%d]", i)
		if s.Service == "" || s.Namespace == "" || len(s.Selector) == 0 || s.PortName == "" || s.Path == "" {
			found.Add(path, "needs a service, a namespace, a selector, a port's name and a path; it is %+v", s)
		} else if seen[s.job()] {
			found.Add(path, "%s is scraped twice", s.job())
		}
		seen[s.job()] = true
	}
	return found
}

// NewCostVisibility declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewCostVisibility(ctx *pulumi.Context, name string, args *CostVisibilityArgs, opts ...pulumi.ResourceOption) (*CostVisibility, error) {
	// Defaults.
	given := CostVisibilityArgs{}
	if args != nil {
		given = *args
	}
	given.Owner.SetDefaults()
	given.Cost.SetDefaults()

	// Validate.
	if err := given.problems().Err(fmt.Sprintf("CostVisibility %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &CostVisibility{}
	if err := ctx.RegisterComponentResource("opex:index:CostVisibility", name, engine, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(engine)
	rules := append(costRules(given), backupRules(given.Backups)...)
	if given.Proof {
		rules = append(rules, proofRules()...)
	}

	prometheusHome, err := newEngineNamespace(ctx, name+"-prometheus-namespace", prometheusNamespace, given.EngineArgs, child)
	if err != nil {
		return nil, err
	}
	prometheus, err := newRelease(ctx, name+"-prometheus", prometheusChart, prometheusHome.Name(),
		valuesOf(newPrometheusValues(given, rules)), child)
	if err != nil {
		return nil, err
	}
	openCostHome, err := newEngineNamespace(ctx, name+"-opencost-namespace", openCostNamespace, given.EngineArgs, child)
	if err != nil {
		return nil, err
	}
	// It looks for Prometheus at its start only, and ends itself when there is none for a hundred seconds.
	openCost, err := newRelease(ctx, name+"-opencost", openCostChart, openCostHome.Name(),
		valuesOf(newOpenCostValues(given)), child, pulumi.DependsOn([]pulumi.Resource{prometheus}))
	if err != nil {
		return nil, err
	}
	if given.Cost.Operator {
		groups, err := plainOf(rules)
		if err != nil {
			return nil, err
		}
		if _, err := newObject(ctx, name+"-prometheusrule", "monitoring.coreos.com/v1", "PrometheusRule", &metav1.ObjectMetaArgs{
			Name:      pulumi.String("opex-cost"),
			Namespace: openCostHome.Name(),
			Labels:    pulumi.ToStringMap(given.objectLabels(openCostName)),
		}, pulumi.Map{"spec": pulumi.Map{"groups": pulumi.Any(groups)}}, child); err != nil {
			return nil, err
		}
	}
	board := costDashboard(given)
	dashboard, err := newDashboard(ctx, name+"-dashboard", board, openCostHome, given.objectLabels(openCostName), child)
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Cost = openCost.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(given.contract())
	}).(pulumi.MapOutput)
	engine.Dashboard = dashboard
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"cost": engine.Cost})
}

func (a CostVisibilityArgs) contract() contract.CostVisibility {
	budgets := map[string]float64{}
	maps.Copy(budgets, a.Cost.Budgets)
	return contract.CostVisibility{
		OpenCost:   endpoint(openCostNamespace, openCostName, openCostPort),
		Prometheus: endpoint(prometheusNamespace, prometheusService, prometheusPort),
		Currency:   a.Cost.Currency, Prices: a.Cost.Prices.contract(), Budgets: budgets, Platform: a.Owner.Team,
	}
}

func endpoint(namespace, service string, port int) contract.Endpoint {
	return contract.Endpoint{Namespace: namespace, Service: service, Port: port,
		URL: fmt.Sprintf("http://%s.%s.svc.cluster.local:%d", service, namespace, port)}
}
