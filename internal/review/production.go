package review

import (
	"fmt"
	"slices"
	"strings"
)

// What environments are called. Words that stand for none of these are not known, and that is said.
var (
	productionWords = []string{"production", "prod", "prd", "live"}
	otherWords      = []string{
		"staging", "stage", "stg", "development", "develop", "dev", "test", "testing", "tst", "qa", "uat", "acceptance",
		"preview", "sandbox", "integration", "int", "ci", "demo", "local", "preprod", "nonprod", "canary", "perf",
		"load", "e2e", "review", "training", "lab",
	}
	// negations turn production into something else: non-prod, pre-production.
	negations = []string{"non", "pre", "not", "no", "sub", "like"}
	// environmentKeys are labels that say which environment an object is of, the first that is there.
	environmentKeys = []string{"environment", "env", "app.kubernetes.io/environment", "stage", "tier.environment"}
)

func wordsOf(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_./ ", r) })
}

func anyOf(words, of []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(of, w) })
}

// isProduction says whether the name of an environment means production, in any spelling.
func isProduction(name string) bool {
	words := wordsOf(name)
	return anyOf(words, productionWords) && !anyOf(words, negations) && !anyOf(words, otherWords)
}

// environmentOf is what labels say.
func environmentOf(labels map[string]string) string {
	for _, key := range environmentKeys {
		if labels[key] != "" {
			return labels[key]
		}
	}
	return ""
}

// environment of a namespace, by its label; empty: not known.
func (s *world) environment(namespace string) string {
	return environmentOf(s.spaces[namespace].labels())
}

// produces says whether a namespace is production: its label says so, or, where it has none, its name.
func (s *world) produces(namespace string) bool {
	if named := s.environment(namespace); named != "" {
		return isProduction(named)
	}
	words := wordsOf(namespace)
	return anyOf(words, []string{"production", "prod", "prd"}) && !anyOf(words, negations) && !anyOf(words, otherWords)
}

// inProduction says whether the pods of a workload are production.
func (s *world) inProduction(w *workload) bool {
	if named := environmentOf(w.pods); named != "" && isProduction(named) {
		return true
	}
	return s.produces(w.declared())
}

// unknownEnvironment says in words that nobody can tell which environment a namespace is of; empty: it is known.
func (s *world) unknownEnvironment(namespace string) string {
	named := s.environment(namespace)
	words := wordsOf(named)
	switch {
	case named == "" && !anyOf(wordsOf(namespace), slices.Concat(productionWords, otherWords)):
		return fmt.Sprintf(
			"is %s, and neither its name nor a label says which environment that is: whether it is production was not judged",
			namespace,
		)
	case named != "" && !anyOf(words, slices.Concat(productionWords, otherWords)):
		return fmt.Sprintf(
			"is %s, whose environment is %q: whether that is production was not judged", namespace, named,
		)
	}
	return ""
}

func notInProduction(s *world) (found []Finding) {
	for _, o := range s.Set {
		engine := breaks(o)
		if engine == "" || o.Unread != "" {
			continue
		}
		space, at := o.declared(), path("metadata.namespace")
		if aims := text(o.get("spec.appinfo.appns")); aims != "" { // Litmus's
			space, at = aims, path("spec.appinfo.appns")
		}
		if s.produces(space) || engine == kubeMonkey && isProduction(environmentOf(o.labels())) {
			found = append(
				found,
				Finding{
					Object: o,
					Path:   at,
					Says:   fmt.Sprintf("is %s, which is production, and %s breaks it", space, engine),
				},
			)
		} else if says := s.unknownEnvironment(space); says != "" && space != "" {
			found = append(found, Finding{Object: o, Path: at, Says: says, unsure: true})
		}
	}
	for _, o := range s.of("", "Namespace") {
		if s.produces(o.Name()) && o.annotations()[injected] == "enabled" {
			at := path("metadata.annotations", injected)
			found = append(
				found, Finding{Object: o, Path: at, Says: "opens production to experiments", Fix: []Edit{{at, nil}}},
			)
		}
	}
	for _, e := range s.breaking {
		if s.produces(e.declared()) {
			continue // it was said
		}
		if hit := keep(s.hit(e), s.inProduction); len(hit) > 0 {
			found = append(
				found,
				Finding{
					Object: e.Object,
					Path:   path(e.at + ".selector"),
					Says:   fmt.Sprintf("finds the pods of %s, which are production", names(hit)),
				},
			)
		}
		for _, n := range e.namespaces() {
			if n != e.declared() && s.produces(n) && len(s.hit(e)) == 0 {
				found = append(
					found,
					Finding{
						Object: e.Object,
						Path:   path(e.at + ".selector.namespaces"),
						Says:   fmt.Sprintf("has %s, which is production", n),
					},
				)
			}
		}
	}
	return found
}

const (
	litmus     = "Litmus"
	kubeMonkey = "kube-monkey"
)

// breaks is the engine that an object has break something; empty: none.
func breaks(o Object) string {
	switch {
	case o.Group() == chaosMesh && !slices.Contains(bystanders, o.Kind()):
		return "Chaos Mesh"
	case o.Group() == "litmuschaos.io" && o.Kind() != "ChaosExperiment" && o.Kind() != "ChaosResult":
		return litmus
	case o.labels()["kube-monkey/enabled"] == "enabled" && o.Kind() != "Pod":
		return kubeMonkey
	}
	return ""
}
