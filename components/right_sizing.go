package components

import (
	"fmt"
	"strings"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
	"github.com/opex-project/opex/internal/review"
)

// RightSizing advises on the size of one service: a VerticalPodAutoscaler for each of its workloads, the database too.
type RightSizing struct {
	pulumi.ResourceState

	// VerticalPodAutoscalers are contract.VerticalPodAutoscaler as maps, for stack outputs.
	VerticalPodAutoscalers pulumi.ArrayOutput
}

// RightSizingArgs are the arguments of NewRightSizing.
type RightSizingArgs struct {
	// Service is what to look at, as CostLabeledApp runs it. What is unset takes its default.
	Service ServiceSpec
	// Environment is the value of the label environment. Required.
	Environment string
	// Namespace is the name of the namespace. Required.
	Namespace pulumi.StringInput
}

func (a RightSizingArgs) problems(spec ServiceSpec) problem.List {
	found := spec.Problems()
	checkLabelValue(&found, "Environment", a.Environment)
	if a.Namespace == nil {
		found.Add("Namespace", "is nil: the object would land in whatever namespace the kubeconfig names")
	}
	return found
}

// NewRightSizing declares the advice on a service. Wrong arguments are all reported at once, and nothing is registered then.
// What it looks at must exist: give pulumi.DependsOn the service's CostLabeledApp, and the SizeAdvisor that brings the kind.
func NewRightSizing(ctx *pulumi.Context, name string, args *RightSizingArgs, opts ...pulumi.ResourceOption) (*RightSizing, error) {
	// Defaults.
	if args == nil {
		args = &RightSizingArgs{}
	}
	spec := args.Service.withDefaults()

	// Validate.
	who := fmt.Sprintf("RightSizing %q", name)
	if err := args.problems(spec).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}
	for _, w := range spec.workloads() {
		if by := w.sizing.HorizontallyScaledBy; len(by) > 0 {
			text := fmt.Sprintf("%s: a HorizontalPodAutoscaler scales %s by %s. It changes what each pod is given to do, so recommendations for that follow it and are no measure",
				who, w.name, strings.Join(by, " and "))
			if err := ctx.Log.Warn(text, nil); err != nil {
				return nil, err
			}
		}
	}

	// Register.
	advice := &RightSizing{}
	if err := ctx.RegisterComponentResource("opex:index:RightSizing", name, advice, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(advice)
	l := newLabels(spec, args.Environment)
	var outputs pulumi.Array
	for _, w := range spec.workloads() {
		object, err := newAdvice(ctx, name+"-"+w.role+"verticalpodautoscaler", w, args.Namespace, l.object(w.component), child)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, object.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
			return contract.Map(w.contract())
		}))
	}

	// Outputs.
	advice.VerticalPodAutoscalers = outputs.ToArrayOutput()
	return advice, ctx.RegisterResourceOutputs(advice, pulumi.Map{"verticalPodAutoscalers": advice.VerticalPodAutoscalers})
}

// newAdvice lets the recommender look at a workload.
func newAdvice(ctx *pulumi.Context, name string, w workload, namespace pulumi.StringInput, labels map[string]string, opts ...pulumi.ResourceOption) (*Object, error) {
	metadata := &metav1.ObjectMetaArgs{
		Name: pulumi.String(w.name), Namespace: namespace.ToStringOutput().ToStringPtrOutput(), Labels: pulumi.ToStringMap(labels),
	}
	if w.sizing.Mode != "Off" {
		metadata.Annotations = pulumi.StringMap{review.AnnotationReason: pulumi.String(w.sizing.Reason)}
	}
	return newObject(ctx, name, "autoscaling.k8s.io/v1", "VerticalPodAutoscaler", metadata, pulumi.Map{"spec": pulumi.Map{
		"targetRef": pulumi.StringMap{
			"apiVersion": pulumi.String("apps/v1"), "kind": pulumi.String(w.kind), "name": pulumi.String(w.name),
		},
		"updatePolicy": pulumi.StringMap{"updateMode": pulumi.String(w.sizing.Mode)},
		"resourcePolicy": pulumi.Map{"containerPolicies": pulumi.Array{pulumi.Map{
			"containerName":       pulumi.String(w.container),
			"mode":                pulumi.String("Auto"), // Off here would give no recommendation at all
			"minAllowed":          amounts(w.sizing.Min),
			"maxAllowed":          amounts(w.sizing.Max),
			"controlledResources": pulumi.ToStringArray(scaledResources),
			"controlledValues":    pulumi.String("RequestsOnly"),
		}}},
	}}, opts...)
}

func amounts(a Amounts) pulumi.StringMap {
	return pulumi.StringMap{"cpu": pulumi.String(a.CPU), "memory": pulumi.String(a.Memory)}
}

// workload is what runs pods of a service, each with one container.
type workload struct {
	role                             string // stands in resource names
	component, kind, name, container string
	setting                          string // of its resources in the stack's config, from the service on
	sizing                           RightSizingSpec
}

func (s ServiceSpec) workloads() []workload {
	all := []workload{{component: componentAPI, kind: "Deployment", name: s.Name, container: s.Name, setting: "resources", sizing: s.RightSizing}}
	if s.Database != nil {
		all = append(all, workload{role: "db-", component: componentDatabase, kind: "StatefulSet", name: s.databaseName(),
			container: databaseContainer, setting: "database.resources", sizing: s.Database.RightSizing})
	}
	return all
}

func (w workload) contract() contract.VerticalPodAutoscaler {
	return contract.VerticalPodAutoscaler{
		Name: w.name, TargetKind: w.kind, TargetName: w.name, Containers: []string{w.container}, Setting: w.setting,
	}
}
