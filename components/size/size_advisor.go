// Package size is how large services should be: SizeAdvisor, once per cluster, and RightSizing, once per service.
package size

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/internal/contract"
)

// SizeAdvisor is the engine of sizes, once per cluster: the Vertical Pod Autoscaler with its recommender only, so that
// nothing can change a pod by itself, and metrics-server, which it samples.
type SizeAdvisor struct {
	pulumi.ResourceState

	// Size is a contract.SizeAdvisor as a map, for stack outputs. It is known once the recommender is ready.
	Size pulumi.MapOutput

	Recommender *platform.Release
	// MetricsServer is nil where the cluster has its own.
	MetricsServer *platform.Release
}

// SizeAdvisorArgs are the arguments of NewSizeAdvisor.
type SizeAdvisorArgs struct {
	platform.EngineArgs
	// MetricsServer says to install metrics-server. A cluster must have one, and can have one only.
	MetricsServer bool
	// ForeignCRDs says that the Vertical Pod Autoscaler's kinds are there and belong to somebody else, who keeps them.
	ForeignCRDs bool
}

// Where the chart puts the recommender.
const (
	Namespace  = "vertical-pod-autoscaler"
	Deployment = "vertical-pod-autoscaler-recommender"
)

// The least that is recommended for a pod: the width of the recommender's first histogram bucket (10m, 10 MB), below
// which it can tell nothing apart (VPA v1.8.1, recommender/model/aggregations_config.go). With its own defaults, 25m
// and 250 MB, a small service would never get any information.
const (
	floorMillicores = 10
	floorMiB        = 10 // "MB" of the flag is 1024 * 1024 bytes
)

// NewSizeAdvisor declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewSizeAdvisor(
	ctx *pulumi.Context, name string, args *SizeAdvisorArgs, opts ...pulumi.ResourceOption,
) (*SizeAdvisor, error) {
	// Defaults.
	a := SizeAdvisorArgs{}
	if args != nil {
		a = *args
	}
	a.Owner.SetDefaults()

	// Validate.
	if err := a.Problems().Err(fmt.Sprintf("SizeAdvisor %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &SizeAdvisor{}
	inputs := pulumi.Map{"metricsServer": pulumi.Bool(a.MetricsServer), "environment": pulumi.String(a.Environment)}
	if err := ctx.RegisterComponentResourceV2("opex:index:SizeAdvisor", name, inputs, engine, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(engine)
	namespace, err := a.NewNamespace(ctx, name+"-namespace", Namespace, Namespace, platform.Restricted, child)
	if err != nil {
		return nil, err
	}
	var before []pulumi.Resource
	if a.MetricsServer {
		engine.MetricsServer, err = platform.NewRelease(
			ctx, name+"-metrics-server", platform.MetricsServerChart, a.EngineArgs, pulumi.String("kube-system"),
			platform.Values(newMetricsServerValues(a)), child,
		)
		if err != nil {
			return nil, err
		}
		before = append(before, engine.MetricsServer)
	}
	engine.Recommender, err = platform.NewRelease(
		ctx, name+"-recommender", platform.VerticalPodAutoscalerChart, a.EngineArgs, platform.NameOf(namespace),
		platform.Values(newRecommenderValues(a)), child, pulumi.DependsOn(before),
	)
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Size = engine.Recommender.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(contract.SizeAdvisor{
			Namespace: Namespace, Deployment: Deployment,
			FloorCPU: strconv.Itoa(floorMillicores) + "m", FloorMemory: strconv.Itoa(floorMiB) + "Mi",
		})
	}).(pulumi.MapOutput)
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"size": engine.Size})
}
