package components

import (
	"fmt"
	"strings"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/review"
)

// CostLabeledApp runs one service, and its database if it has one, such that each object and pod says who pays for it and
// a rollout, a drained node or a killed pod interrupts no request.
type CostLabeledApp struct {
	pulumi.ResourceState

	// Service is a contract.Service as a map: where the service is, for stack outputs.
	Service pulumi.MapOutput
}

// NewCostLabeledApp declares a service. Wrong arguments are all reported at once, and nothing is registered then.
func NewCostLabeledApp(ctx *pulumi.Context, name string, args *CostLabeledAppArgs, opts ...pulumi.ResourceOption) (*CostLabeledApp, error) {
	// Defaults.
	if args == nil {
		args = &CostLabeledAppArgs{}
	}
	spec := args.Service.withDefaults()

	// Validate.
	who := fmt.Sprintf("CostLabeledApp %q", name)
	if err := args.problems(spec).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	app := &CostLabeledApp{}
	if err := ctx.RegisterComponentResource("opex:index:CostLabeledApp", name, app, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(app)
	l := newLabels(spec, args.Environment)
	meta := func(object, component string) *metav1.ObjectMetaArgs {
		return &metav1.ObjectMetaArgs{
			Name: pulumi.String(object), Namespace: args.Namespace, Labels: pulumi.ToStringMap(l.object(component)),
		}
	}

	// Pods get no token of it: a service does not talk to the API server.
	_, err := newObject(ctx, name+"-serviceaccount", "v1", "ServiceAccount", meta(spec.Name, componentAPI), pulumi.Map{
		"automountServiceAccountToken": pulumi.Bool(false),
	}, child)
	if err != nil {
		return nil, err
	}

	var before []pulumi.Resource // what must be ready before the first pod
	if spec.Database != nil {
		password := pulumi.ToSecret(args.DatabasePassword.ToStringOutput()).(pulumi.StringOutput)

		secret, err := newObject(ctx, name+"-db-secret", "v1", "Secret", meta(spec.databaseName(), componentDatabase), pulumi.Map{
			"type": pulumi.String("Opaque"),
			"data": pulumi.ToSecret(pulumi.StringMap{passwordKey: password.ApplyT(base64Of).(pulumi.StringOutput)}),
		}, child, pulumi.AdditionalSecretOutputs([]string{"data", "stringData"}))
		if err != nil {
			return nil, err
		}

		// Before the pods, so that none is ever open to the whole cluster.
		policy, err := newObject(ctx, name+"-db-networkpolicy", "networking.k8s.io/v1", "NetworkPolicy",
			meta(spec.databaseName(), componentDatabase), pulumi.Map{"spec": databaseTraffic(l)}, child)
		if err != nil {
			return nil, err
		}

		scripts, err := hookData()
		if err != nil {
			return nil, err
		}
		hooks, err := newObject(ctx, name+"-db-hooks", "v1", "ConfigMap", meta(spec.hooksName(), componentDatabase), pulumi.Map{"data": scripts}, child)
		if err != nil {
			return nil, err
		}

		template, err := plainMap(databasePod(spec, l, args.DatabasePasswordDigest))
		if err != nil {
			return nil, err
		}
		// No PodDisruptionBudget: with one pod it would either do nothing or block every drain of the node for ever.
		statefulSet, err := newObject(ctx, name+"-db-statefulset", "apps/v1", "StatefulSet", meta(spec.databaseName(), componentDatabase), pulumi.Map{"spec": pulumi.Map{
			"serviceName": pulumi.String(spec.databaseName()),
			"replicas":    pulumi.Int(1),
			"selector":    matching(l.identity(componentDatabase)),
			"template":    template,
			"volumeClaimTemplates": pulumi.Array{
				volumeClaim(dataVolume, spec.Database.DataSize, spec, l),
				volumeClaim(dumpVolume, spec.Database.DumpSize, spec, l),
			},
			// Neither a mistaken delete nor a replace of the StatefulSet may take the data along. They go with their
			// namespace, which production protects.
			"persistentVolumeClaimRetentionPolicy": pulumi.Map{"whenDeleted": pulumi.String("Retain"), "whenScaled": pulumi.String("Retain")},
		}}, child, pulumi.DependsOn([]pulumi.Resource{secret, policy, hooks}))
		if err != nil {
			return nil, err
		}

		// After its pod: Pulumi waits until a Service has an endpoint, in vain for ten minutes if the pod had failed meanwhile.
		service, err := newObject(ctx, name+"-db-service", "v1", "Service", meta(spec.databaseName(), componentDatabase), pulumi.Map{
			"spec": addressOf(l.identity(componentDatabase), postgresPortName, postgresPort),
		}, child, pulumi.DependsOn([]pulumi.Resource{statefulSet}))
		if err != nil {
			return nil, err
		}
		before = append(before, secret, service)
	}

	policy, err := newObject(ctx, name+"-networkpolicy", "networking.k8s.io/v1", "NetworkPolicy",
		meta(spec.Name, componentAPI), pulumi.Map{"spec": serviceTraffic(spec, l, args.ControlPlane)}, child)
	if err != nil {
		return nil, err
	}

	_, err = newObject(ctx, name+"-poddisruptionbudget", "policy/v1", "PodDisruptionBudget", meta(spec.Name, componentAPI), pulumi.Map{"spec": pulumi.Map{
		"selector": matching(l.identity(componentAPI)),
		// One at a time. minAvailable would block the drain of a node for ever where there is one replica.
		"maxUnavailable": pulumi.Int(1),
		// A pod that is not ready serves nobody: it must not keep a node from being drained.
		"unhealthyPodEvictionPolicy": pulumi.String("AlwaysAllow"),
	}}, child)
	if err != nil {
		return nil, err
	}

	template, err := plainMap(servicePod(spec, l, args.DatabasePasswordDigest))
	if err != nil {
		return nil, err
	}
	pods := pulumi.Map{
		"replicas": pulumi.Int(spec.Replicas),
		"selector": matching(l.identity(componentAPI)),
		// A new pod is ready before an old one goes.
		"strategy": pulumi.Map{
			"type":          pulumi.String("RollingUpdate"),
			"rollingUpdate": pulumi.Map{"maxSurge": pulumi.Int(1), "maxUnavailable": pulumi.Int(0)},
		},
		"minReadySeconds":         pulumi.Int(5),   // a pod that dies right after its first answer stops the rollout
		"progressDeadlineSeconds": pulumi.Int(300), // time for an image to be pulled and for the startup probe's budget
		"revisionHistoryLimit":    pulumi.Int(5),
		"template":                template,
	}
	metadata := meta(spec.Name, componentAPI)
	if by := spec.RightSizing.HorizontallyScaledBy; len(by) > 0 {
		delete(pods, "replicas") // the HorizontalPodAutoscaler's to set: each update would undo what it did
		metadata.Annotations = pulumi.StringMap{review.AnnotationScaledBy: pulumi.String(strings.Join(by, ","))}
	}
	deployment, err := newObject(ctx, name+"-deployment", "apps/v1", "Deployment", metadata, pulumi.Map{"spec": pods},
		child, pulumi.DependsOn(append(before, policy)))
	if err != nil {
		return nil, err
	}

	// After its pods, for the same reason as the database's.
	_, err = newObject(ctx, name+"-service", "v1", "Service", meta(spec.Name, componentAPI), pulumi.Map{
		"spec": addressOf(l.identity(componentAPI), httpPortName, spec.Port),
	}, child, pulumi.DependsOn([]pulumi.Resource{deployment}))
	if err != nil {
		return nil, err
	}

	// Outputs.
	app.Service = args.Namespace.ToStringOutput().ApplyT(func(namespace string) (map[string]any, error) {
		return contract.Map(spec.contract(namespace, l))
	}).(pulumi.MapOutput)
	return app, ctx.RegisterResourceOutputs(app, pulumi.Map{"service": app.Service})
}
