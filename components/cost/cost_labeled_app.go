// Package cost is what a cluster and its services cost, and who pays: CostVisibility, once per cluster, and
// CostLabeledApp, which runs a service under its cost labels.
package cost

import (
	"fmt"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/review"
)

// CostLabeledApp runs one service, and its database if it has one, such that each object and pod says who pays for it
// and a rollout, a drained node or a killed pod interrupts no request.
type CostLabeledApp struct {
	pulumi.ResourceState

	// URL is the service's address inside the cluster. It is known once its pods are ready.
	URL pulumi.StringOutput

	ServiceAccount *corev1.ServiceAccount
	Deployment     *appsv1.Deployment
	Service        *corev1.Service
	// Database is nil for a service without one.
	Database *Database
}

// NewCostLabeledApp declares a service. Wrong arguments are all reported at once, and nothing is registered then.
func NewCostLabeledApp(
	ctx *pulumi.Context, name string, args *CostLabeledAppArgs, opts ...pulumi.ResourceOption,
) (*CostLabeledApp, error) {
	// Defaults.
	if args == nil {
		args = &CostLabeledAppArgs{}
	}
	service := args.Service.WithDefaults()

	// Validate.
	who := fmt.Sprintf("CostLabeledApp %q", name)
	if err := args.problems(service).Err(who, "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	app := &CostLabeledApp{}
	if err := ctx.RegisterComponentResourceV2("opex:index:CostLabeledApp", name, args.inputs(service), app, opts...); err != nil {
		return nil, err
	}

	// Children.
	a := appArgs{CostLabeledAppArgs: *args, service: service, labels: platform.LabelsOf(service, args.Environment)}
	if service.Database != nil {
		a.passwordDigest = digestOf(args.DatabasePassword, args.Namespace, service.Name)
	}
	child := pulumi.Parent(app)
	var err error
	// Pods get no token of it: a service does not talk to the API server.
	app.ServiceAccount, err = corev1.NewServiceAccount(ctx, name+"-serviceaccount", &corev1.ServiceAccountArgs{
		Metadata: a.metadata(service.Name, platform.ComponentAPI), AutomountServiceAccountToken: pulumi.Bool(false),
	}, child)
	if err != nil {
		return nil, err
	}
	var before []pulumi.Resource // what must be ready before the first pod
	if service.Database != nil {
		if app.Database, err = newDatabase(ctx, name+"-db", a, child); err != nil {
			return nil, err
		}
		before = append(before, app.Database.Secret, app.Database.Service)
	}
	if err := newPods(ctx, name, a, app, before, child); err != nil {
		return nil, err
	}

	// Outputs.
	app.URL = pulumi.All(app.Service.ID(), args.Namespace).ApplyT(func(all []any) string {
		return urlOf(service, all[1].(string))
	}).(pulumi.StringOutput)
	return app, ctx.RegisterResourceOutputs(app, pulumi.Map{"url": app.URL})
}

// appArgs are checked arguments, and what follows from them.
type appArgs struct {
	CostLabeledAppArgs
	service spec.Service
	labels  platform.Labels
	// passwordDigest makes a new password a change of the pod templates. It is unset without a database.
	passwordDigest pulumi.StringOutput
}

// newPods declares the service's own pods and what keeps and exposes them.
func newPods(
	ctx *pulumi.Context, name string, a appArgs, app *CostLabeledApp, before []pulumi.Resource,
	child pulumi.ResourceOption,
) error {
	identity := a.labels.Identity(platform.ComponentAPI)
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-networkpolicy", &networkingv1.NetworkPolicyArgs{
		Metadata: a.metadata(a.service.Name, platform.ComponentAPI), Spec: serviceTraffic(a),
	}, child)
	if err != nil {
		return err
	}
	_, err = policyv1.NewPodDisruptionBudget(ctx, name+"-poddisruptionbudget", &policyv1.PodDisruptionBudgetArgs{
		Metadata: a.metadata(a.service.Name, platform.ComponentAPI),
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			Selector: platform.Selector(identity),
			// One at a time. minAvailable would block the drain of a node for ever where there is one replica.
			MaxUnavailable: pulumi.Int(1),
			// A pod that is not ready serves nobody: it must not keep a node from being drained.
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
		},
	}, child)
	if err != nil {
		return err
	}
	deployment := &appsv1.DeploymentArgs{
		Metadata: a.metadata(a.service.Name, platform.ComponentAPI),
		Spec: &appsv1.DeploymentSpecArgs{
			Selector: platform.Selector(identity),
			// A new pod is ready before an old one goes.
			Strategy: &appsv1.DeploymentStrategyArgs{
				Type: pulumi.String("RollingUpdate"),
				RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{
					MaxSurge:       pulumi.Int(1),
					MaxUnavailable: pulumi.Int(0),
				},
			},
			MinReadySeconds: pulumi.Int(5), // a pod that dies right after its first answer stops the rollout
			// time for an image to be pulled and for the startup probe's budget
			ProgressDeadlineSeconds: pulumi.Int(300),
			RevisionHistoryLimit:    pulumi.Int(5),
			Template:                servicePod(a),
		},
	}
	a.scale(deployment)
	app.Deployment, err = appsv1.NewDeployment(
		ctx, name+"-deployment", deployment, child, pulumi.DependsOn(append(before, policy)),
	)
	if err != nil {
		return err
	}
	// After its pods: Pulumi waits until a Service has an endpoint. If the pod fails, this wait times out after ten
	// minutes.
	app.Service, err = corev1.NewService(ctx, name+"-service", &corev1.ServiceArgs{
		Metadata: a.metadata(a.service.Name, platform.ComponentAPI),
		Spec:     addressOf(identity, platform.HTTPPortName, a.service.Port),
	}, child, pulumi.DependsOn([]pulumi.Resource{app.Deployment}))
	return err
}

// scale sets the number of pods, unless a HorizontalPodAutoscaler does: each update would undo what it did.
func (a appArgs) scale(deployment *appsv1.DeploymentArgs) {
	pods := deployment.Spec.(*appsv1.DeploymentSpecArgs)
	by := a.service.RightSizing.HorizontallyScaledBy
	if len(by) == 0 {
		pods.Replicas = pulumi.Int(a.service.Replicas)
		return
	}
	metadata := a.metadata(a.service.Name, platform.ComponentAPI)
	metadata.Annotations = pulumi.StringMap{review.AnnotationScaledBy: pulumi.String(strings.Join(by, ","))}
	deployment.Metadata = metadata
}
