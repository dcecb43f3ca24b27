package components

import (
	"fmt"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
	"github.com/opex-project/opex/internal/review"
)

// BackupPlan backs one service up: a Velero Schedule for the service's own objects, and for a database the dump that hooks make.
type BackupPlan struct {
	pulumi.ResourceState

	// Plan is a contract.BackupPlan as a map, for stack outputs.
	Plan pulumi.MapOutput
}

// BackupPlanArgs are the arguments of NewBackupPlan.
type BackupPlanArgs struct {
	// Service is what to back up, as CostLabeledApp runs it. What is unset takes its default.
	Service ServiceSpec
	// Environment is the value of the label environment. Required.
	Environment string
	// Namespace is the service's. Required.
	Namespace string
}

func (a BackupPlanArgs) problems(spec ServiceSpec) problem.List {
	found := spec.Problems()
	checkLabelValue(&found, "Environment", a.Environment)
	if a.Namespace == "" {
		found.Add("Namespace", "is empty: a Schedule without namespaces backs up the whole cluster")
	}
	if spec.Backup.Waived != "" {
		found.Add("Service.backup.waived", "is set, so there is no plan to make")
	}
	return found
}

// NewBackupPlan declares the backups of a service. Wrong arguments are all reported at once, and nothing is registered then.
// Give pulumi.DependsOn the BackupVault that brings the kind, and the service's CostLabeledApp.
func NewBackupPlan(ctx *pulumi.Context, name string, args *BackupPlanArgs, opts ...pulumi.ResourceOption) (*BackupPlan, error) {
	// Defaults.
	if args == nil {
		args = &BackupPlanArgs{}
	}
	spec := args.Service.withDefaults()

	// Validate.
	who := fmt.Sprintf("BackupPlan %q", name)
	if err := args.problems(spec).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	plan := &BackupPlan{}
	if err := ctx.RegisterComponentResource("opex:index:BackupPlan", name, plan, opts...); err != nil {
		return nil, err
	}

	// Children.
	l := newLabels(spec, args.Environment)
	schedule, err := newObject(ctx, name+"-schedule", "velero.io/v1", "Schedule", &metav1.ObjectMetaArgs{
		Name: pulumi.String(scheduleName(spec, args.Namespace)), Namespace: pulumi.String(veleroNamespace),
		Labels: pulumi.ToStringMap(l.object(componentAPI)),
		Annotations: pulumi.StringMap{
			review.AnnotationRPO: pulumi.String(string(spec.Backup.RPO)), review.AnnotationRTO: pulumi.String(string(spec.Backup.RTO)),
		},
	}, pulumi.Map{"spec": pulumi.Map{
		"schedule": pulumi.String(spec.Backup.Schedule),
		"template": backupTemplate(spec, args.Namespace, l),
	}}, pulumi.Parent(plan))
	if err != nil {
		return nil, err
	}

	// Outputs.
	plan.Plan = schedule.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(spec.planContract(args.Namespace))
	}).(pulumi.MapOutput)
	return plan, ctx.RegisterResourceOutputs(plan, pulumi.Map{"plan": plan.Plan})
}

// scheduleName is that of the Velero Schedule. Those of all namespaces stand in Velero's own.
func scheduleName(s ServiceSpec, namespace string) string { return namespace + "-" + s.Name }

// backupSelector finds all objects of a service, its database's too.
func backupSelector(s ServiceSpec) map[string]string {
	return map[string]string{contract.LabelInstance: s.Name}
}

// backupTemplate is the spec of each backup. Nothing is excluded: where pods are, no hook runs and the backup is called complete.
func backupTemplate(s ServiceSpec, namespace string, l labels) pulumi.Map {
	own := pulumi.ToStringArray([]string{namespace})
	template := pulumi.Map{
		"metadata":                 pulumi.Map{"labels": pulumi.ToStringMap(l.object(componentAPI))}, // of each Backup
		"includedNamespaces":       own,
		"labelSelector":            matching(backupSelector(s)),
		"ttl":                      pulumi.String(s.Backup.TTL.value().String()),
		"storageLocation":          pulumi.String(storageLocationName),
		"snapshotVolumes":          pulumi.Bool(false),
		"defaultVolumesToFsBackup": pulumi.Bool(false), // the dump volume only, by the pod's annotation: PGDATA cannot be copied while it is written
	}
	dump := s.dumpContract()
	if dump == nil {
		return template
	}
	exec := func(h *contract.Hook) pulumi.Array {
		return pulumi.Array{pulumi.Map{"exec": pulumi.Map{
			"container": pulumi.String(databaseContainer), "command": pulumi.ToStringArray(h.Command),
			"onError": pulumi.String("Fail"), "timeout": pulumi.String(h.Timeout),
		}}}
	}
	template["hooks"] = pulumi.Map{"resources": pulumi.Array{pulumi.Map{
		"name":               pulumi.String("dump"),
		"includedNamespaces": own,
		"labelSelector":      matching(l.identity(componentDatabase)),
		"pre":                exec(dump.Pre),
		"post":               exec(dump.Post),
	}}}
	return template
}

func (s ServiceSpec) planContract(namespace string) contract.BackupPlan {
	p := s.Backup
	plan := contract.BackupPlan{
		Schedule: scheduleName(s, namespace), Cron: p.Schedule,
		TTL: string(p.TTL), RPO: string(p.RPO), RTO: string(p.RTO), DrillAge: string(p.DrillAge),
		Selector: backupSelector(s), ReadyPath: s.ReadyPath, Dump: s.dumpContract(),
	}
	if p.Sentinel != nil {
		plan.Sentinel = &contract.Sentinel{Path: p.Sentinel.Path, Body: p.Sentinel.Body}
	}
	return plan
}
