package review

import (
	"fmt"
	"slices"
	"strings"
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
	at   string // path of its spec
	kind string
	spec any
}

func (s *world) experiments() []experiment { return s.breaking }

func (s *world) readExperiments() []experiment {
	var all []experiment
	for _, o := range s.Set {
		if o.Group() != chaosMesh {
			continue
		}
		if _, is := kinds[o.Kind()]; is {
			all = append(all, experiment{o, "spec", o.Kind(), o.get("spec")})
		} else if o.Kind() == "Schedule" {
			kind := text(o.get("spec.type"))
			all = append(all, experiment{o, "spec." + kinds[kind], kind, o.get("spec." + kinds[kind])})
		}
	}
	return all
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

func (s *world) hit(e experiment) []workload {
	return s.podsOf(e.namespaces(), map[string]any{"matchLabels": get(e.spec, "selector.labelSelectors")})
}

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
	return found
}

func onePod(s *world) (found []Finding) {
	for _, e := range s.experiments() {
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
		if len(e.labels()) == 0 {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: "names none"})
		}
	}
	return found
}

func oneService(s *world) (found []Finding) {
	for _, e := range s.experiments() {
		var names []string
		for _, w := range s.hit(e) {
			names = append(names, w.String())
		}
		if len(e.labels()) > 0 && len(names) > 1 {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: "finds pods of " + strings.Join(names, ", ")})
		}
	}
	return found
}

func findsPods(s *world) (found []Finding) {
	for _, e := range s.experiments() {
		if len(e.labels()) > 0 && len(s.hit(e)) == 0 {
			found = append(found, Finding{Object: e.Object, Path: path(e.at + ".selector.labelSelectors"), Says: fmt.Sprintf("finds no pods in %s: %s",
				strings.Join(e.namespaces(), ", "), showLabels(e.labels()))})
		}
	}
	return found
}

func noDuration(s *world) (found []Finding) {
	for _, e := range s.experiments() {
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
