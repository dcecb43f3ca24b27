package components

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
)

// SizeAdvisor is the engine of sizes, once per cluster: the Vertical Pod Autoscaler with its recommender only, so that nothing
// can change a pod by itself, and metrics-server, which it samples.
type SizeAdvisor struct {
	pulumi.ResourceState

	// Size is a contract.SizeAdvisor as a map, for stack outputs. It is known once the recommender is ready.
	Size pulumi.MapOutput
}

// SizeAdvisorArgs are the arguments of NewSizeAdvisor.
type SizeAdvisorArgs struct {
	EngineArgs
	// MetricsServer says to install metrics-server. A cluster must have one, and can have one only.
	MetricsServer bool
}

const (
	recommenderNamespace  = "vertical-pod-autoscaler"
	recommenderDeployment = "vertical-pod-autoscaler-recommender"
)

// The least that is recommended for a pod: the width of the recommender's first histogram bucket (10m, 10 MB), below which it can
// tell nothing apart (VPA v1.8.1, recommender/model/aggregations_config.go). With its own defaults, 25m and 250 MB, a small
// service would never get any information.
const (
	floorMillicores = 10
	floorMiB        = 10 // "MB" of the flag is 1024 * 1024 bytes
)

// NewSizeAdvisor declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewSizeAdvisor(ctx *pulumi.Context, name string, args *SizeAdvisorArgs, opts ...pulumi.ResourceOption) (*SizeAdvisor, error) {
	// Defaults.
	given := SizeAdvisorArgs{}
	if args != nil {
		given = *args
	}
	given.Owner.SetDefaults()

	// Validate.
	if err := given.problems().Err(fmt.Sprintf("SizeAdvisor %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &SizeAdvisor{}
	if err := ctx.RegisterComponentResource("opex:index:SizeAdvisor", name, engine, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(engine)
	home, err := newEngineNamespace(ctx, name+"-namespace", recommenderNamespace, given.EngineArgs, child)
	if err != nil {
		return nil, err
	}
	var before []pulumi.Resource
	if given.MetricsServer {
		metricsServer, err := newRelease(ctx, name+"-metrics-server", metricsServerChart, pulumi.String("kube-system"),
			valuesOf(newMetricsServerValues(given.EngineArgs)), child)
		if err != nil {
			return nil, err
		}
		before = append(before, metricsServer)
	}
	recommender, err := newRelease(ctx, name+"-recommender", verticalPodAutoscalerChart, home.Name(),
		valuesOf(newRecommenderValues(given.EngineArgs)), child, pulumi.DependsOn(before))
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Size = recommender.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(contract.SizeAdvisor{
			Namespace: recommenderNamespace, Deployment: recommenderDeployment,
			FloorCPU: strconv.Itoa(floorMillicores) + "m", FloorMemory: strconv.Itoa(floorMiB) + "Mi",
		})
	}).(pulumi.MapOutput)
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"size": engine.Size})
}

// The types below are the keys of the charts' values that are set here.

type recommenderValues struct {
	Updater                  enabled                 `json:"updater"`
	AdmissionController      enabled                 `json:"admissionController"`
	Recommender              recommender             `json:"recommender"`
	PodSecurityContext       podSecurityValues       `json:"podSecurityContext"`
	ContainerSecurityContext containerSecurityValues `json:"containerSecurityContext"`
}

type recommender struct {
	Enabled             bool              `json:"enabled"`
	Replicas            int               `json:"replicas"`
	PodDisruptionBudget enabled           `json:"podDisruptionBudget"`
	Image               imageValues       `json:"image"`
	PodLabels           map[string]string `json:"podLabels"`
	Resources           resourceValues    `json:"resources"`
	ExtraArgs           []string          `json:"extraArgs"`
}

func newRecommenderValues(e EngineArgs) recommenderValues {
	return recommenderValues{
		Recommender: recommender{
			Enabled:   true,
			Replicas:  1, // advice can wait; a PodDisruptionBudget would block drains for it
			Image:     e.Images.values(imageVPARecommender),
			PodLabels: e.labels(recommenderNamespace),
			Resources: newResourceValues("25m", "64Mi", "500m", "512Mi"),
			ExtraArgs: []string{
				fmt.Sprintf("--pod-recommendation-min-cpu-millicores=%d", floorMillicores),
				fmt.Sprintf("--pod-recommendation-min-memory-mb=%d", floorMiB),
				"--memory-saver=true", // tracks only pods that a VerticalPodAutoscaler selects
			},
		},
		PodSecurityContext:       podSecurityOf(nobody),
		ContainerSecurityContext: restrictedContainer,
	}
}

type metricsServerValues struct {
	Image     imageValues       `json:"image"`
	PodLabels map[string]string `json:"podLabels"`
	Resources resourceValues    `json:"resources"`
}

func newMetricsServerValues(e EngineArgs) metricsServerValues {
	return metricsServerValues{
		Image:     e.Images.values(imageMetricsServer),
		PodLabels: e.labels("metrics-server"),
		Resources: newResourceValues("50m", "100Mi", "500m", "400Mi"),
	}
}
