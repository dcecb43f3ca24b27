package components

import (
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
func servicePod(s ServiceSpec, l labels, passwordDigest string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: l.object(componentAPI), Annotations: passwordAnnotation(s, passwordDigest)},
		Spec: corev1.PodSpec{
			ServiceAccountName:            s.Name,
			AutomountServiceAccountToken:  new(false),
			EnableServiceLinks:            new(false), // variables named after other services could be taken for settings
			TerminationGracePeriodSeconds: new(int64(graceSeconds)),
			SecurityContext:               podSecurity(serviceUser),
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
				LabelSelector: &metav1.LabelSelector{MatchLabels: l.identity(componentAPI)},
				// No matchLabelKeys, though they would count each rollout's pods apart: the API server writes them into the pod's
				// selector too, and then refuses the same pod when a backup brings it back.
				MaxSkew:           1,
				TopologyKey:       corev1.LabelHostname,
				WhenUnsatisfiable: corev1.ScheduleAnyway, // crowded is better than missing
			}},
			Containers: []corev1.Container{{
				Name:            s.Name,
				Image:           s.Image,
				Env:             serviceEnv(s),
				Ports:           []corev1.ContainerPort{{Name: httpPortName, ContainerPort: int32(s.Port), Protocol: corev1.ProtocolTCP}},
				Resources:       resources(s.Resources),
				SecurityContext: containerSecurity(),
				// Up to two minutes to start; until then the other two probes wait. The period is the most that a pod which is ready at once
				// waits for its traffic: a recovery has few seconds.
				StartupProbe: probe(httpGet(s.HealthPath), 1, 1, 120),
				// Out of the Service within three to five seconds, since others can answer.
				ReadinessProbe: probe(httpGet(s.ReadyPath), 1, 2, 3),
				// A restart only after a minute of silence: it costs more than it cures.
				LivenessProbe: probe(httpGet(s.HealthPath), 10, 5, 6),
				Lifecycle:     &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: preStopSeconds}}},
			}},
		},
	}
}

// serviceEnv is in a fixed order, since the order of a list is a difference to Kubernetes.
func serviceEnv(s ServiceSpec) []corev1.EnvVar {
	env := []corev1.EnvVar{{Name: "PORT", Value: strconv.Itoa(s.Port)}}
	if s.Database != nil {
		env = append(env,
			corev1.EnvVar{Name: "PGHOST", Value: s.databaseName()},
			corev1.EnvVar{Name: "PGPORT", Value: strconv.Itoa(postgresPort)},
			corev1.EnvVar{Name: "PGUSER", Value: s.databaseUser()},
			corev1.EnvVar{Name: "PGDATABASE", Value: s.databaseUser()},
			corev1.EnvVar{Name: "PGPASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: s.databaseName()}, Key: passwordKey,
			}}},
		)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, corev1.EnvVar{Name: key, Value: s.Env[key]})
	}
	return env
}
