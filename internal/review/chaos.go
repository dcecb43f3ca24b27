package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const chaosPage = "https://chaos-mesh.org/docs/define-chaos-experiment-scope/"

var chaosRules = []Rule{
	{
		ID:       "CHA-01",
		Title:    "Nothing is broken on purpose in production",
		Criteria: []string{"SC-008"},
		Severity: Error,
		relates:  true,
		Source:   "docs/gameday.md",
		Why:      "An experiment that is declared there is one kubectl command away from running.",
		check:    notInProduction,
	},
	{ID: "CHA-02", Title: "An experiment hits one pod", Severity: Warning,
		Source: "Chaos Mesh, pkg/selector/generic/mode.go", Why: "Mode all takes the whole service down. A percentage is rounded, down to none in releases up to " +
			"2.7 (25% of 3 pods) and up in later ones.", check: onePod},
	{ID: "CHA-03", Title: "An experiment stays in its own namespace", Severity: Warning, relates: true,
		Source: chaosPage, Why: "Another namespace is another team's service.", check: ownNamespace},
	{ID: "CHA-04", Title: "An experiment names pods by labels", Severity: Error,
		Source: chaosPage, Why: "Without labels it hits any pod, the database's as well.", check: byLabels},
	{
		ID:       "CHA-05",
		Title:    "An experiment hits one service",
		Criteria: []string{"SC-008", "SC-009"},
		Severity: Error,
		relates:  true,
		Source:   chaosPage,
		Why:      "Chance decides which of several services it hits, so the measurement is of neither.",
		check:    oneService,
	},
	{ID: "CHA-06", Title: "An experiment finds pods", Criteria: []string{"SC-008"}, Severity: Error, relates: true,
		Source: "Chaos Mesh, pkg/selector/pod/selector.go: no pod is selected", Why: "An experiment without pods fails, and proves nothing.", check: findsPods},
	{ID: "CHA-07", Title: "A kill has no duration", Severity: Advice,
		Source: "https://chaos-mesh.org/docs/simulate-pod-chaos-on-kubernetes/", Why: "A kill is over at once. Chaos Mesh ignores the duration; readers do not.",
		check: noDuration},
	{ID: "CHA-08", Title: "A repeated experiment has a deadline", Severity: Warning,
		Source: "Chaos Mesh, controllers/schedule/cron/utils.go", Why: "Without startingDeadlineSeconds Chaos Mesh runs the latest missed experiment as soon as it is " +
			"back, at a time that nobody chose; after more than 100 missed ones it stops with an error.", check: deadlines},
	{ID: "CHA-09", Title: "The namespace of an experiment is open to it", Severity: Warning, relates: true,
		Source: "https://chaos-mesh.org/docs/configure-enabled-namespace/", Why: "With Chaos Mesh's namespace filter nothing is hit in a namespace without the annotation.",
		check: isOpen},
	{ID: "CHA-10", Title: "These rules know the experiment's kind", Severity: Warning,
		Source: "docs/gameday.md", Why: "These rules do not cover Workflows, newer kinds or other engines: nobody checked what they hit.", check: areKnown},
}

const (
	chaosMesh = "chaos-mesh.org"
	injected  = "chaos-mesh.org/inject"
	paused    = "experiment.chaos-mesh.org/pause"
)

// kinds are those of experiments, with the field of a Schedule that holds one.
var kinds = map[string]string{
	"PodChaos": "podChaos", "NetworkChaos": "networkChaos", "StressChaos": "stressChaos", "IOChaos": "ioChaos", "DNSChaos": "dnsChaos",
	"HTTPChaos": "httpChaos", "TimeChaos": "timeChaos", "KernelChaos": "kernelChaos", "JVMChaos": "jvmChaos", "AWSChaos": "awsChaos", "GCPChaos": "gcpChaos",
	"BlockChaos": "blockChaos",
}

// bystanders are kinds of Chaos Mesh that break nothing.
var bystanders = []string{"PodNetworkChaos", "PodHttpChaos", "PodIOChaos", "StatusCheck", "RemoteCluster", "PhysicalMachine"}

