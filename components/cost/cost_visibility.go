package cost

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// Where the charts put things. Each namespace belongs to its engine alone.
const (
	PrometheusNamespace = "prometheus-system"
	OpenCostNamespace   = "opencost"
	OpenCostName        = "opencost"
	OpenCostPort        = 9003

	prometheusName    = "prometheus"
	prometheusService = "prometheus-server"
	prometheusPort    = 80
)

// CostVisibility is the engine of costs, once per cluster: Prometheus with just the scrapes that OpenCost and the
// services need, OpenCost, alert rules and a dashboard.
type CostVisibility struct {
	pulumi.ResourceState

	// Cost is a contract.CostVisibility as a map, for stack outputs. It is known once OpenCost is ready.
	Cost pulumi.MapOutput
	// Dashboard is a contract.Dashboard as a map.
	Dashboard pulumi.MapOutput

	Prometheus, OpenCost *platform.Release
}

// CostVisibilityArgs are the arguments of NewCostVisibility.
type CostVisibilityArgs struct {
	platform.EngineArgs
	// Cost describes prices, budgets and storage. What is unset takes its default.
	Cost spec.Cost
	// Scrapes are the services that give metrics.
	Scrapes []platform.Scrape
	// Namespaces are those of the services: coverage and sizes are watched there. Empty: not watched.
	Namespaces []string
	// Rules are evaluated beside those of costs.
	Rules []platform.RuleGroup
}

func (a CostVisibilityArgs) problems() problem.List {
	found := a.EngineArgs.Problems()
	found.AddAll("Cost.", a.Cost.Problems())
	seen := map[string]bool{}
	for i, s := range a.Scrapes {
		path := fmt.Sprintf("Scrapes[%d]", i)
		if s.Service == "" || s.Namespace == "" || len(s.Selector) == 0 || s.PortName == "" || s.Path == "" {
			found.Add(path, "needs a service, a namespace, a selector, a port's name and a path; it is %+v", s)
		} else if seen[s.Job()] {
			found.Add(path, "%s is scraped twice", s.Job())
		}
		seen[s.Job()] = true
	}
	return found
}

// NewCostVisibility declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewCostVisibility(
	ctx *pulumi.Context, name string, args *CostVisibilityArgs, opts ...pulumi.ResourceOption,
) (*CostVisibility, error) {
	// Defaults.
	a := CostVisibilityArgs{}
	if args != nil {
		a = *args
	}
	a.Owner.SetDefaults()
	a.Cost.SetDefaults()

	// Validate.
	if err := a.problems().Err(fmt.Sprintf("CostVisibility %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &CostVisibility{}
	inputs := pulumi.Map{"cost": platform.Values(a.Cost), "environment": pulumi.String(a.Environment)}
	if err := ctx.RegisterComponentResourceV2("opex:index:CostVisibility", name, inputs, engine, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(engine)
	rules := slices.Concat(costRules(a), a.Rules)
	openCost, err := engine.install(ctx, name, a, rules, child)
	if err != nil {
		return nil, err
	}
	if err := newPrometheusRule(ctx, name+"-prometheusrule", a, rules, openCost, child); err != nil {
		return nil, err
	}
	dashboard, err := platform.NewDashboard(
		ctx, name+"-dashboard", costDashboard(a), openCost, a.ObjectLabels(OpenCostName), child,
	)
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Cost = engine.OpenCost.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(a.contract())
	}).(pulumi.MapOutput)
	engine.Dashboard = dashboard
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"cost": engine.Cost})
}

// install declares the two releases, each in a namespace of its own, and returns OpenCost's namespace.
func (engine *CostVisibility) install(
	ctx *pulumi.Context, name string, a CostVisibilityArgs, rules []platform.RuleGroup, child pulumi.ResourceOption,
) (*corev1.Namespace, error) {
	prometheus, err := a.NewNamespace(
		ctx, name+"-prometheus-namespace", PrometheusNamespace, PrometheusNamespace, platform.Restricted, child,
	)
	if err != nil {
		return nil, err
	}
	engine.Prometheus, err = platform.NewRelease(
		ctx, name+"-prometheus", platform.PrometheusChart, a.EngineArgs, platform.NameOf(prometheus),
		platform.Values(newPrometheusValues(a, rules)), child,
	)
	if err != nil {
		return nil, err
	}
	openCost, err := a.NewNamespace(
		ctx, name+"-opencost-namespace", OpenCostNamespace, OpenCostNamespace, platform.Restricted, child,
	)
	if err != nil {
		return nil, err
	}
	// It looks for Prometheus at its start only, and ends itself when there is none for a hundred seconds.
	after := pulumi.DependsOn([]pulumi.Resource{engine.Prometheus})
	engine.OpenCost, err = platform.NewRelease(
		ctx, name+"-opencost", platform.OpenCostChart, a.EngineArgs, platform.NameOf(openCost),
		platform.Values(newOpenCostValues(a)), child, after,
	)
	return openCost, err
}

// newPrometheusRule hands the rules to the cluster's own Prometheus Operator, where the stack says that there is one.
func newPrometheusRule(
	ctx *pulumi.Context, name string, a CostVisibilityArgs, rules []platform.RuleGroup, namespace *corev1.Namespace,
	opts ...pulumi.ResourceOption,
) error {
	if !a.Cost.Operator {
		return nil
	}
	_, err := apiextensions.NewCustomResource(ctx, name, &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("monitoring.coreos.com/v1"), Kind: pulumi.String("PrometheusRule"),
		Metadata:    a.Metadata("opex-cost", OpenCostName, platform.NameOf(namespace)),
		OtherFields: kubernetes.UntypedArgs{"spec": platform.Values(platform.RuleFile{Groups: rules})},
	}, opts...)
	return err
}

func (a CostVisibilityArgs) contract() contract.CostVisibility {
	budgets := map[string]float64{}
	maps.Copy(budgets, a.Cost.Budgets)
	return contract.CostVisibility{
		OpenCost:   endpoint(OpenCostNamespace, OpenCostName, OpenCostPort),
		Prometheus: endpoint(PrometheusNamespace, prometheusService, prometheusPort),
		Currency:   a.Cost.Currency, Prices: a.Cost.Prices.Contract(), Budgets: budgets, Platform: a.Owner.Team,
	}
}

func endpoint(namespace, service string, port int) contract.Endpoint {
	return contract.Endpoint{Namespace: namespace, Service: service, Port: port,
		URL: fmt.Sprintf("http://%s.%s.svc.cluster.local:%d", service, namespace, port)}
}
