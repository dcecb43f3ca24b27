package stacks

import (
	schedulingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/scheduling/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/size"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
)

// bindings are what is made for a service. What is off is nil.
type bindings struct {
	app        *cost.CostLabeledApp
	sizing     *size.RightSizing
	plan       *backup.BackupPlan
	experiment *chaos.ChaosExperiment
}

// deployServices returns the services' outputs by their names.
func (s stack) deployServices(e *engines) (pulumi.Map, error) {
	priority, err := s.newPriorityClass()
	if err != nil {
		return nil, err
	}
	services := pulumi.Map{}
	for _, service := range s.config.Services {
		b, err := s.bind(service, e, priority)
		if err != nil {
			return nil, err
		}
		services[service.Name] = s.serviceOutput(service, b)
	}
	return services, nil
}

// bind declares a service and what each engine does for it.
func (s stack) bind(service spec.Service, e *engines, priority pulumi.StringInput) (bindings, error) {
	c, namespace := s.config, platform.NameOf(s.namespace)
	var b bindings
	args := &cost.CostLabeledAppArgs{
		Service: service, Environment: c.Environment, Namespace: namespace, PriorityClass: priority,
		ControlPlane: s.found.controlPlaneOf(c), Callers: s.callers(service),
	}
	if service.Database != nil {
		args.DatabasePassword = pulumi.ToSecret(pulumi.String(c.DatabasePasswords[service.Name])).(pulumi.StringOutput)
	}
	var err error
	if b.app, err = cost.NewCostLabeledApp(s.ctx, service.Name, args, s.component()...); err != nil {
		return b, err
	}
	if e.size != nil {
		b.sizing, err = size.NewRightSizing(s.ctx, service.Name+"-size", &size.RightSizingArgs{
			Service: service, Environment: c.Environment, Namespace: namespace,
		}, s.component(e.size, b.app)...)
		if err != nil {
			return b, err
		}
	}
	if e.backup != nil && service.Backup.Waived == "" {
		b.plan, err = backup.NewBackupPlan(s.ctx, service.Name+"-backup", &backup.BackupPlanArgs{
			Service: service, Environment: c.Environment, Namespace: c.Namespace,
		}, s.component(e.backup, b.app)...)
		if err != nil {
			return b, err
		}
	}
	if e.chaos != nil && service.Chaos.Waived == "" {
		b.experiment, err = chaos.NewChaosExperiment(s.ctx, service.Name+"-chaos", &chaos.ChaosExperimentArgs{
			Service: service, Environment: c.Environment, Namespace: namespace,
		}, s.component(e.chaos, b.app)...)
	}
	return b, err
}

// callers are the pods of engines that must reach a service whose spec names who may.
func (s stack) callers(service spec.Service) []spec.Peer {
	var all []spec.Peer
	if s.config.Cost.Enabled && service.MetricsPath != "" {
		all = append(all, spec.Peer{Namespace: cost.PrometheusNamespace})
	}
	if s.config.Chaos.Enabled && service.Chaos.Waived == "" {
		all = append(all, spec.Peer{Namespace: chaos.Namespace}) // the load of Game Days
	}
	return all
}

// newPriorityClass returns the name of the class that production's pods have, or nil: when nodes are short, what serves
// goes last.
func (s stack) newPriorityClass() (pulumi.StringInput, error) {
	if !s.config.profile().priority {
		return nil, nil
	}
	class, err := schedulingv1.NewPriorityClass(s.ctx, "priority", &schedulingv1.PriorityClassArgs{
		Metadata:    s.metadata(s.config.Namespace),
		Value:       pulumi.Int(servicePriority),
		Description: pulumi.String("Services of " + s.config.Environment + " and their databases"),
	}, s.object()...)
	if err != nil {
		return nil, err
	}
	return class.Metadata.Name().Elem(), nil
}

// servicePriority is above pods without a class, which have 0, and far below the cluster's own, which have
// 2,000,000,000.
const servicePriority = 1_000_000

// serviceOutput is what dashboards and the command read of a service. It is known when all of it is declared.
func (s stack) serviceOutput(service spec.Service, b bindings) pulumi.MapOutput {
	service = service.WithDefaults() // some follow from what the file sets
	output := cost.Contract(service, s.config.Environment, s.config.Namespace)
	ready := pulumi.Array{platform.NameOf(s.namespace)}
	if b.sizing != nil {
		output.VerticalPodAutoscalers = size.Contract(service)
		for _, object := range b.sizing.VerticalPodAutoscalers {
			ready = append(ready, object.ID())
		}
	}
	if output.NoBackup = service.Backup.Waived; b.plan != nil {
		plan := backup.Contract(service, s.config.Namespace)
		output.Backup, ready = &plan, append(ready, b.plan.Schedule.ID())
	}
	if output.NoChaos = service.Chaos.Waived; b.experiment != nil {
		plan := chaos.Contract(service)
		output.Chaos, ready = &plan, append(ready, b.experiment.Schedule.ID())
	}
	return ready.ToArrayOutput().ApplyT(func([]any) (map[string]any, error) { return contract.Map(output) }).(pulumi.MapOutput)
}