// experiment is a declared failure: an object, or what a Schedule makes.
type experiment struct {
	Object
	at     string // path of its spec
	kind   string
	spec   any
	target bool // the other side of a NetworkChaos, which nothing is done to in its own name
	// passive is a target whose own pods are left alone: rules are set on them for the directions from and both only.
	// Chaos Mesh, controllers/chaosimpl/networkchaos/trafficcontrol and partition
	passive bool
}

// hitting are the experiments without the other sides of those that have one.
func (s *world) hitting() []experiment {
	return keep(s.breaking, func(e experiment) bool { return !e.target })
}

// touching are the experiments and those other sides whose pods are touched, too.
func (s *world) touching() []experiment {
	return keep(s.breaking, func(e experiment) bool { return !e.passive })
}

func (s *world) readExperiments() {
	for _, o := range s.Set {
		if o.Group() != chaosMesh || o.Unread != "" {
			continue
		}
		e := experiment{Object: o, at: "spec", kind: o.Kind()}
		if o.Kind() == "Schedule" {
			e.kind = text(o.get("spec.type"))
			e.at = "spec." + kinds[e.kind]
		}
		if kinds[e.kind] == "" {
			continue // CHA-10 says so
		}
		e.spec = o.get(e.at)
		s.breaking = append(s.breaking, e)
		if side := get(e.spec, "target"); side != nil && e.kind == "NetworkChaos" {
			direction := text(get(e.spec, "direction"))
			s.breaking = append(s.breaking, experiment{
				Object: o, at: e.at + ".target", kind: e.kind, spec: side, target: true,
				passive: direction == "" || direction == "to",
			})
		}
	}
}

func areKnown(s *world) (found []Finding) {
	for _, o := range s.Set {
		switch engine := breaks(o); {
		case engine == "" || o.Unread != "":
		case engine != "Chaos Mesh":
			found = append(
				found,
				Finding{
					Object: o,
					Path:   path("kind"),
					Says:   fmt.Sprintf("is broken by %s, which these rules do not judge", engine),
				},
			)
		case o.Kind() == "Schedule" && kinds[text(o.get("spec.type"))] == "":
			found = append(found, Finding{Object: o, Path: path("spec.type"),
				Says: fmt.Sprintf("is %q, known are %s", text(o.get("spec.type")), strings.Join(sorted(kinds), ", "))})
		case o.Kind() != "Schedule" && kinds[o.Kind()] == "":
			found = append(found, Finding{Object: o, Path: path("kind"),
				Says: fmt.Sprintf("is %s, known are Schedule, %s", o.Kind(), strings.Join(sorted(kinds), ", "))})
		}
	}
	return found
}

// namespaces that it reaches. Without any it is its own; the empty one is wherever it will be applied.
func (e experiment) namespaces() []string {
	all := textList(get(e.spec, "selector.namespaces"))
	if len(all) == 0 {
		all = []string{e.declared()}
	}
	return all
}

func (e experiment) labels() map[string]string { return texts(get(e.spec, "selector.labelSelectors")) }

// selector is Chaos Mesh's in the words of Kubernetes.
func (e experiment) selector() map[string]any {
	return map[string]any{
		"matchLabels":      get(e.spec, "selector.labelSelectors"),
		"matchExpressions": get(e.spec, "selector.expressionSelectors"),
	}
}

// selecting says whether it names pods by labels.
func (e experiment) selecting() bool {
	return len(e.labels()) > 0 || len(list(get(e.spec, "selector.expressionSelectors"))) > 0
}

// otherwise says whether it names what it hits by other means than labels: pods by name, fields, annotations, nodes.
func (e experiment) otherwise() bool {
	for _, field := range []string{"pods", "fieldSelectors", "annotationSelectors", "nodes", "nodeSelectors"} {
		if get(e.spec, "selector."+field) != nil {
			return true
		}
	}
	return e.kind == "AWSChaos" || e.kind == "GCPChaos"
}

// removesPods says whether it takes pods away, or out of service.
func (e experiment) removesPods() bool { return e.kind == "PodChaos" }

func (s *world) hit(e experiment) []*workload { return s.podsOf(e.namespaces(), e.selector()) }

func onePod(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		mode := text(get(e.spec, "mode"))
		if mode == "one" || mode == "fixed" && text(get(e.spec, "value")) == "1" || e.kind == "AWSChaos" ||
			e.kind == "GCPChaos" {
			continue
		}
		at := path(e.at + ".mode")
		found = append(
			found,
			Finding{
				Object: e.Object,
				Path:   at,
				Says:   fmt.Sprintf("is %q, want one", mode),
				Fix:    []Edit{{at, "one"}, {path(e.at + ".value"), nil}},
			},
		)
	}
	return found
}

