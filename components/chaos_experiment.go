package components

import (
	"fmt"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
	"github.com/opex-project/opex/internal/review"
)

// ChaosExperiment declares the failure that one service must survive, as a paused Schedule of Chaos Mesh: nothing happens when it is made or
// changed. `opex gameday` makes the one shot from it.
type ChaosExperiment struct {
	pulumi.ResourceState

	// Plan is a contract.ChaosPlan as a map, for stack outputs.
	Plan pulumi.MapOutput
}

// ChaosExperimentArgs are the arguments of NewChaosExperiment.
type ChaosExperimentArgs struct {
	// Service is what to try, as CostLabeledApp runs it. What is unset takes its default.
	Service ServiceSpec
	// Environment is the value of the label environment. Required, and never production.
	Environment string
	// Namespace is the service's. Required.
	Namespace pulumi.StringInput
}

func (a ChaosExperimentArgs) problems(spec ServiceSpec) problem.List {
	found := spec.Problems()
	found.AddAll("Service.", ChaosSpec{Enabled: true}.ServiceProblems(spec))
	checkLabelValue(&found, "Environment", a.Environment)
	if a.Environment == "production" {
		found.Add("Environment", notInProduction)
	}
	if a.Namespace == nil {
		found.Add("Namespace", "is nil: an experiment without one could reach every pod of the cluster")
	}
	if spec.Chaos.Waived != "" {
		found.Add("Service.chaos.waived", "is set, so there is no experiment to declare")
	}
	return found
}

// NewChaosExperiment declares the experiment of a service. Wrong arguments are all reported at once, and nothing is registered then.
// Give pulumi.DependsOn the ChaosLab that brings the kind, and the service's CostLabeledApp.
func NewChaosExperiment(ctx *pulumi.Context, name string, args *ChaosExperimentArgs, opts ...pulumi.ResourceOption) (*ChaosExperiment, error) {
	// Defaults.
	if args == nil {
		args = &ChaosExperimentArgs{}
	}
	spec := args.Service.withDefaults()

	// Validate.
	who := fmt.Sprintf("ChaosExperiment %q", name)
	if err := args.problems(spec).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	experiment := &ChaosExperiment{}
	if err := ctx.RegisterComponentResource("opex:index:ChaosExperiment", name, experiment, opts...); err != nil {
		return nil, err
	}

	// Children.
	l := newLabels(spec, args.Environment)
	e := spec.Chaos
	metadata := &metav1.ObjectMetaArgs{
		Name: pulumi.String(spec.Name), Namespace: args.Namespace, Labels: pulumi.ToStringMap(l.object(componentAPI)),
	}
	annotations := pulumi.StringMap{review.AnnotationRecovery: pulumi.String(string(e.Recovery))}
	metadata.Annotations = annotations
	repeat := pulumi.Map{
		"type": pulumi.String(e.Kind), "concurrencyPolicy": pulumi.String("Forbid"), "historyLimit": pulumi.Int(1),
		experimentKey[e.Kind]: e.spec(spec.Name, args.Namespace, l),
	}
	if e.Schedule == "" {
		annotations[experimentPause] = pulumi.String("true")
		repeat["schedule"] = pulumi.String("@yearly") // there must be one; paused, it never comes
	} else {
		repeat["schedule"] = pulumi.String(e.Schedule)
		repeat["startingDeadlineSeconds"] = pulumi.Int(int(e.StartingDeadline.value().Seconds()))
	}
	schedule, err := newObject(ctx, name+"-schedule", "chaos-mesh.org/v1alpha1", "Schedule", metadata, pulumi.Map{"spec": repeat}, pulumi.Parent(experiment))
	if err != nil {
		return nil, err
	}

	// Outputs.
	experiment.Plan = schedule.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(spec.chaosContract())
	}).(pulumi.MapOutput)
	return experiment, ctx.RegisterResourceOutputs(experiment, pulumi.Map{"plan": experiment.Plan})
}

// experimentKey is where a Schedule holds an experiment of a kind.
var experimentKey = map[string]string{"PodChaos": "podChaos", "NetworkChaos": "networkChaos", "StressChaos": "stressChaos"}

// spec is the experiment's own: one pod of the service's own, never of its database, in its namespace.
func (e ExperimentSpec) spec(container string, namespace pulumi.StringInput, l labels) pulumi.Map {
	spec := pulumi.Map{
		"mode": pulumi.String("one"),
		"selector": pulumi.Map{
			"namespaces": pulumi.StringArray{namespace}, "labelSelectors": pulumi.ToStringMap(l.identity(componentAPI)),
		},
	}
	if e.Duration != "" {
		spec["duration"] = pulumi.String(e.Duration.value().String())
	}
	switch e.Kind {
	case "PodChaos":
		spec["action"] = pulumi.String(e.Action)
		if e.GraceSeconds > 0 { // Chaos Mesh drops a 0, which would be drift for ever
			spec["gracePeriod"] = pulumi.Int(e.GraceSeconds)
		}
		if e.Action == actionContainerKill {
			spec["containerNames"] = pulumi.ToStringArray([]string{container})
		}
	case "NetworkChaos":
		spec["action"] = pulumi.String(e.Action)
		spec["direction"] = pulumi.String("both")
	case "StressChaos":
		stressors := pulumi.Map{}
		if e.Stress.CPUWorkers > 0 {
			stressors["cpu"] = pulumi.Map{"workers": pulumi.Int(e.Stress.CPUWorkers), "load": pulumi.Int(e.Stress.CPULoad)}
		}
		if e.Stress.Memory != "" {
			stressors["memory"] = pulumi.Map{"workers": pulumi.Int(1), "size": pulumi.String(fmt.Sprintf("%.0fB", bytes(e.Stress.Memory)))}
		}
		spec["stressors"] = stressors
	}
	return spec
}

func (s ServiceSpec) chaosContract() contract.ChaosPlan {
	e := s.Chaos
	load := contract.Load{Rate: e.Load.Rate, Reads: e.Load.Reads, WriteShare: e.Load.WriteShare}
	if len(load.Reads) == 0 {
		load.Reads = []string{s.ReadyPath}
	}
	if e.Load.Write != nil {
		load.Write = &contract.Sentinel{Path: e.Load.Write.Path, Body: e.Load.Write.Body}
	}
	var budget *contract.ErrorBudget
	if e.ErrorBudget != nil {
		budget = &contract.ErrorBudget{Query: e.ErrorBudget.Query, Availability: e.ErrorBudget.Availability}
	}
	return contract.ChaosPlan{
		Schedule: s.Name, Kind: e.Kind, Action: e.Action, Recovery: string(e.Recovery), P95: string(e.P95), Limit: string(e.Limit),
		GameDayAge: string(e.GameDayAge), Load: load, ErrorBudget: budget,
	}
}
