package chaos

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
	"github.com/opex-project/opex/internal/review"
)

// ChaosExperiment declares the failure that one service must survive, as a paused Schedule of Chaos Mesh: nothing
// happens when it is made or changed. `opex gameday` makes the one shot from it.
type ChaosExperiment struct {
	pulumi.ResourceState

	// Plan is a contract.ChaosPlan as a map, for stack outputs.
	Plan pulumi.MapOutput

	Schedule *apiextensions.CustomResource
}

// ChaosExperimentArgs are the arguments of NewChaosExperiment.
type ChaosExperimentArgs struct {
	// Service is what to try, as CostLabeledApp runs it. What is unset takes its default.
	Service spec.Service
	// Environment is the value of the label environment. Required, and never production.
	Environment string
	// Namespace is the service's. Required.
	Namespace pulumi.StringInput
}

func (a ChaosExperimentArgs) problems(service spec.Service) problem.List {
	found := service.Problems()
	found.AddAll("Service.", spec.Chaos{Enabled: true}.ServiceProblems(service))
	spec.CheckLabelValue(&found, "Environment", a.Environment)
	if a.Environment == "production" {
		found.Add("Environment", spec.NotInProduction)
	}
	if a.Namespace == nil {
		found.Add("Namespace", "is nil: an experiment without one could reach every pod of the cluster")
	}
	if service.Chaos.Waived != "" {
		found.Add("Service.chaos.waived", "is set, so there is no experiment to declare")
	}
	return found
}

// NewChaosExperiment declares the experiment of a service. Wrong arguments are all reported at once, and nothing is
// registered then. Give pulumi.DependsOn the ChaosLab that brings the kind, and the service's CostLabeledApp.
func NewChaosExperiment(
	ctx *pulumi.Context, name string, args *ChaosExperimentArgs, opts ...pulumi.ResourceOption,
) (*ChaosExperiment, error) {
	// Defaults.
	if args == nil {
		args = &ChaosExperimentArgs{}
	}
	service := args.Service.WithDefaults()

	// Validate.
	who := fmt.Sprintf("ChaosExperiment %q", name)
	if err := args.problems(service).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	experiment := &ChaosExperiment{}
	inputs := pulumi.Map{"chaos": platform.Values(service.Chaos), "namespace": args.Namespace}
	if err := ctx.RegisterComponentResourceV2("opex:index:ChaosExperiment", name, inputs, experiment, opts...); err != nil {
		return nil, err
	}

	// Children.
	labels := platform.LabelsOf(service, args.Environment)
	metadata := labels.Metadata(service.Name, platform.ComponentAPI, args.Namespace)
	annotations := pulumi.StringMap{review.AnnotationRecovery: pulumi.String(string(service.Chaos.Recovery))}
	if service.Chaos.Schedule == "" {
		annotations[experimentPause] = pulumi.String("true")
	}
	metadata.Annotations = annotations
	schedule := args.Namespace.ToStringOutput().ApplyT(func(namespace string) (map[string]any, error) {
		return platform.Plain(scheduleOf(service, namespace, labels))
	}).(pulumi.MapOutput)
	var err error
	experiment.Schedule, err = apiextensions.NewCustomResource(ctx, name+"-schedule", &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("chaos-mesh.org/v1alpha1"), Kind: pulumi.String("Schedule"),
		Metadata: metadata, OtherFields: kubernetes.UntypedArgs{"spec": schedule},
	}, pulumi.Parent(experiment))
	if err != nil {
		return nil, err
	}

	// Outputs.
	experiment.Plan = experiment.Schedule.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(Contract(service))
	}).(pulumi.MapOutput)
	return experiment, ctx.RegisterResourceOutputs(experiment, pulumi.Map{"plan": experiment.Plan})
}

// Contract says which experiment a service must survive, for stack outputs. Its defaults must be set.
func Contract(s spec.Service) contract.ChaosPlan {
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