func ownNamespace(s *world) (found []Finding) {
	for _, e := range s.touching() {
		named := textList(get(e.spec, "selector.namespaces"))
		if len(named) == 0 || len(named) == 1 && near(named[0], e.declared()) {
			continue
		}
		f := Finding{
			Object: e.Object,
			Path:   path(e.at + ".selector.namespaces"),
			Says:   fmt.Sprintf("are %v, want %s alone", named, cmp.Or(e.declared(), "the experiment's own")),
		}
		if slices.Contains(named, e.declared()) && len(s.podsOf([]string{e.declared()}, e.selector())) > 0 {
			f.Fix = []Edit{{f.Path, []any{e.declared()}}}
		}
		found = append(found, f)
	}
	return found
}

func byLabels(s *world) (found []Finding) {
	for _, e := range s.touching() {
		if !e.selecting() && !e.otherwise() {
			found = append(
				found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: "names none"},
			)
		}
	}
	return found
}

func oneService(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		if hit := s.hit(e); e.selecting() && len(hit) > 1 {
			found = append(
				found,
				Finding{
					Object: e.Object,
					Path:   path(e.at + ".selector.labelSelectors"),
					Says:   "finds pods of " + names(hit),
				},
			)
		}
	}
	return found
}

func findsPods(s *world) (found []Finding) {
	for _, e := range s.breaking {
		if !e.selecting() || len(s.hit(e)) > 0 {
			continue
		}
		f := Finding{
			Object: e.Object, Path: path(e.at + ".selector.labelSelectors"),
			Says: "finds no pods in " + sought(e.namespaces(), e.selector()), unless: s.unknownIn(e.namespaces()),
		}
		// An experiment may be kept apart from what it hits. Not where the set has workloads of a namespace that it names.
		apart := !slices.ContainsFunc(e.namespaces(), func(n string) bool { return n != "" && len(s.at[n]) > 0 })
		if key := s.unusedKey(e.labels()); key != "" && apart {
			f.unsure = true
			f.Says += fmt.Sprintf("; no pod of these objects has the label %s: they are declared elsewhere, or it is misspelt", key)
		}
		found = append(found, f)
	}
	return found
}

// unusedKey returns a key of the labels that no pod of the set has; empty: each is used.
func (s *world) unusedKey(labels map[string]string) string {
	for _, key := range sorted(labels) {
		if !slices.ContainsFunc(s.making, func(w *workload) bool { _, has := w.pods[key]; return has }) {
			return key
		}
	}
	return ""
}

func noDuration(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		action := text(get(e.spec, "action"))
		if d := get(e.spec, "duration"); d != nil && e.kind == "PodChaos" &&
			slices.Contains([]string{"pod-kill", "container-kill"}, action) {
			at := path(e.at + ".duration")
			found = append(
				found,
				Finding{
					Object: e.Object,
					Path:   at,
					Says:   fmt.Sprintf("is %v, and %s is over at once", d, action),
					Fix:    []Edit{{at, nil}},
				},
			)
		}
	}
	return found
}

func deadlines(s *world) (found []Finding) {
	for _, o := range s.of(chaosMesh, "Schedule") {
		if o.annotations()[paused] == "true" || o.get("spec.startingDeadlineSeconds") != nil {
			continue
		}
		at := path("spec.startingDeadlineSeconds")
		found = append(
			found, Finding{Object: o, Path: at, Says: "is not set, and it is not paused", Fix: []Edit{{at, 300.0}}},
		)
	}
	return found
}

func isOpen(s *world) (found []Finding) {
	for _, e := range s.breaking {
		for _, n := range e.namespaces() {
			if o, is := s.spaces[n]; is && o.annotations()[injected] != "enabled" && !s.produces(n) {
				at := path("metadata.annotations", injected)
				found = append(
					found,
					Finding{
						Object: o,
						Path:   at,
						Says:   fmt.Sprintf("is %q, and %s aims there", o.annotations()[injected], e),
						Fix:    []Edit{{at, "enabled"}},
					},
				)
			}
		}
	}
	return found
}
