package size

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
	"github.com/opex-project/opex/internal/review"
)

// RightSizing advises on the size of one service: a VerticalPodAutoscaler for each of its workloads, the database too.
type RightSizing struct {
	pulumi.ResourceState

	// VerticalPodAutoscalers are those of the service, then of its database if it has one.
	VerticalPodAutoscalers []*apiextensions.CustomResource
}

// RightSizingArgs are the arguments of NewRightSizing.
type RightSizingArgs struct {
	// Service is what to look at, as CostLabeledApp runs it. What is unset takes its default.
	Service spec.Service
	// Environment is the value of the label environment. Required.
	Environment string
	// Namespace is the name of the namespace. Required.
	Namespace pulumi.StringInput
}

func (a RightSizingArgs) problems(service spec.Service) problem.List {
	found := service.Problems()
	spec.CheckLabelValue(&found, "Environment", a.Environment)
	if a.Namespace == nil {
		found.Add("Namespace", "is nil: the object would land in whatever namespace the kubeconfig names")
	}
	return found
}

// NewRightSizing declares the advice on a service. Wrong arguments are all reported at once, and nothing is registered
// then. What it looks at must exist: give pulumi.DependsOn the service's CostLabeledApp, and the SizeAdvisor that
// brings the kind.
func NewRightSizing(
	ctx *pulumi.Context, name string, args *RightSizingArgs, opts ...pulumi.ResourceOption,
) (*RightSizing, error) {
	// Defaults.
	if args == nil {
		args = &RightSizingArgs{}
	}
	service := args.Service.WithDefaults()

	// Validate.
	who := fmt.Sprintf("RightSizing %q", name)
	if err := args.problems(service).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}
	for _, w := range workloadsOf(service) {
		if by := w.Sizing.HorizontallyScaledBy; len(by) > 0 {
			text := fmt.Sprintf(
				"%s: a HorizontalPodAutoscaler scales %s by %s. It changes what each pod is given to do, so recommendations for that follow it and are no measure",
				who, w.Name, strings.Join(by, " and "),
			)
			if err := ctx.Log.Warn(text, nil); err != nil {
				return nil, err
			}
		}
	}

	// Register.
	advice := &RightSizing{}
	inputs := pulumi.Map{"rightSizing": platform.Values(service.RightSizing), "namespace": args.Namespace}
	if err := ctx.RegisterComponentResourceV2("opex:index:RightSizing", name, inputs, advice, opts...); err != nil {
		return nil, err
	}

	// Children.
	labels := platform.LabelsOf(service, args.Environment)
	for _, w := range workloadsOf(service) {
		object, err := NewAdvice(
			ctx, name+"-"+w.role+"verticalpodautoscaler", w, args.Namespace, labels.Object(w.component),
			pulumi.Parent(advice),
		)
		if err != nil {
			return nil, err
		}
		advice.VerticalPodAutoscalers = append(advice.VerticalPodAutoscalers, object)
	}

	// Outputs. The objects are in the state themselves.
	return advice, ctx.RegisterResourceOutputs(advice, pulumi.Map{})
}

// NewAdvice lets the recommender look at a workload.
func NewAdvice(
	ctx *pulumi.Context, name string, w Workload, namespace pulumi.StringInput, labels map[string]string,
	opts ...pulumi.ResourceOption,
) (*apiextensions.CustomResource, error) {
	metadata := &metav1.ObjectMetaArgs{
		Name:      pulumi.String(w.Name),
		Namespace: namespace.ToStringOutput().ToStringPtrOutput(), Labels: pulumi.ToStringMap(labels),
	}
	if w.Sizing.Mode != "Off" {
		metadata.Annotations = pulumi.StringMap{review.AnnotationReason: pulumi.String(w.Sizing.Reason)}
	}
	return apiextensions.NewCustomResource(ctx, name, &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("autoscaling.k8s.io/v1"),
		Kind:       pulumi.String("VerticalPodAutoscaler"), Metadata: metadata,
		OtherFields: kubernetes.UntypedArgs{"spec": platform.Values(adviceOn(w))},
	}, opts...)
}

// Workload is what runs pods, each with one container.
type Workload struct {
	Kind, Name, Container string
	Sizing                spec.RightSizing

	role, component string // role stands in resource names
	setting         string // of its resources in the stack's config, from the service on
}

func workloadsOf(s spec.Service) []Workload {
	all := []Workload{
		{
			component: platform.ComponentAPI,
			Kind:      "Deployment",
			Name:      s.Name,
			Container: s.Name,
			setting:   "resources",
			Sizing:    s.RightSizing,
		},
	}
	if s.Database != nil {
		all = append(
			all,
			Workload{role: "db-", component: platform.ComponentDatabase, Kind: "StatefulSet", Name: s.DatabaseName(),
				Container: "postgres", setting: "database.resources", Sizing: s.Database.RightSizing},
		)
	}
	return all
}

// Contract says what advises on a service, for stack outputs. Its defaults must be set.
func Contract(s spec.Service) []contract.VerticalPodAutoscaler {
	var all []contract.VerticalPodAutoscaler
	for _, w := range workloadsOf(s) {
		all = append(all, contract.VerticalPodAutoscaler{
			Name: w.Name, TargetKind: w.Kind, TargetName: w.Name, Containers: []string{w.Container}, Setting: w.setting,
		})
	}
	return all
}
