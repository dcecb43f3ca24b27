package cost

import (
	"maps"
	"slices"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// Times of a shutdown, in seconds. While preStop sleeps, the pod still serves and the cluster forgets its address; then
// the process has until the end of the grace to finish what it has begun.
const (
	preStopSeconds = 5
	drainSeconds   = 30 // Task API takes 25 at most: 5 of delay, 20 for requests in flight
	graceSeconds   = preStopSeconds + drainSeconds + 5
)

func (a appArgs) metadata(object, component string) *metav1.ObjectMetaArgs {
	return a.labels.Metadata(object, component, a.Namespace)
}

// servicePod is the template of the service's own pods.
func servicePod(a appArgs) *corev1.PodTemplateSpecArgs {
	s := a.service
	return &corev1.PodTemplateSpecArgs{
		Metadata: a.podMetadata(platform.ComponentAPI, passwordAnnotation(a)),
		Spec: &corev1.PodSpecArgs{
			ServiceAccountName:           pulumi.String(s.Name),
			AutomountServiceAccountToken: pulumi.Bool(false),
			// variables named after other services could be taken for settings
			EnableServiceLinks:            pulumi.Bool(false),
			TerminationGracePeriodSeconds: pulumi.Int(graceSeconds),
			SecurityContext:               platform.PodSecurity(platform.ServiceUser),
			TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{
				spread("kubernetes.io/hostname", a.labels), spread("topology.kubernetes.io/zone", a.labels),
			},
			PriorityClassName: a.priorityClass(),
			NodeSelector:      nodeSelector(s.Nodes),
			Tolerations:       platform.TolerationsOf(s.Nodes.Tolerations),
			Containers:        corev1.ContainerArray{serviceContainer(a)},
		},
	}
}

// priorityClass is nil for the cluster's default.
func (a appArgs) priorityClass() pulumi.StringPtrInput {
	if a.PriorityClass == nil {
		return nil
	}
	return a.PriorityClass.ToStringOutput().ToStringPtrOutput()
}

func (a appArgs) podMetadata(component string, annotations pulumi.StringMap) *metav1.ObjectMetaArgs {
	metadata := &metav1.ObjectMetaArgs{Labels: pulumi.ToStringMap(a.labels.Object(component))}
	if len(annotations) > 0 {
		metadata.Annotations = annotations
	}
	return metadata
}

func nodeSelector(nodes spec.Nodes) pulumi.StringMapInput {
	if len(nodes.Selector) == 0 {
		return nil
	}
	return pulumi.ToStringMap(nodes.Selector)
}

// spread keeps pods apart. It has no matchLabelKeys, though they would count each rollout's pods apart: the API server
// writes them into the pod's selector too, and then refuses the same pod when a backup brings it back.
func spread(topologyKey string, l platform.Labels) *corev1.TopologySpreadConstraintArgs {
	return &corev1.TopologySpreadConstraintArgs{
		LabelSelector:     platform.Selector(l.Identity(platform.ComponentAPI)),
		MaxSkew:           pulumi.Int(1),
		TopologyKey:       pulumi.String(topologyKey),
		WhenUnsatisfiable: pulumi.String("ScheduleAnyway"), // crowded is better than missing
	}
}

func serviceContainer(a appArgs) *corev1.ContainerArgs {
	s := a.service
	image := a.Image
	if image == nil {
		image = pulumi.String(s.Image)
	}
	return &corev1.ContainerArgs{
		Name:            pulumi.String(s.Name),
		Image:           image.ToStringOutput().ToStringPtrOutput(),
		Env:             serviceEnv(s),
		Ports:           corev1.ContainerPortArray{platform.Port(platform.HTTPPortName, s.Port)},
		Resources:       platform.ResourcesOf(s.Resources),
		SecurityContext: platform.ContainerSecurity(),
		// Up to two minutes to start; until then the other two probes wait. The period is the most that a pod which is
		// ready at once waits for its traffic: a recovery has few seconds.
		StartupProbe: platform.Probe(platform.HTTPGet(s.HealthPath), 1, 1, 120),
		// Out of the Service within three to five seconds, since others can answer.
		ReadinessProbe: platform.Probe(platform.HTTPGet(s.ReadyPath), 1, 2, 3),
		// A restart only after a minute of silence: it costs more than it cures.
		LivenessProbe: platform.Probe(platform.HTTPGet(s.HealthPath), 10, 5, 6),
		Lifecycle: &corev1.LifecycleArgs{PreStop: &corev1.LifecycleHandlerArgs{
			Sleep: &corev1.SleepActionArgs{Seconds: pulumi.Int(preStopSeconds)},
		}},
	}
}

// serviceEnv is in a fixed order, since the order of a list is a difference to Kubernetes.
func serviceEnv(s spec.Service) corev1.EnvVarArray {
	env := corev1.EnvVarArray{variable("PORT", strconv.Itoa(s.Port))}
	if s.Database != nil {
		env = append(
			env,
			variable("PGHOST", s.DatabaseName()),
			variable("PGPORT", strconv.Itoa(postgresPort)),
			variable("PGUSER", s.DatabaseUser()),
			variable("PGDATABASE", s.DatabaseUser()),
			&corev1.EnvVarArgs{
				Name: pulumi.String("PGPASSWORD"),
				ValueFrom: &corev1.EnvVarSourceArgs{SecretKeyRef: &corev1.SecretKeySelectorArgs{
					Name: pulumi.String(s.DatabaseName()), Key: pulumi.String(passwordKey),
				}},
			},
		)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, variable(key, s.Env[key]))
	}
	return env
}

func variable(name, value string) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(value)}
}
