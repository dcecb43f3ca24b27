package backup

import (
	"fmt"

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

// BackupPlan backs one service up: a Velero Schedule for the service's own objects, and for a database the dump that
// hooks make.
type BackupPlan struct {
	pulumi.ResourceState

	// Plan is a contract.BackupPlan as a map, for stack outputs.
	Plan pulumi.MapOutput

	Schedule *apiextensions.CustomResource
}

// BackupPlanArgs are the arguments of NewBackupPlan.
type BackupPlanArgs struct {
	// Service is what to back up, as CostLabeledApp runs it. What is unset takes its default.
	Service spec.Service
	// Environment is the value of the label environment. Required.
	Environment string
	// Namespace is the service's. Required.
	Namespace string
}

func (a BackupPlanArgs) problems(service spec.Service) problem.List {
	found := service.Problems()
	spec.CheckLabelValue(&found, "Environment", a.Environment)
	if a.Namespace == "" {
		found.Add("Namespace", "is empty: a Schedule without namespaces backs up the whole cluster")
	}
	if service.Backup.Waived != "" {
		found.Add("Service.backup.waived", "is set, so there is no plan to make")
	}
	return found
}

// NewBackupPlan declares the backups of a service. Wrong arguments are all reported at once, and nothing is registered
// then. Give pulumi.DependsOn the BackupVault that brings the kind, and the service's CostLabeledApp.
func NewBackupPlan(
	ctx *pulumi.Context, name string, args *BackupPlanArgs, opts ...pulumi.ResourceOption,
) (*BackupPlan, error) {
	// Defaults.
	if args == nil {
		args = &BackupPlanArgs{}
	}
	service := args.Service.WithDefaults()

	// Validate.
	who := fmt.Sprintf("BackupPlan %q", name)
	if err := args.problems(service).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	plan := &BackupPlan{}
	inputs := pulumi.Map{"backup": platform.Values(service.Backup), "namespace": pulumi.String(args.Namespace)}
	if err := ctx.RegisterComponentResourceV2("opex:index:BackupPlan", name, inputs, plan, opts...); err != nil {
		return nil, err
	}

	// Children.
	labels := platform.LabelsOf(service, args.Environment)
	var err error
	plan.Schedule, err = apiextensions.NewCustomResource(ctx, name+"-schedule", &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("velero.io/v1"), Kind: pulumi.String("Schedule"),
		Metadata: &metav1.ObjectMetaArgs{
			Name: pulumi.String(service.ScheduleName(args.Namespace)), Namespace: pulumi.String(Namespace),
			Labels: pulumi.ToStringMap(labels.Object(platform.ComponentAPI)),
			Annotations: pulumi.StringMap{
				review.AnnotationRPO: pulumi.String(
					string(service.Backup.RPO),
				), review.AnnotationRTO: pulumi.String(string(service.Backup.RTO)),
			},
		},
		OtherFields: kubernetes.UntypedArgs{"spec": platform.Values(scheduleOf(service, args.Namespace, labels))},
	}, pulumi.Parent(plan))
	if err != nil {
		return nil, err
	}

	// Outputs.
	plan.Plan = plan.Schedule.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(Contract(service, args.Namespace))
	}).(pulumi.MapOutput)
	return plan, ctx.RegisterResourceOutputs(plan, pulumi.Map{"plan": plan.Plan})
}

// backupSelector finds all objects of a service, its database's too.
func backupSelector(s spec.Service) map[string]string {
	return map[string]string{contract.LabelInstance: s.Name}
}

// Contract says how a service is backed up, for stack outputs. Its defaults must be set.
func Contract(s spec.Service, namespace string) contract.BackupPlan {
	p := s.Backup
	plan := contract.BackupPlan{
		Schedule: s.ScheduleName(namespace), Cron: p.Schedule,
		TTL: string(p.TTL), RPO: string(p.RPO), RTO: string(p.RTO), DrillAge: string(p.DrillAge),
		Selector: backupSelector(s), ReadyPath: s.ReadyPath, Dump: dumpContract(s),
	}
	if p.Sentinel != nil {
		plan.Sentinel = &contract.Sentinel{Path: p.Sentinel.Path, Body: p.Sentinel.Body}
	}
	return plan
}
