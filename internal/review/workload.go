package review

import (
	"fmt"
	"strings"
)

// workload is an object that makes pods.
type workload struct {
	Object
	template string            // path of the pods' template; empty for a pod of its own
	pods     map[string]string // labels of its pods
}

// templates are where kinds keep the template of their pods.
var templates = map[[2]string]string{
	{"", "Pod"}: "", {"apps", "ReplicaSet"}: "spec.template", {"", "ReplicationController"}: "spec.template",
	{"apps", "Deployment"}: "spec.template", {"apps", "StatefulSet"}: "spec.template", {"apps", "DaemonSet"}: "spec.template",
	{"argoproj.io", "Rollout"}: "spec.template", {"apps.openshift.io", "DeploymentConfig"}: "spec.template",
	{"batch", "Job"}: "spec.template", {"batch", "CronJob"}: "spec.jobTemplate.spec.template",
}

// stays says whether its pods stay and answer, and whether somebody scales them.
func (w *workload) stays() bool {
	switch w.Kind() {
	case "Deployment", "StatefulSet", "Rollout", "DeploymentConfig":
		return true
	}
	return false
}

// ends says whether its pods do a task and end.
func (w *workload) ends() bool { return w.Kind() == "Job" || w.Kind() == "CronJob" }

func (s *world) served() []*workload { return keep(s.making, (*workload).stays) }

// field is where a field of its pods stands.
func (w *workload) field(of string) string {
	if w.template == "" {
		return of
	}
	return w.template + "." + of
}

func (w *workload) pod() any { return w.get(w.field("spec")) }

func (w *workload) podAnnotations() map[string]string {
	return texts(w.get(w.field("metadata.annotations")))
}

// selector by which it finds its own pods, in the words of newer kinds; nil: it has none.
func (w *workload) selector() any {
	s := w.get("spec.selector")
	if s != nil && (w.Kind() == "ReplicationController" || w.Kind() == "DeploymentConfig") {
		return matching(s)
	}
	return s
}

// container of a workload's pods.
type container struct {
	at     string // path
	fields map[string]any
}

func (c container) name() string      { return text(c.fields["name"]) }
func (c container) get(at string) any { return get(c.fields, at) }

// containers are those of its pods, init containers left out.
func (w *workload) containers() []container { return w.containersOf("containers") }

// lasting are the containers that run as long as the pod: init containers that always restart are sidecars.
func (w *workload) lasting() []container {
	sidecars := keep(
		w.containersOf("initContainers"), func(c container) bool { return text(c.get("restartPolicy")) == "Always" },
	)
	return append(w.containers(), sidecars...)
}

func (w *workload) containersOf(fields ...string) []container {
	var found []container
	for _, field := range fields {
		for i, c := range list(get(w.pod(), field)) {
			if m, is := c.(map[string]any); is {
				found = append(found, container{w.field("spec." + field + "." + itoa(i)), m})
			}
		}
	}
	return found
}

// volume of its pods by name; a claim template counts as the claim that it becomes. Nil: there is none.
func (w *workload) volume(name string) map[string]any {
	for _, c := range list(w.get("spec.volumeClaimTemplates")) {
		if text(get(c, "metadata.name")) == name {
			return map[string]any{"name": name, "persistentVolumeClaim": map[string]any{}, "spec": get(c, "spec")}
		}
	}
	for _, v := range list(get(w.pod(), "volumes")) {
		if text(get(v, "name")) == name {
			m, _ := v.(map[string]any)
			return m
		}
	}
	return nil
}

func (w *workload) volumeNames() []string {
	var all []string
	for _, v := range list(get(w.pod(), "volumes")) {
		all = append(all, text(get(v, "name")))
	}
	for _, c := range list(w.get("spec.volumeClaimTemplates")) {
		all = append(all, text(get(c, "metadata.name")))
	}
	return all
}

// claims are the names of its volumes that are on claims.
func (w *workload) claims() []string {
	return keep(w.volumeNames(), func(name string) bool {
		v := w.volume(name)
		return get(v, "persistentVolumeClaim") != nil || get(v, "ephemeral") != nil
	})
}

// alone says whether its pods hold a volume that one node or pod at a time may mount. A claim that is declared
// elsewhere counts: nobody knows.
func (s *world) alone(w *workload) bool {
	for _, name := range w.claims() {
		v := w.volume(name)
		modes := textList(get(v, "spec.accessModes"))
		if claim := text(get(v, "persistentVolumeClaim.claimName")); claim != "" {
			for _, o := range s.of("", "PersistentVolumeClaim") {
				if o.Name() == claim && near(o.declared(), w.declared()) {
					modes = textList(o.get("spec.accessModes"))
				}
			}
		}
		shared := keep(modes, func(m string) bool { return strings.HasSuffix(m, "Many") })
		if get(v, "ephemeral") == nil && len(shared) == 0 {
			return true
		}
	}
	return false
}

// AnnotationScaledBy on a workload says that a HorizontalPodAutoscaler which is declared elsewhere sets the number of
// its pods, and by what: cpu.
const AnnotationScaledBy = "opex/horizontally-scaled-by"

// replicas are the fewest pods that a workload has by itself. False: another program sets the number, and what is
// reviewed does not hold it.
func (s *world) replicas(w *workload) (int, bool) {
	if n := w.get("spec.replicas"); n != nil {
		return int(number(n, 1)), true
	}
	if !w.stays() && w.Kind() != "ReplicaSet" && w.Kind() != "ReplicationController" {
		return 1, true
	}
	for _, h := range s.of("autoscaling", "HorizontalPodAutoscaler") {
		if s.target(h, "spec.scaleTargetRef", "") == w {
			return int(number(h.get("spec.minReplicas"), 1)), true
		}
	}
	for _, o := range s.of("keda.sh", "ScaledObject") {
		if s.target(o, "spec.scaleTargetRef", "Deployment") == w {
			return int(number(o.get("spec.minReplicaCount"), 0)), true
		}
	}
	return 1, w.annotations()[AnnotationScaledBy] == ""
}

// mostNames is how many workloads a finding names.
const mostNames = 5

func names(all []*workload) string {
	var texts []string
	for _, w := range all[:min(len(all), mostNames)] {
		texts = append(texts, w.String())
	}
	if more := len(all) - mostNames; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}
