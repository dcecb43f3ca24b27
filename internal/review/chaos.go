package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/contract"
)

var chaosRules = []Rule{
	{ID: "CHA-01", Title: "Nothing is broken on purpose in production", Criteria: []string{"SC-008"},
		Why: "An experiment that is declared there is one kubectl away from being made.", relates: true, check: notInProduction},
	{ID: "CHA-02", Title: "An experiment hits one pod", Why: "Mode all, or a share that is rounded up, takes the whole service down.", check: onePod},
	{ID: "CHA-03", Title: "An experiment stays in its own namespace", Why: "Another namespace is another team's service.", check: ownNamespace},
	{ID: "CHA-04", Title: "An experiment names pods by labels", Why: "Without labels it hits any pod, the database's too.", check: byLabels},
	{ID: "CHA-05", Title: "An experiment hits one service", Criteria: []string{"SC-008", "SC-009"},
		Why: "Which of several was hit is chance, and what was measured is neither's.", relates: true, check: oneService},
	{ID: "CHA-06", Title: "An experiment finds pods", Criteria: []string{"SC-008"},
		Why: "One that finds none proves that nothing happens when nothing is done.", relates: true, check: findsPods},
	{ID: "CHA-07", Title: "A kill has no duration", Why: "It is over at once; Chaos Mesh ignores what is said, and readers do not.", check: noDuration},
	{ID: "CHA-08", Title: "A repeated experiment does not make up for what it missed", Why: "Without startingDeadlineSeconds all that a night's standstill left out is done in the morning.", check: deadlines},
	{ID: "CHA-10", Title: "An experiment is of a kind that these rules know", Criteria: []string{"SC-008"},
		Why: "Whom a Workflow hits, or a kind that came later, nobody has looked at.", check: areKnown},
	{ID: "CHA-09", Title: "The namespace of an experiment is open to it", Criteria: []string{"SC-008"},
		Why: "With Chaos Mesh's namespace filter nothing is hit in one that is not annotated.", relates: true, check: isOpen},
}

const (
	chaosMesh   = "chaos-mesh.org"
	injected    = "chaos-mesh.org/inject"
	paused      = "experiment.chaos-mesh.org/pause"
	production  = "production"
	kindPodKill = "pod-kill"
)

// kinds are those of experiments, with the field of a Schedule that holds one.
var kinds = map[string]string{"PodChaos": "podChaos", "NetworkChaos": "networkChaos", "StressChaos": "stressChaos", "IOChaos": "ioChaos", "DNSChaos": "dnsChaos",
	"HTTPChaos": "httpChaos", "TimeChaos": "timeChaos", "KernelChaos": "kernelChaos", "JVMChaos": "jvmChaos", "AWSChaos": "awsChaos", "GCPChaos": "gcpChaos",
	"BlockChaos": "blockChaos"}

// experiment is a declared failure: an object, or what a Schedule makes.
type experiment struct {
	Object
	at     string // path of its spec
	kind   string
	spec   any
	target bool // the other side of a NetworkChaos, which nothing is done to in its own name
}

func (s *world) experiments() []experiment { return s.breaking }

// hitting are the experiments without the other sides of those that have one.
func (s *world) hitting() []experiment {
	return keep(s.breaking, func(e experiment) bool { return !e.target })
}

