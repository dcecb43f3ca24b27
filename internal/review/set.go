package review

import (
	"maps"
	"slices"
	"time"
)

// Set is all objects that are reviewed together.
type Set []Object

// world is a Set in which things are found quickly: rules ask for the same again and again.
type world struct {
	Set
	kinds    map[[2]string][]Object // by group and kind
	spaces   map[string]Object      // namespaces by name
	making   []workload
	at       map[string][]workload // by namespace
	hooked   []hook
	breaking []experiment
	gaps     map[string]time.Duration // by cron expression
}

func newWorld(objects Set) *world {
	s := &world{Set: objects, kinds: map[[2]string][]Object{}, spaces: map[string]Object{}, at: map[string][]workload{}, gaps: map[string]time.Duration{}}
	for _, o := range objects {
		kind := [2]string{o.Group(), o.Kind()}
		s.kinds[kind] = append(s.kinds[kind], o)
		if o.is("", "Namespace") {
			s.spaces[o.Name()] = o
		}
		if template, is := templates[kind]; is {
			w := workload{Object: o, template: template}
			w.pods = texts(w.get(w.at("metadata.labels")))
			s.making = append(s.making, w)
			s.at[o.Namespace()] = append(s.at[o.Namespace()], w)
		}
	}
	s.hooked, s.breaking = s.readHooks(), s.readExperiments()
	return s
}

// workload is an object that makes pods.
type workload struct {
	Object
	template string            // path of the pods' template; empty for a pod of its own
	pods     map[string]string // their labels
}

// templates are where kinds keep the template of their pods.
var templates = map[[2]string]string{
	{"", "Pod"}: "", {"apps", "ReplicaSet"}: "spec.template",
	{"apps", "Deployment"}: "spec.template", {"apps", "StatefulSet"}: "spec.template", {"apps", "DaemonSet"}: "spec.template",
	{"batch", "Job"}: "spec.template", {"batch", "CronJob"}: "spec.jobTemplate.spec.template",
}

func (s *world) workloads() []workload { return s.making }

// served are workloads whose pods stay and answer: Deployments and StatefulSets.
func (s *world) served() []workload {
	return keep(s.making, func(w workload) bool { return w.Kind() == "Deployment" || w.Kind() == "StatefulSet" })
}

func (s *world) of(group, kind string) []Object { return s.kinds[[2]string{group, kind}] }

// in are the workloads of the namespaces; of all, where none is named.
func (s *world) in(namespaces []string) []workload {
	if len(namespaces) == 0 {
		return s.making
	}
	var found []workload
	for _, n := range namespaces {
		found = append(found, s.at[n]...)
	}
	return found
}

func keep[T any](all []T, is func(T) bool) []T {
	var found []T
	for _, one := range all {
		if is(one) {
			found = append(found, one)
		}
	}
	return found
}

func (w workload) podLabels() map[string]string { return w.pods }

// at is where a field of its pods stands.
func (w workload) at(field string) string {
	if w.template == "" {
		return field
	}
	return w.template + "." + field
}

func (w workload) pod() any { return w.get(w.at("spec")) }

// AnnotationScaledBy on a workload says that a HorizontalPodAutoscaler which is declared elsewhere sets the number of its pods, and by what: cpu.
const AnnotationScaledBy = "opex/horizontally-scaled-by"

// replicas are the fewest pods that a workload has by itself. False: another program sets the number, and what is reviewed does not hold it.
func (s *world) replicas(w workload) (int, bool) {
	if n := w.get("spec.replicas"); n != nil {
		return int(number(n, 1)), true
	}
	if w.Kind() != "Deployment" && w.Kind() != "StatefulSet" && w.Kind() != "ReplicaSet" {
		return 1, true
	}
	for _, h := range s.of("autoscaling", "HorizontalPodAutoscaler") {
		if at := s.target(h, "spec.scaleTargetRef"); at != nil && key(at.Object) == key(w.Object) {
			return int(number(h.get("spec.minReplicas"), 1)), true
		}
	}
	return 1, w.annotations()[AnnotationScaledBy] == ""
}

// containers are those of its pods with their paths, init containers left out.
func (w workload) containers() map[string]map[string]any { return w.containersOf("containers") }

// allContainers are those and the init containers.
func (w workload) allContainers() map[string]map[string]any {
	return w.containersOf("containers", "initContainers")
}

func (w workload) containersOf(fields ...string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, field := range fields {
		for i, c := range list(get(w.pod(), field)) {
			if m, is := c.(map[string]any); is {
				found[w.at("spec."+field+"."+itoa(i))] = m
			}
		}
	}
	return found
}

// selects says whether matchLabels and matchExpressions hold of labels. An empty selector selects everything.
func selects(selector any, labels map[string]string) bool {
	for key, value := range texts(get(selector, "matchLabels")) {
		if labels[key] != value {
			return false
		}
	}
	for _, e := range list(get(selector, "matchExpressions")) {
		value, is := labels[text(get(e, "key"))]
		in := slices.ContainsFunc(list(get(e, "values")), func(v any) bool { return text(v) == value })
		switch text(get(e, "operator")) {
		case "In":
			is = is && in
		case "NotIn":
			is = !is || !in
		case "DoesNotExist":
			is = !is
		}
		if !is {
			return false
		}
	}
	return true
}

// podsOf are the workloads in the namespaces whose pods a selector finds. No namespace: all.
func (s *world) podsOf(namespaces []string, selector any) []workload {
	return keep(s.in(namespaces), func(w workload) bool { return selects(selector, w.pods) })
}

// environment of a namespace, by its label; empty: not known.
func (s *world) environment(namespace string) string {
	return s.spaces[namespace].labels()["environment"]
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
