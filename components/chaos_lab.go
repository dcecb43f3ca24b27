package components

import (
	"fmt"
	"strings"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// What the chart names so, whatever its release is named, and the names of this program's own.
const (
	chaosName             = "chaos-mesh"
	chaosNamespace        = "chaos-mesh"
	chaosController       = "chaos-controller-manager" // Deployment and ServiceAccount
	loadAccount           = "opex-load"
	chaosReader           = "opex-chaos-reader"
	chaosPolicy           = "opex-chaos"
	chaosInject           = "chaos-mesh.org/inject"
	experimentPause       = "experiment.chaos-mesh.org/pause"
	clusterRole           = "ClusterRole"
	rbac                  = "rbac.authorization.k8s.io"
	admissionRegistration = "admissionregistration.k8s.io/v1"
	validatingPolicy      = "ValidatingAdmissionPolicy"
	notInProduction       = "is production: chaos is for staging only"
)

// ChaosLab is the engine of Game Days, once per cluster and never in production: Chaos Mesh, held to one namespace by its rights, by its
// own filter, and by an admission policy that holds for everybody.
type ChaosLab struct {
	pulumi.ResourceState

	// Lab is a contract.ChaosLab as a map, for stack outputs. It is known once Chaos Mesh is ready.
	Lab pulumi.MapOutput
}

// ChaosLabArgs are the arguments of NewChaosLab.
type ChaosLabArgs struct {
	EngineArgs
	// RuntimeSocket is the absolute path of containerd's socket on the nodes. What is unset takes its default.
	RuntimeSocket string
	// Target is the namespace that experiments may reach. Required; give pulumi.DependsOn it, and give it TargetAnnotations.
	Target string
}

// TargetAnnotations open a namespace to Chaos Mesh's own filter.
func TargetAnnotations() map[string]string { return map[string]string{chaosInject: "enabled"} }

func (a ChaosLabArgs) problems() problem.List {
	found := a.EngineArgs.problems()
	found.AddAll("", ChaosSpec{RuntimeSocket: a.RuntimeSocket}.Problems(a.Environment))
	if a.Environment == "production" {
		found.Add("Environment", notInProduction)
	}
	if wrong := validation.IsDNS1123Label(a.Target); len(wrong) > 0 {
		found.Add("Target", "%q: %s", a.Target, wrong[0])
	}
	return found
}

// NewChaosLab declares the engine. Wrong arguments are all reported at once, and nothing is registered then.
func NewChaosLab(ctx *pulumi.Context, name string, args *ChaosLabArgs, opts ...pulumi.ResourceOption) (*ChaosLab, error) {
	// Defaults.
	given := ChaosLabArgs{}
	if args != nil {
		given = *args
	}
	given.Owner.SetDefaults()
	spec := ChaosSpec{RuntimeSocket: given.RuntimeSocket}
	spec.SetDefaults()
	given.RuntimeSocket = spec.RuntimeSocket

	// Validate.
	if err := given.problems().Err(fmt.Sprintf("ChaosLab %q", name), "Nothing of it was registered."); err != nil {
		return nil, err
	}

	// Register.
	engine := &ChaosLab{}
	if err := ctx.RegisterComponentResource("opex:index:ChaosLab", name, engine, opts...); err != nil {
		return nil, err
	}

	// Children. The policy comes first and goes last: no experiment is ever without it.
	child := pulumi.Parent(engine)
	meta := func(object string, namespace pulumi.StringPtrInput) *metav1.ObjectMetaArgs {
		return &metav1.ObjectMetaArgs{Name: pulumi.String(object), Namespace: namespace, Labels: pulumi.ToStringMap(given.objectLabels(chaosName))}
	}
	policy, err := newObject(ctx, name+"-policy", admissionRegistration, validatingPolicy, meta(chaosPolicy, nil),
		pulumi.Map{"spec": experimentPolicy(given.Target)}, child)
	if err != nil {
		return nil, err
	}
	binding, err := newObject(ctx, name+"-policy-binding", admissionRegistration, validatingPolicy+"Binding", meta(chaosPolicy, nil), pulumi.Map{"spec": pulumi.Map{
		"policyName": policy.Name(), "validationActions": pulumi.ToStringArray([]string{"Deny"}),
	}}, child)
	if err != nil {
		return nil, err
	}
	home, err := newChaosNamespace(ctx, name+"-namespace", given.EngineArgs, child)
	if err != nil {
		return nil, err
	}
	// Held to one namespace by the chart, the controller may read no namespace's annotation, so that its filter lets nothing through; nor
	// RemoteClusters, which have no namespace, so that it gives up every two minutes. To look at both is all that it gets besides.
	reader, err := newObject(ctx, name+"-reader", rbac+"/v1", clusterRole, meta(chaosReader, nil), pulumi.Map{"rules": pulumi.Array{
		mayRead("", "namespaces"), mayRead("chaos-mesh.org", "remoteclusters"),
	}}, child)
	if err != nil {
		return nil, err
	}
	may, err := newObject(ctx, name+"-reader-binding", rbac+"/v1", clusterRole+"Binding", meta(chaosReader, nil), pulumi.Map{
		"roleRef":  pulumi.Map{"apiGroup": pulumi.String(rbac), "kind": pulumi.String(clusterRole), "name": reader.Name()},
		"subjects": pulumi.Array{pulumi.Map{"kind": pulumi.String("ServiceAccount"), "name": pulumi.String(chaosController), "namespace": home.Name()}},
	}, child)
	if err != nil {
		return nil, err
	}
	if _, err := newObject(ctx, name+"-load-serviceaccount", "v1", "ServiceAccount", meta(loadAccount, home.Name()), pulumi.Map{
		"automountServiceAccountToken": pulumi.Bool(false),
	}, child); err != nil {
		return nil, err
	}
	mesh, err := newRelease(ctx, name+"-mesh", chaosMeshChart, home.Name(), valuesOf(newChaosMeshValues(given)), child,
		pulumi.DependsOn([]pulumi.Resource{binding, may}))
	if err != nil {
		return nil, err
	}

	// Outputs.
	engine.Lab = mesh.ID().ApplyT(func(pulumi.ID) (map[string]any, error) {
		return contract.Map(contract.ChaosLab{
			Namespace: chaosNamespace, Deployment: chaosController, ServiceAccount: loadAccount, LoadImage: given.Images.of(imageLoad),
			Targets: []string{given.Target}, Policy: chaosPolicy,
		})
	}).(pulumi.MapOutput)
	return engine, ctx.RegisterResourceOutputs(engine, pulumi.Map{"lab": engine.Lab})
}

// mayRead is a rule of a role.
func mayRead(group, resource string) pulumi.Map {
	return pulumi.Map{
		"apiGroups": pulumi.ToStringArray([]string{group}), "resources": pulumi.ToStringArray([]string{resource}),
		"verbs": pulumi.ToStringArray([]string{"get", "list", "watch"}),
	}
}

// newChaosNamespace declares Chaos Mesh's namespace. Its daemon enters the namespaces of other pods on a node, which only the privileged Pod
// Security Standard allows.
func newChaosNamespace(ctx *pulumi.Context, name string, e EngineArgs, opts ...pulumi.ResourceOption) (*Object, error) {
	labels := e.objectLabels(chaosName)
	labels["pod-security.kubernetes.io/enforce"] = "privileged"
	return NewNamespace(ctx, name, chaosNamespace, labels, nil, opts...)
}

// The types below are the keys of the chart's values that are set here.

type chaosMeshValues struct {
	CustomLabels      map[string]string     `json:"customLabels"`
	ClusterScoped     bool                  `json:"clusterScoped"`
	EnableProfiling   bool                  `json:"enableProfiling"`
	ControllerManager chaosControllerValues `json:"controllerManager"`
	ChaosDaemon       chaosDaemonValues     `json:"chaosDaemon"`
	Dashboard         chaosDashboardValues  `json:"dashboard"`
	DNSServer         created               `json:"dnsServer"`
}

type created struct {
	Create bool `json:"create"`
}

type chaosImageValues struct {
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
}

type chaosControllerValues struct {
	ReplicaCount          int              `json:"replicaCount"`
	LeaderElection        enabled          `json:"leaderElection"`
	EnableFilterNamespace bool             `json:"enableFilterNamespace"`
	TargetNamespace       string           `json:"targetNamespace"`
	ChaosdSecurityMode    bool             `json:"chaosdSecurityMode"`
	PodChaos              podChaosValues   `json:"podChaos"`
	Image                 chaosImageValues `json:"image"`
	Resources             resourceValues   `json:"resources"`
}

type podChaosValues struct {
	PodFailure struct {
		PauseImage string `json:"pauseImage"`
	} `json:"podFailure"`
}

type chaosDaemonValues struct {
	Image      chaosImageValues `json:"image"`
	Runtime    string           `json:"runtime"`
	SocketPath string           `json:"socketPath"`
	Resources  resourceValues   `json:"resources"`
}

type chaosDashboardValues struct {
	Create       bool `json:"create"`
	SecurityMode bool `json:"securityMode"`
}

func newChaosMeshValues(a ChaosLabArgs) chaosMeshValues {
	podChaos := podChaosValues{}
	podChaos.PodFailure.PauseImage = a.Images.of(imagePause) // the chart's own is a tag that moves
	return chaosMeshValues{
		CustomLabels: a.labels(chaosName),
		// Rights in the target alone, and the filter besides.
		ClusterScoped: false,
		ControllerManager: chaosControllerValues{
			ReplicaCount: 1, EnableFilterNamespace: true, TargetNamespace: a.Target,
			PodChaos:  podChaos,
			Image:     a.Images.chaosValues(imageChaosMesh),
			Resources: newResourceValues("25m", "128Mi", "500m", "512Mi"),
		},
		ChaosDaemon: chaosDaemonValues{
			Image: a.Images.chaosValues(imageChaosDaemon), Runtime: "containerd", SocketPath: a.RuntimeSocket,
			Resources: newResourceValues("10m", "64Mi", "500m", "512Mi"),
		},
		// With its security mode on, objects cannot be deleted in the foreground, as Pulumi does (chaos-mesh issue 5079).
		Dashboard: chaosDashboardValues{},
	}
}

// chaosValues is an image as this chart wants it, in three parts.
func (i Images) chaosValues(name string) chaosImageValues {
	v := i.values(name)
	registry, repository, _ := strings.Cut(v.Repository, "/")
	return chaosImageValues{registry, repository, v.Tag}
}
