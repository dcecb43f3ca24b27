package components

import (
	"maps"
	"slices"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	httpPortName = "http"
	serviceUser  = 65532 // nonroot in the images that hold nothing but a program
)

// Times of a shutdown, in seconds. While preStop sleeps, the pod still serves and the cluster forgets its address; then
// the process has until the end of the grace to finish what it has begun.
const (
	preStopSeconds = 5
	drainSeconds   = 30 // Task API takes 25 at most: 5 of delay, 20 for requests in flight
	graceSeconds   = preStopSeconds + drainSeconds + 5
)

// servicePod is the template of the service's own pods.
func servicePod(s ServiceSpec, l labels, passwordDigest pulumi.StringInput) *corev1.PodTemplateSpecArgs {
	return &corev1.PodTemplateSpecArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Labels:      l.object(componentAPI),
			Annotations: passwordAnnotation(s, passwordDigest),
		},
		Spec: &corev1.PodSpecArgs{
			ServiceAccountName:            pulumi.String(s.Name),
			AutomountServiceAccountToken:  pulumi.Bool(false),
			EnableServiceLinks:            pulumi.Bool(false), // variables named after other services could be taken for settings
			TerminationGracePeriodSeconds: pulumi.Int(graceSeconds),
			SecurityContext:               podSecurity(serviceUser),
			TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{corev1.TopologySpreadConstraintArgs{
				LabelSelector: &metav1.LabelSelectorArgs{MatchLabels: l.selector(componentAPI)},
				// Counts each rollout's pods apart; with the old ones counted too, the new ones would end up lopsided.
				MatchLabelKeys:    pulumi.StringArray{pulumi.String("pod-template-hash")},
				MaxSkew:           pulumi.Int(1),
				TopologyKey:       pulumi.String("kubernetes.io/hostname"),
				WhenUnsatisfiable: pulumi.String("ScheduleAnyway"), // crowded is better than missing
			}},
			Containers: corev1.ContainerArray{corev1.ContainerArgs{
				Name:  pulumi.String(s.Name),
				Image: pulumi.String(s.Image),
				Env:   serviceEnv(s),
				Ports: corev1.ContainerPortArray{corev1.ContainerPortArgs{
					Name: pulumi.String(httpPortName), ContainerPort: pulumi.Int(s.Port), Protocol: pulumi.String("TCP"),
				}},
				Resources:       resources(s.Resources),
				SecurityContext: containerSecurity(),
				// Up to two minutes to start; until then the other two probes wait.
				StartupProbe: httpProbe(s.HealthPath, 2, 2, 60),
				// Out of the Service within six seconds, since others can answer.
				ReadinessProbe: httpProbe(s.ReadyPath, 2, 2, 3),
				// A restart only after a minute of silence: it costs more than it cures.
				LivenessProbe: httpProbe(s.HealthPath, 10, 5, 6),
				Lifecycle: &corev1.LifecycleArgs{
					PreStop: &corev1.LifecycleHandlerArgs{Sleep: &corev1.SleepActionArgs{Seconds: pulumi.Int(preStopSeconds)}},
				},
			}},
		},
	}
}

// serviceEnv is in a fixed order, since the order of a list is a difference to Kubernetes.
func serviceEnv(s ServiceSpec) corev1.EnvVarArray {
	env := corev1.EnvVarArray{envVar("PORT", strconv.Itoa(s.Port))}
	if s.Database != nil {
		env = append(env,
			envVar("PGHOST", s.databaseName()),
			envVar("PGPORT", strconv.Itoa(postgresPort)),
			envVar("PGUSER", s.databaseUser()),
			envVar("PGDATABASE", s.databaseUser()),
			corev1.EnvVarArgs{Name: pulumi.String("PGPASSWORD"), ValueFrom: &corev1.EnvVarSourceArgs{
				SecretKeyRef: &corev1.SecretKeySelectorArgs{Name: pulumi.String(s.databaseName()), Key: pulumi.String(passwordKey)},
			}},
		)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, envVar(key, s.Env[key]))
	}
	return env
}
