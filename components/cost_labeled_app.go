package components

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
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
			Name:      pulumi.String(object),
			Namespace: args.Namespace,
			Labels:    l.object(component),
		}
	}

	// Pods get no token of it: a service does not talk to the API server.
	_, err := corev1.NewServiceAccount(ctx, name+"-serviceaccount", &corev1.ServiceAccountArgs{
		Metadata:                     meta(spec.Name, componentAPI),
		AutomountServiceAccountToken: pulumi.Bool(false),
	}, child)
	if err != nil {
		return nil, err
	}

	var before []pulumi.Resource // what must be ready before the first pod
	if spec.Database != nil {
		password := pulumi.ToSecret(args.DatabasePassword.ToStringOutput()).(pulumi.StringOutput)

		secret, err := corev1.NewSecret(ctx, name+"-db-secret", &corev1.SecretArgs{
			Metadata: meta(spec.databaseName(), componentDatabase),
			Type:     pulumi.String("Opaque"),
			Data:     pulumi.StringMap{passwordKey: password.ApplyT(base64Of).(pulumi.StringOutput)},
		}, child)
		if err != nil {
			return nil, err
		}

		// Before the pods, so that none is ever open to the whole cluster.
		policy, err := newObject(ctx, name+"-db-networkpolicy", "networking.k8s.io/v1", "NetworkPolicy",
			meta(spec.databaseName(), componentDatabase), databaseTraffic(l), child)
		if err != nil {
			return nil, err
		}

		// No PodDisruptionBudget: with one pod it would either do nothing or block every drain of the node for ever.
		statefulSet, err := appsv1.NewStatefulSet(ctx, name+"-db-statefulset", &appsv1.StatefulSetArgs{
			Metadata: meta(spec.databaseName(), componentDatabase),
			Spec: &appsv1.StatefulSetSpecArgs{
				ServiceName: pulumi.String(spec.databaseName()),
				Replicas:    pulumi.Int(1),
				Selector:    &metav1.LabelSelectorArgs{MatchLabels: l.selector(componentDatabase)},
				Template:    databasePod(spec, l, args.DatabasePasswordDigest),
				VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{
					volumeClaim(dataVolume, spec.Database.DataSize, spec, l),
					volumeClaim(dumpVolume, spec.Database.DumpSize, spec, l),
				},
				// Neither a mistaken delete nor a replace of the StatefulSet may take the data along. They go with their
				// namespace, which production protects.
				PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs{
					WhenDeleted: pulumi.String("Retain"),
					WhenScaled:  pulumi.String("Retain"),
				},
			},
		}, child, pulumi.DependsOn([]pulumi.Resource{secret, policy}))
		if err != nil {
			return nil, err
		}

		// After its pod: Pulumi waits until a Service has an endpoint, in vain for ten minutes if the pod had failed meanwhile.
		service, err := corev1.NewService(ctx, name+"-db-service", &corev1.ServiceArgs{
			Metadata: meta(spec.databaseName(), componentDatabase),
			Spec: &corev1.ServiceSpecArgs{
				Type:     pulumi.String("ClusterIP"),
				Selector: l.selector(componentDatabase),
				Ports: corev1.ServicePortArray{corev1.ServicePortArgs{
					Name: pulumi.String(postgresPortName), Port: pulumi.Int(postgresPort), TargetPort: pulumi.String(postgresPortName),
				}},
			},
		}, child, pulumi.DependsOn([]pulumi.Resource{statefulSet}))
		if err != nil {
			return nil, err
		}
		before = append(before, secret, service)
	}

	policy, err := newObject(ctx, name+"-networkpolicy", "networking.k8s.io/v1", "NetworkPolicy",
		meta(spec.Name, componentAPI), serviceTraffic(spec, l), child)
	if err != nil {
		return nil, err
	}

	_, err = newObject(ctx, name+"-poddisruptionbudget", "policy/v1", "PodDisruptionBudget", meta(spec.Name, componentAPI), pulumi.Map{
		"selector": matching(l.selector(componentAPI)),
		// One at a time. minAvailable would block the drain of a node for ever where there is one replica.
		"maxUnavailable": pulumi.Int(1),
		// A pod that is not ready serves nobody: it must not keep a node from being drained.
		"unhealthyPodEvictionPolicy": pulumi.String("AlwaysAllow"),
	}, child)
	if err != nil {
		return nil, err
	}

	deployment, err := appsv1.NewDeployment(ctx, name+"-deployment", &appsv1.DeploymentArgs{
		Metadata: meta(spec.Name, componentAPI),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(spec.Replicas),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: l.selector(componentAPI)},
			// A new pod is ready before an old one goes.
			Strategy: &appsv1.DeploymentStrategyArgs{
				Type: pulumi.String("RollingUpdate"),
				RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{
					MaxSurge: pulumi.Int(1), MaxUnavailable: pulumi.Int(0),
				},
			},
			MinReadySeconds:         pulumi.Int(5),   // a pod that dies right after its first answer stops the rollout
			ProgressDeadlineSeconds: pulumi.Int(300), // time for an image to be pulled and for the startup probe's budget
			RevisionHistoryLimit:    pulumi.Int(5),
			Template:                servicePod(spec, l, args.DatabasePasswordDigest),
		},
	}, child, pulumi.DependsOn(append(before, policy)))
	if err != nil {
		return nil, err
	}

	// After its pods, for the same reason as the database's.
	_, err = corev1.NewService(ctx, name+"-service", &corev1.ServiceArgs{
		Metadata: meta(spec.Name, componentAPI),
		Spec: &corev1.ServiceSpecArgs{
			Type:     pulumi.String("ClusterIP"),
			Selector: l.selector(componentAPI),
			Ports: corev1.ServicePortArray{corev1.ServicePortArgs{
				Name: pulumi.String(httpPortName), Port: pulumi.Int(spec.Port), TargetPort: pulumi.String(httpPortName),
			}},
		},
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
