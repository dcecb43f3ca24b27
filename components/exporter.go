package components

import (
	"fmt"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	corev1 "k8s.io/api/core/v1"
	k8smeta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

const (
	exporterName      = "opex-exporter"
	exporterNamespace = "opex-system"
	exporterPort      = 9877
	exporterOutputs   = "outputs" // volume, and ConfigMap
	exporterFolder    = "/etc/opex"
)

// Exporter judges the success criteria in the cluster, again and again, for Prometheus.
type Exporter struct {
	pulumi.ResourceState

	// Dashboard is a contract.Dashboard as a map.
	Dashboard pulumi.MapOutput
}

// ExporterArgs are the arguments of NewExporter.
type ExporterArgs struct {
	EngineArgs
	// Exporter says how often it judges. What is unset takes its default.
	Exporter ExporterSpec
	// Outputs are those of the stack, by which it finds what to judge: public all of them. Required.
	Outputs pulumi.Map
	// Namespace and Services are those that are judged. Required.
	Namespace string
	Services  []ServiceSpec
	// Looks are the engines that it asks. The namespaces of those that are on must be there: give it pulumi.DependsOn.
	Looks Looks
}

// Looks says which engines a stack has.
type Looks struct{ Cost, Size, Backup, Chaos bool }

func (a ExporterArgs) problems() problem.List {
	found := a.EngineArgs.problems()
	found.AddAll("Exporter.", a.Exporter.Problems())
	if a.Namespace == "" || len(a.Services) == 0 || len(a.Outputs) == 0 {
		found.Add("Services", "needs services, their namespace, and the stack's outputs")
	}
	return found
}

// NewExporter declares it. Wrong arguments are all reported at once, and nothing is registered then.
func NewExporter(ctx *pulumi.Context, name string, args *ExporterArgs, opts ...pulumi.ResourceOption) (*Exporter, error) {
	// Defaults.
	given := ExporterArgs{}
	if args != nil {
		given = *args
	}
	given.Owner.SetDefaults()
	given.Exporter.SetDefaults()

	// Validate.
	if err := given.problems().Err(fmt.Sprintf("Exporter %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	exporter := &Exporter{}
	if err := ctx.RegisterComponentResource("opex:index:Exporter", name, exporter, opts...); err != nil {
		return nil, err
	}

	// Children.
	child := pulumi.Parent(exporter)
	home, err := newEngineNamespace(ctx, name+"-namespace", exporterNamespace, given.EngineArgs, child)
	if err != nil {
		return nil, err
	}
	meta := func(object string) *metav1.ObjectMetaArgs {
		return &metav1.ObjectMetaArgs{Name: pulumi.String(object), Namespace: home.Name(), Labels: pulumi.ToStringMap(given.objectLabels(exporterName))}
	}
	account, err := newObject(ctx, name+"-serviceaccount", "v1", "ServiceAccount", meta(exporterName), pulumi.Map{
		"automountServiceAccountToken": pulumi.Bool(false), // its pod asks for it
	}, child)
	if err != nil {
		return nil, err
	}
	may, err := exporterRights(ctx, name, given, account, home, child)
	if err != nil {
		return nil, err
	}
	// Read anew for each round: a change of the outputs needs no new pod.
	outputs, err := newObject(ctx, name+"-outputs", "v1", "ConfigMap", meta(exporterName+"-"+exporterOutputs), pulumi.Map{
		"data": pulumi.Map{"outputs.json": pulumi.JSONMarshal(given.Outputs)},
	}, child)
	if err != nil {
		return nil, err
	}
	template, err := plainMap(exporterPod(given))
	if err != nil {
		return nil, err
	}
	if _, err := newObject(ctx, name+"-deployment", "apps/v1", "Deployment", meta(exporterName), pulumi.Map{"spec": pulumi.Map{
		"replicas": pulumi.Int(1),
		"selector": matching(exporterIdentity),
		"strategy": pulumi.Map{"type": pulumi.String("Recreate")}, // two would count the same verdicts twice
		"template": template,
	}}, child, pulumi.DependsOn(append(may, account, outputs))); err != nil {
		return nil, err
	}
	if given.Looks.Size {
		own := workload{kind: "Deployment", name: exporterName, container: exporterName}
		own.sizing.SetDefaults()
		own.sizing.Min = exporterSize.Requests
		if _, err := newAdvice(ctx, name+"-verticalpodautoscaler", own, home.Name(), given.objectLabels(exporterName), child); err != nil {
			return nil, err
		}
	}
	dashboard, err := newDashboard(ctx, name+"-dashboard", proofDashboard(given), home, given.objectLabels(exporterName), child)
	if err != nil {
		return nil, err
	}

	// Outputs.
	exporter.Dashboard = dashboard
	return exporter, ctx.RegisterResourceOutputs(exporter, pulumi.Map{"dashboard": dashboard})
}

// exporterIdentity is what its selectors hold.
var exporterIdentity = map[string]string{contract.LabelName: exporterName, contract.LabelInstance: exporterName}

var exporterSize = Resources{Requests: Amounts{CPU: "10m", Memory: "64Mi"}, Limits: Amounts{CPU: "500m", Memory: "256Mi"}}

// ExporterScrape is how Prometheus finds the verdicts.
func ExporterScrape() Scrape {
	return Scrape{Service: exporterName, Namespace: exporterNamespace, Selector: exporterIdentity, PortName: httpPortName, Path: "/metrics"}
}

func exporterPod(a ExporterArgs) corev1.PodTemplateSpec {
	labels := a.labels(exporterName)
	for key, value := range exporterIdentity {
		labels[key] = value
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: k8smeta.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			ServiceAccountName:           exporterName,
			AutomountServiceAccountToken: new(true), // the criteria are asked of the API server
			EnableServiceLinks:           new(false),
			SecurityContext:              podSecurity(serviceUser),
			Volumes: []corev1.Volume{{Name: exporterOutputs, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: exporterName + "-" + exporterOutputs}}}}},
			Containers: []corev1.Container{{
				Name:  exporterName,
				Image: a.Images.of(imageOpex),
				Args: []string{"exporter", "--in-cluster", "--outputs", exporterFolder + "/outputs.json", "--every", string(a.Exporter.Every),
					"--listen", fmt.Sprintf(":%d", exporterPort)},
				Ports:           []corev1.ContainerPort{{Name: httpPortName, ContainerPort: exporterPort, Protocol: corev1.ProtocolTCP}},
				Resources:       resources(exporterSize),
				SecurityContext: containerSecurity(),
				VolumeMounts:    []corev1.VolumeMount{{Name: exporterOutputs, MountPath: exporterFolder, ReadOnly: true}},
				StartupProbe:    probe(httpGet("/healthz"), 1, 1, 60),
				// An exporter that judges no more is started anew.
				LivenessProbe: probe(httpGet("/healthz"), 30, 5, 3),
			}},
		},
	}
}