func (s *world) readExperiments() []experiment {
	var all []experiment
	for _, o := range s.Set {
		if o.Group() != chaosMesh {
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
		all = append(all, e)
		if side := get(e.spec, "target"); side != nil {
			all = append(all, experiment{o, e.at + ".target", e.kind, side, true})
		}
	}
	return all
}

// bystanders are kinds of Chaos Mesh that break nothing.
var bystanders = []string{"PodNetworkChaos", "PodHttpChaos", "PodIOChaos", "StatusCheck", "RemoteCluster"}

func areKnown(s *world) (found []Finding) {
	for _, o := range s.Set {
		if o.Group() != chaosMesh || slices.Contains(bystanders, o.Kind()) {
			continue
		}
		if kind := text(o.get("spec.type")); o.Kind() == "Schedule" && kinds[kind] == "" {
			found = append(found, Finding{Object: o, Path: path("spec.type"), Says: fmt.Sprintf("is %q, known are %s", kind, strings.Join(sorted(kinds), ", "))})
		} else if o.Kind() != "Schedule" && kinds[o.Kind()] == "" {
			found = append(found, Finding{Object: o, Path: path("kind"), Says: fmt.Sprintf("is %s, known are Schedule, %s", o.Kind(), strings.Join(sorted(kinds), ", "))})
		}
	}
	return found
}

// namespaces that it reaches. Without any it is its own.
func (e experiment) namespaces() []string {
	var all []string
	for _, n := range list(get(e.spec, "selector.namespaces")) {
		all = append(all, text(n))
	}
	if len(all) == 0 {
		all = []string{e.Namespace()}
	}
	return all
}

func (e experiment) labels() map[string]string { return texts(get(e.spec, "selector.labelSelectors")) }

// selector is Chaos Mesh's in the words of Kubernetes.
func (e experiment) selector() map[string]any {
	return map[string]any{"matchLabels": get(e.spec, "selector.labelSelectors"), "matchExpressions": get(e.spec, "selector.expressionSelectors")}
}

// selecting says whether it names pods by labels.
func (e experiment) selecting() bool {
	return len(e.labels()) > 0 || len(list(get(e.spec, "selector.expressionSelectors"))) > 0
}

func (s *world) hit(e experiment) []workload { return s.podsOf(e.namespaces(), e.selector()) }

func notInProduction(s *world) (found []Finding) {
	for _, o := range s.Set {
		if o.Group() == chaosMesh && s.environment(o.Namespace()) == production {
			found = append(found, Finding{Object: o, Path: path("metadata.namespace"), Says: fmt.Sprintf("stands in %s, which is production", o.Namespace())})
		}
		if o.is("", "Namespace") && o.labels()["environment"] == production && o.annotations()[injected] == "enabled" {
			at := path("metadata.annotations", injected)
			found = append(found, Finding{Object: o, Path: at, Says: "opens production to experiments", Fix: []Edit{{at, nil}}})
		}
	}
	for _, e := range s.experiments() {
		if s.environment(e.Namespace()) == production {
			continue // it was said
		}
		hit := keep(s.hit(e), func(w workload) bool {
			return w.pods[contract.LabelEnvironment] == production || s.environment(w.Namespace()) == production
		})
		if len(hit) > 0 {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector"), Says: fmt.Sprintf("finds the pods of %s, which are production", names(hit))})
		}
	}
	return found
}

func onePod(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		mode := text(get(e.spec, "mode"))
		if mode == "one" || mode == "fixed" && text(get(e.spec, "value")) == "1" {
			continue
		}
		at := path(e.at + ".mode")
		found = append(found, Finding{Object: e.Object, Path: at, Says: fmt.Sprintf("is %q, want one", mode), Fix: []Edit{{at, "one"}, {path(e.at + ".value"), nil}}})
	}
	return found
}

func ownNamespace(s *world) (found []Finding) {
	for _, e := range s.experiments() {
		at := path(e.at + ".selector.namespaces")
		named := list(get(e.spec, "selector.namespaces"))
		if len(named) == 1 && text(named[0]) == e.Namespace() {
			continue
		}
		found = append(found, Finding{Object: e.Object, Path: at, Says: fmt.Sprintf("are %v, want %s alone", named, e.Namespace()), Fix: []Edit{{at, []any{e.Namespace()}}}})
	}
	return found
}

func byLabels(s *world) (found []Finding) {
	for _, e := range s.experiments() {
		if !e.selecting() {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: "names none"})
		}
	}
	return found
}

func oneService(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		if hit := s.hit(e); e.selecting() && len(hit) > 1 {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: "finds pods of " + names(hit)})
		}
	}
	return found
}

func findsPods(s *world) (found []Finding) {
	for _, e := range s.experiments() {
		if e.selecting() && len(s.hit(e)) == 0 {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: "finds no pods in " + sought(e.namespaces(), e.selector())})
		}
	}
	return found
}

func noDuration(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		action := text(get(e.spec, "action"))
		if d := get(e.spec, "duration"); d != nil && e.kind == "PodChaos" && slices.Contains([]string{kindPodKill, "container-kill"}, action) {
			at := path(e.at + ".duration")
			found = append(found, Finding{Object: e.Object, Path: at, Says: fmt.Sprintf("is %v, and %s is over at once", d, action), Fix: []Edit{{at, nil}}})
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
		found = append(found, Finding{Object: o, Path: at, Says: "is not set, and it is not paused", Fix: []Edit{{at, 300.0}}})
	}
	return found
}

func isOpen(s *world) (found []Finding) {
	for _, e := range s.experiments() {
		for _, n := range e.namespaces() {
			if o, is := s.spaces[n]; is && o.annotations()[injected] != "enabled" && s.environment(n) != production {
				at := path("metadata.annotations", injected)
				found = append(found, Finding{Object: o, Path: at, Says: fmt.Sprintf("is %q, and %s aims there", o.annotations()[injected], e), Fix: []Edit{{at, "enabled"}}})
			}
		}
	}
	return found
}
