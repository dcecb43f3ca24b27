package review

import (
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
	making   []*workload
	at       map[string][]*workload    // by the namespace that they name
	pairs    map[string][]*workload    // by one label of their pods, as key=value
	named    map[[2]string][]*workload // by kind and name
	serving  map[*workload][]Object    // Services that find its pods
	guarding map[*workload][]Object    // PodDisruptionBudgets that find its pods
	unread   []Object                  // what no rule can judge
	plans    []*plan
	hooks    []*hook
	breaking []experiment
	gaps     map[string]time.Duration // by cron expression
	own      map[*workload][]*run     // hooks that a pod's annotations declare
	advised  map[*workload][]Object   // VerticalPodAutoscalers by their target; nil: those without one
}

func newWorld(objects Set) *world {
	s := &world{
		Set: objects, kinds: map[[2]string][]Object{}, spaces: map[string]Object{}, at: map[string][]*workload{}, pairs: map[string][]*workload{},
		named: map[[2]string][]*workload{}, serving: map[*workload][]Object{}, guarding: map[*workload][]Object{}, gaps: map[string]time.Duration{},
		own: map[*workload][]*run{}, advised: map[*workload][]Object{},
	}
	for _, o := range objects {
		if o.Unread != "" || makesUnknownPods(o) {
			s.unread = append(s.unread, o)
		}
		if o.Unread != "" {
			continue
		}
		kind := [2]string{o.Group(), o.Kind()}
		s.kinds[kind] = append(s.kinds[kind], o)
		if o.is("", "Namespace") {
			s.spaces[o.Name()] = o
		}
		// a Rollout may borrow another's pods
		if template, is := templates[kind]; is && o.get("spec.workloadRef") == nil {
			s.add(&workload{Object: o, template: template})
		}
	}
	for _, service := range s.of("", "Service") {
		if len(texts(service.get("spec.selector"))) > 0 {
			for _, w := range s.podsOf([]string{service.declared()}, matching(service.get("spec.selector"))) {
				s.serving[w] = append(s.serving[w], service)
			}
		}
	}
	for _, budget := range s.of("policy", "PodDisruptionBudget") {
		for _, w := range s.podsOf([]string{budget.declared()}, budget.get("spec.selector")) {
			s.guarding[w] = append(s.guarding[w], budget)
		}
	}
	for _, o := range s.advisers() {
		w := s.target(o, "spec.targetRef", "")
		s.advised[w] = append(s.advised[w], o)
	}
	s.readPlans()
	s.readExperiments()
	return s
}

func (s *world) add(w *workload) {
	w.pods = texts(w.get(w.field("metadata.labels")))
	s.making = append(s.making, w)
	s.at[w.declared()] = append(s.at[w.declared()], w)
	s.named[[2]string{w.Kind(), w.Name()}] = append(s.named[[2]string{w.Kind(), w.Name()}], w)
	for key, value := range w.pods {
		s.pairs[key+"="+value] = append(s.pairs[key+"="+value], w)
	}
}

func (s *world) of(group, kind string) []Object { return s.kinds[[2]string{group, kind}] }

// near says whether two namespaces may be one. An object that names none goes wherever it is applied to.
func near(a, b string) bool { return a == b || a == "" || b == "" }

// in are the workloads that may be in the namespaces; all, where none is named.
func (s *world) in(namespaces []string) []*workload {
	if len(namespaces) == 0 || slices.Contains(namespaces, "") {
		return s.making
	}
	var found []*workload
	for _, n := range slices.Compact(slices.Sorted(slices.Values(namespaces))) {
		found = append(found, s.at[n]...)
	}
	return append(found, s.at[""]...)
}

// podsOf are the workloads in the namespaces whose pods a selector finds. No namespace: all.
func (s *world) podsOf(namespaces []string, selector any) []*workload {
	return keep(s.candidates(namespaces, selector), func(w *workload) bool {
		placed := len(namespaces) == 0 ||
			slices.ContainsFunc(namespaces, func(n string) bool { return near(n, w.declared()) })
		return placed && w.selected(selector)
	})
}

// candidates are the workloads in the namespaces, or fewer: those that have one of the labels that a selector wants.
func (s *world) candidates(namespaces []string, selector any) []*workload {
	found := s.in(namespaces)
	for key, value := range texts(get(selector, "matchLabels")) {
		if few := s.pairs[key+"="+value]; len(few) < len(found) && !slices.Contains(controllerLabels, key) {
			found = few
		}
	}
	return found
}

// target is the workload that an autoscaler names in a field; nil: it is not there.
func (s *world) target(o Object, field, absent string) *workload {
	kind, name := text(o.get(field+".kind")), text(o.get(field+".name"))
	if kind == "" {
		kind = absent
	}
	for _, w := range s.named[[2]string{kind, name}] {
		if near(w.declared(), o.declared()) {
			return w
		}
	}
	return nil
}
