package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/contract"
)

var costKeys = sorted(contract.CostLabels{}.Map())

// movingKeys are the cost labels whose values change while a service lives. An app keeps its name: most selectors go by
// it.
var movingKeys = slices.DeleteFunc(slices.Clone(costKeys), func(k string) bool { return k == contract.LabelApp })

const selectorsPage = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#label-selector-updates"

var labelRules = []Rule{
	{ID: "LAB-01", Title: "Pods carry all cost labels", Criteria: []string{"SC-001", "SC-002"}, Severity: Error,
		Source: "https://opencost.io/docs/", Why: "Nobody answers for the cost of a pod without them. Labels of the Deployment do not reach its pods.",
		check: podsAreLabelled},
	{
		ID:       "LAB-02",
		Title:    "Pods and their workload have the same cost labels",
		Criteria: []string{"SC-001"},
		Severity: Error,
		Source:   "docs/cost-and-size.md",
		Why:      "With two teams for one workload, one of them is charged for the other.",
		check:    labelsAgree,
	},
	{
		ID:       "LAB-03",
		Title:    "The environment label is that of the namespace",
		Criteria: []string{"SC-001"},
		Severity: Error,
		relates:  true,
		Source:   "docs/cost-and-size.md",
		Why:      "Staging's costs under production's name hide what production costs.",
		check:    environmentAgrees,
	},
	{ID: "LAB-04", Title: "No selector uses team, cost-center or environment", Severity: Warning,
		Source: selectorsPage, Why: "A selector cannot be changed, and a team or a cost center can: the workload would have to be deleted.", check: selectorsAreFree},
	{
		ID:       "LAB-05",
		Title:    "Label keys stay distinct in metrics",
		Criteria: []string{"SC-001", "SC-002"},
		Severity: Error,
		Source:   "https://github.com/opencost/opencost/pull/893",
		Why:      "Prometheus and OpenCost know cost-center as cost_center: one of two such keys hides the other.",
		check:    keysAreDistinct,
	},
	{ID: "LAB-06", Title: "A workload's selector finds its own pods", Severity: Error, relates: true,
		Source: selectorsPage, Why: "The API server refuses the workload, after half of the stack is deployed.", check: ownPodsAreFound},
}

// podsAreLabelled makes one finding of the labels that the workload itself has, which can be copied, and one of those
// that only a person knows.
func podsAreLabelled(s *world) (found []Finding) {
	for _, w := range s.making {
		own, at := w.labels(), path(w.field("metadata.labels"))
		var copied, missing []string
		for _, k := range costKeys {
			switch {
			case w.pods[k] != "" || w.hides(below(at, k)):
			case own[k] != "" && w.template != "":
				copied = append(copied, k)
			default:
				missing = append(missing, k)
			}
		}
		if len(copied) > 0 {
			f := Finding{
				Object: w.Object,
				Path:   below(at, copied[0]),
				Says:   fmt.Sprintf("its pods lack %s, which the %s has", strings.Join(copied, ", "), w.Kind()),
			}
			for _, k := range copied {
				f.Fix = append(f.Fix, Edit{below(at, k), own[k]})
			}
			found = append(found, f)
		}
		if len(missing) > 0 {
			found = append(
				found,
				Finding{
					Object: w.Object,
					Path:   below(at, missing[0]),
					Says:   "its pods lack " + strings.Join(missing, ", "),
				},
			)
		}
	}
	return found
}

func labelsAgree(s *world) (found []Finding) {
	for _, w := range s.making {
		own := w.labels()
		for _, k := range costKeys {
			if w.pods[k] != "" && own[k] != "" && own[k] != w.pods[k] {
				f := Finding{
					Object: w.Object,
					Path:   path("metadata.labels", k),
					Says:   fmt.Sprintf("%s is %q, and %q on its pods", k, own[k], w.pods[k]),
				}
				f.Fix = []Edit{{f.Path, w.pods[k]}}
				found = append(found, f)
			}
		}
	}
	return found
}

func environmentAgrees(s *world) (found []Finding) {
	for _, w := range s.making {
		want, is := s.spaces[w.declared()].labels()[contract.LabelEnvironment], w.pods[contract.LabelEnvironment]
		if want == "" || is == "" || is == want {
			continue
		}
		f := Finding{Object: w.Object, Path: path(w.field("metadata.labels"), contract.LabelEnvironment)}
		f.Says = fmt.Sprintf("is %q, and the namespace %s is of %q", is, w.Namespace(), want)
		f.Fix = []Edit{{f.Path, want}, {path("metadata.labels", contract.LabelEnvironment), want}}
		found = append(found, f)
	}
	return found
}

// selectorsAreFree offers no fix: a selector without one of its labels finds more pods than before.
func selectorsAreFree(s *world) (found []Finding) {
	look := func(o Object, where string) {
		selector := texts(o.get(where))
		for _, k := range movingKeys {
			if selector[k] != "" {
				found = append(found, Finding{Object: o, Path: path(where, k), Says: "selects by the cost label " + k})
			}
		}
	}
	for _, w := range s.making {
		look(w.Object, "spec.selector.matchLabels")
	}
	for _, o := range s.of("", "Service") {
		look(o, "spec.selector")
	}
	for _, o := range s.of("policy", "PodDisruptionBudget") {
		look(o, "spec.selector.matchLabels")
	}
	return found
}

func keysAreDistinct(s *world) (found []Finding) {
	for _, w := range s.making {
		for _, group := range contract.Collisions(sorted(w.pods)) {
			extra := slices.DeleteFunc(
				slices.Clone(group), func(k string) bool { return slices.Contains(contract.LabelKeys(), k) },
			)
			f := Finding{Object: w.Object, Path: path(w.field("metadata.labels"), group[0])}
			f.Says = fmt.Sprintf("%s become one key, %s", strings.Join(group, " and "), contract.MetricKey(group[0]))
			for _, k := range extra {
				f.Fix = append(f.Fix, Edit{path(w.field("metadata.labels"), k), nil})
			}
			found = append(found, f)
		}
	}
	return found
}

func ownPodsAreFound(s *world) (found []Finding) {
	for _, w := range s.making {
		selector := w.selector()
		if selector == nil || w.ends() || selects(selector, w.pods) {
			continue
		}
		found = append(found, Finding{Object: w.Object, Path: path("spec.selector"),
			Says: fmt.Sprintf("selects %s, and its pods are %s", showSelector(selector), showLabels(w.pods))})
	}
	return found
}
