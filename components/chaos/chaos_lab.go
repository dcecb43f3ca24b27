// Package chaos is how services are tried: ChaosLab, once per cluster and never in production, and ChaosExperiment,
// once per service.
package chaos

import (
	"fmt"

	admissionv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/admissionregistration/v1"
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// What the chart names so, whatever its release is named, and the names of this program's own.
const (
	Namespace  = "chaos-mesh"
	Controller = "chaos-controller-manager" // Deployment and ServiceAccount

	chaosName       = "chaos-mesh"
	chaosContainer  = "chaos-mesh" // in the Deployment's pods
	webhookPort     = "webhook"    // of that container
	loadAccount     = "opex-load"
	chaosReader     = "opex-chaos-reader"
	chaosPolicy     = "opex-chaos"
	chaosInject     = "chaos-mesh.org/inject"
	experimentPause = "experiment.chaos-mesh.org/pause"
	rbac            = "rbac.authorization.k8s.io"
)

// ChaosLab is the engine of Game Days, once per cluster and never in production: Chaos Mesh, held to one namespace by
// its rights, by its own filter, and by an admission policy that holds for everybody.
type ChaosLab struct {
	pulumi.ResourceState

	// Lab is a contract.ChaosLab as a map, for stack outputs. It is known once Chaos Mesh's webhook listens.
	Lab pulumi.MapOutput

	ChaosMesh *platform.Release
}

// ChaosLabArgs are the arguments of NewChaosLab.
type ChaosLabArgs struct {
	platform.EngineArgs
	// RuntimeSocket is the absolute path of containerd's socket on the nodes. What is unset takes its default.
	RuntimeSocket string
	// Target is the namespace that experiments may reach. Required; give pulumi.DependsOn it, and give it
	// TargetAnnotations.
	Target string
}

// TargetAnnotations open a namespace to Chaos Mesh's own filter.
func TargetAnnotations() map[string]string { return map[string]string{chaosInject: "enabled"} }

func (a *ChaosLabArgs) setDefaults() {
	a.Owner.SetDefaults()
	defaults := spec.Chaos{RuntimeSocket: a.RuntimeSocket}
	defaults.SetDefaults()
	a.RuntimeSocket = defaults.RuntimeSocket
}

func (a ChaosLabArgs) problems() problem.List {
	found := a.EngineArgs.Problems()
	found.AddAll("", spec.Chaos{RuntimeSocket: a.RuntimeSocket}.Problems(a.Environment))
	if a.Environment == "production" {
		found.Add("Environment", spec.NotInProduction)
	}
	if wrong := validation.IsDNS1123Label(a.Target); len(wrong) > 0 {
		found.Add("Target", "%q: %s", a.Target, wrong[0])
	}
	return found
}

// NewChaosLab declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewChaosLab(
	ctx *pulumi.Context, name string, args *ChaosLabArgs, opts ...pulumi.ResourceOption,
) (*ChaosLab, error) {
	// Defaults.
	a := ChaosLabArgs{}
	if args != nil {
		a = *args
	}
	a.setDefaults()

	// Validate.
	if err := a.problems().Err(fmt.Sprintf("ChaosLab %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &ChaosLab{}
	inputs := pulumi.Map{"target": pulumi.String(a.Target), "environment": pulumi.String(a.Environment)}
	if err := ctx.RegisterComponentResourceV2("opex:index:ChaosLab", name, inputs, engine, opts...); err != nil {
		return nil, err
	}

	// Children. The policy comes first and goes last: no experiment is ever without it.
	child := pulumi.Parent(engine)
	policy, err := newPolicy(ctx, name, a, child)
	if err != nil {
		return nil, err
	}
	namespace, err := a.NewNamespace(ctx, name+"-namespace", Namespace, chaosName, platform.Privileged, child)
	if err != nil {
		return nil, err
	}
	permissions, err := newReader(ctx, name, a, namespace, child)
	if err != nil {
		return nil, err
	}
	if _, err := corev1.NewServiceAccount(ctx, name+"-load-serviceaccount", &corev1.ServiceAccountArgs{
		Metadata: a.Metadata(loadAccount, chaosName, platform.NameOf(namespace)), AutomountServiceAccountToken: pulumi.Bool(false),
	}, child); err != nil {
		return nil, err
	}
	engine.ChaosMesh, err = platform.NewRelease(
		ctx, name+"-mesh", platform.ChaosMeshChart, a.EngineArgs, platform.NameOf(namespace),
		platform.Values(newChaosMeshValues(a)), child, pulumi.DependsOn([]pulumi.Resource{policy, permissions}),
	)
	if err != nil {
		return nil, err
	}
	webhook, err := waitForWebhook(
		ctx, name+"-webhook", namespace, child, pulumi.DependsOn([]pulumi.Resource{engine.ChaosMesh}),
	)
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Lab = webhook.ID().ApplyT(func(pulumi.ID) (map[string]any, error) { return contract.Map(a.contract()) }).(pulumi.MapOutput)
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"lab": engine.Lab})
}

// newPolicy declares the admission policy that holds for everybody, and returns its binding.
func newPolicy(ctx *pulumi.Context, name string, a ChaosLabArgs, child pulumi.ResourceOption) (pulumi.Resource, error) {
	policy, err := admissionv1.NewValidatingAdmissionPolicy(
		ctx,
		name+"-policy",
		&admissionv1.ValidatingAdmissionPolicyArgs{
			Metadata: a.Metadata(chaosPolicy, chaosName, nil), Spec: experimentPolicy(a.Target),
		},
		child,
	)
	if err != nil {
		return nil, err
	}
	return admissionv1.NewValidatingAdmissionPolicyBinding(
		ctx,
		name+"-policy-binding",
		&admissionv1.ValidatingAdmissionPolicyBindingArgs{
			Metadata: a.Metadata(chaosPolicy, chaosName, nil),
			Spec: &admissionv1.ValidatingAdmissionPolicyBindingSpecArgs{
				PolicyName: policy.Metadata.Name().Elem(), ValidationActions: texts("Deny"),
			},
		},
		child,
	)
}

// waitForWebhook gives the controller a readiness probe, which the chart lacks, and waits for it: the release is ready
// before its webhook listens, and the API server then refuses every experiment.
func waitForWebhook(
	ctx *pulumi.Context, name string, namespace *corev1.Namespace, opts ...pulumi.ResourceOption,
) (*appsv1.DeploymentPatch, error) {
	return appsv1.NewDeploymentPatch(ctx, name, &appsv1.DeploymentPatchArgs{
		Metadata: &metav1.ObjectMetaPatchArgs{
			Name:      pulumi.String(Controller),
			Namespace: platform.NameOf(namespace),
		},
		Spec: &appsv1.DeploymentSpecPatchArgs{Template: &corev1.PodTemplateSpecPatchArgs{Spec: &corev1.PodSpecPatchArgs{
			Containers: corev1.ContainerPatchArray{&corev1.ContainerPatchArgs{
				Name: pulumi.String(chaosContainer),
				ReadinessProbe: &corev1.ProbePatchArgs{
					TcpSocket: &corev1.TCPSocketActionPatchArgs{
						Port: pulumi.String(webhookPort),
					}, PeriodSeconds: pulumi.Int(2),
				},
			}},
		}}},
	}, opts...)
}

func (a ChaosLabArgs) contract() contract.ChaosLab {
	return contract.ChaosLab{
		Namespace: Namespace, Deployment: Controller, ServiceAccount: loadAccount, LoadImage: a.Images.Of(spec.ImageLoad),
		Targets: []string{a.Target}, Policy: chaosPolicy,
	}
}
