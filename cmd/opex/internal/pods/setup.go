package pods

import (
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Setup is what decides how a Deployment's service takes the loss of a pod, by its template.
func Setup(d *appsv1.Deployment, container string) evidence.Setup {
	pod := d.Spec.Template.Spec
	s := evidence.Setup{Replicas: 1, Resources: map[string]string{}, Probes: map[string]evidence.Probe{}}
	if d.Spec.Replicas != nil {
		s.Replicas = int(*d.Spec.Replicas)
	}
	if pod.TerminationGracePeriodSeconds != nil {
		s.Grace = *pod.TerminationGracePeriodSeconds
	}
	for _, c := range pod.Containers {
		if c.Name != container {
			continue
		}
		s.Image = c.Image
		for kind, list := range map[string]corev1.ResourceList{"requests": c.Resources.Requests, "limits": c.Resources.Limits} {
			for name, amount := range list {
				s.Resources[kind+"."+string(name)] = amount.String()
			}
		}
		for name, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
			if found := probe(p); found != nil {
				s.Probes[name] = *found
			}
		}
		if c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
			text, _ := json.Marshal(c.Lifecycle.PreStop) // a plain struct cannot fail
			s.PreStop = string(text)
		}
	}
	return s
}
