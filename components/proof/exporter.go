// Package proof judges the success criteria in the cluster, for Prometheus.
package proof

import (
	"fmt"
	"maps"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/size"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// Namespace is the exporter's.
const Namespace = "opex-system"

const (
	exporterName    = "opex-exporter"
	exporterPort    = 9877
	exporterOutputs = "outputs" // volume, and ConfigMap
	exporterFolder  = "/etc/opex"
)

// Exporter judges the success criteria in the cluster, again and again, for Prometheus.
type Exporter struct {
	pulumi.ResourceState

	// Dashboard is a contract.Dashboard as a map.
	Dashboard pulumi.MapOutput
}

// ExporterArgs are the arguments of NewExporter.
type ExporterArgs struct {
	platform.EngineArgs
	// Exporter says how often it judges. What is unset takes its default.
	Exporter spec.Exporter
	// Outputs are those of the stack, by which it finds what to judge: public all of them. Required.
	Outputs pulumi.Map
	// Namespace and Services are those that are judged. Required.
	Namespace string
	Services  []spec.Service
	// Looks are the engines that it asks. The namespaces of those that are on must be there: give it pulumi.DependsOn.
	Looks Looks
}

// Looks says which engines a stack has.
type Looks struct{ Cost, Size, Backup, Chaos bool }

func (a ExporterArgs) problems() problem.List {
	found := a.EngineArgs.Problems()
	found.AddAll("Exporter.", a.Exporter.Problems())
	if a.Namespace == "" || len(a.Services) == 0 || len(a.Outputs) == 0 {
		found.Add("Services", "needs services, their namespace, and the stack's outputs")
	}
	return found
}

// NewExporter declares it. Wrong arguments are all reported at once, and nothing is registered then.
func NewExporter(
	ctx *pulumi.Context, name string, args *ExporterArgs, opts ...pulumi.ResourceOption,
) (*Exporter, error) {
	// Defaults.
	a := ExporterArgs{}
	if args != nil {
		a = *args
	}
	a.Owner.SetDefaults()
	a.Exporter.SetDefaults()

	// Validate.
	if err := a.problems().Err(fmt.Sprintf("Exporter %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register. The outputs are not among the inputs: they wait for all that is judged.
	exporter := &Exporter{}
	inputs := pulumi.Map{"exporter": platform.Values(a.Exporter), "namespace": pulumi.String(a.Namespace)}
	if err := ctx.RegisterComponentResourceV2("opex:index:Exporter", name, inputs, exporter, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(exporter)
	namespace, err := a.NewNamespace(ctx, name+"-namespace", Namespace, Namespace, platform.Restricted, child)
	if err != nil {
		return nil, err
	}
	if err := newPod(ctx, name, a, namespace, child); err != nil {
		return nil, err
	}
	if a.Looks.Size {
		own := size.Workload{Kind: "Deployment", Name: exporterName, Container: exporterName}
		own.Sizing.SetDefaults()
		own.Sizing.Min = exporterSize.Requests
		_, err := size.NewAdvice(
			ctx, name+"-verticalpodautoscaler", own, platform.NameOf(namespace), a.ObjectLabels(exporterName), child,
		)
		if err != nil {
			return nil, err
		}
	}
	exporter.Dashboard, err = platform.NewDashboard(
		ctx, name+"-dashboard", dashboardOf(a), namespace, a.ObjectLabels(exporterName), child,
	)
	if err != nil {
		return nil, err
	}

	// Outputs.
	return exporter, ctx.RegisterResourceOutputs(exporter, pulumi.Map{"dashboard": exporter.Dashboard})
}

// newPod declares the exporter's Deployment, and what it needs.
func newPod(
	ctx *pulumi.Context, name string, a ExporterArgs, namespace *corev1.Namespace, child pulumi.ResourceOption,
) error {
	meta := func(object string) *metav1.ObjectMetaArgs {
		return a.Metadata(object, exporterName, platform.NameOf(namespace))
	}
	account, err := corev1.NewServiceAccount(ctx, name+"-serviceaccount", &corev1.ServiceAccountArgs{
		Metadata: meta(exporterName), AutomountServiceAccountToken: pulumi.Bool(false), // its pod asks for it
	}, child)
	if err != nil {
		return err
	}
	permissions, err := newPermissions(ctx, name, a, account, child)
	if err != nil {
		return err
	}
	// Read anew for each round: a change of the outputs needs no new pod.
	outputs, err := corev1.NewConfigMap(ctx, name+"-outputs", &corev1.ConfigMapArgs{
		Metadata: meta(exporterName + "-" + exporterOutputs),
		Data:     pulumi.StringMap{"outputs.json": pulumi.JSONMarshal(a.Outputs)},
	}, child)
	if err != nil {
		return err
	}
	_, err = appsv1.NewDeployment(ctx, name+"-deployment", &appsv1.DeploymentArgs{
		Metadata: meta(exporterName),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: platform.Selector(exporterIdentity),
			// two would count the same verdicts twice
			Strategy: &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")},
			Template: exporterPod(a),
		},
	}, child, pulumi.DependsOn(append(permissions, account, outputs)))
	return err
}

// exporterIdentity is what its selectors hold.
var exporterIdentity = map[string]string{contract.LabelName: exporterName, contract.LabelInstance: exporterName}

var exporterSize = spec.Resources{
	Requests: spec.Amounts{CPU: "10m", Memory: "64Mi"}, Limits: spec.Amounts{CPU: "500m", Memory: "256Mi"},
}

// Scrape is how Prometheus finds the verdicts.
func Scrape() platform.Scrape {
	return platform.Scrape{
		Service:   exporterName,
		Namespace: Namespace,
		Selector:  exporterIdentity,
		PortName:  platform.HTTPPortName,
		Path:      "/metrics",
	}
}

func exporterPod(a ExporterArgs) *corev1.PodTemplateSpecArgs {
	labels := a.Labels(exporterName)
	maps.Copy(labels, exporterIdentity)
	pod := &corev1.PodSpecArgs{
		ServiceAccountName:           pulumi.String(exporterName),
		AutomountServiceAccountToken: pulumi.Bool(true), // the criteria are asked of the API server
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext:              platform.PodSecurity(platform.ServiceUser),
		Tolerations:                  platform.TolerationsOf(a.Nodes.Tolerations),
		Volumes: corev1.VolumeArray{
			&corev1.VolumeArgs{Name: pulumi.String(exporterOutputs), ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
				Name: pulumi.String(exporterName + "-" + exporterOutputs)}},
		},
		Containers: corev1.ContainerArray{&corev1.ContainerArgs{
			Name:  pulumi.String(exporterName),
			Image: pulumi.String(a.Images.Of(spec.ImageOpex)),
			Args: pulumi.ToStringArray(
				[]string{"exporter", "--in-cluster", "--outputs", exporterFolder + "/outputs.json",
					"--every", string(a.Exporter.Every), "--listen", fmt.Sprintf(":%d", exporterPort)},
			),
			Ports:           corev1.ContainerPortArray{platform.Port(platform.HTTPPortName, exporterPort)},
			Resources:       platform.ResourcesOf(exporterSize),
			SecurityContext: platform.ContainerSecurity(),
			VolumeMounts: corev1.VolumeMountArray{&corev1.VolumeMountArgs{
				Name:      pulumi.String(exporterOutputs),
				MountPath: pulumi.String(exporterFolder), ReadOnly: pulumi.Bool(true),
			}},
			StartupProbe: platform.Probe(platform.HTTPGet("/healthz"), 1, 1, 60),
			// An exporter that judges no more is started anew.
			LivenessProbe: platform.Probe(platform.HTTPGet("/healthz"), 30, 5, 3),
		}},
	}
	if len(a.Nodes.Selector) > 0 {
		pod.NodeSelector = pulumi.ToStringMap(a.Nodes.Selector)
	}
	return &corev1.PodTemplateSpecArgs{Metadata: &metav1.ObjectMetaArgs{Labels: pulumi.ToStringMap(labels)}, Spec: pod}
}
