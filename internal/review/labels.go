package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/contract"
)

var costKeys = sorted(contract.CostLabels{}.Map())

var labelRules = []Rule{
	{ID: "LAB-01", Title: "Pods carry all cost labels", Criteria: []string{"SC-001", "SC-002"},
		Why: "A pod without them costs money that nobody answers for; labels of the Deployment alone do not reach its pods.", check: podsAreLabelled},
	{ID: "LAB-02", Title: "Pods and their workload have the same cost labels", Criteria: []string{"SC-001"},
		Why: "Two teams for one workload means that one of them is charged for the other.", check: labelsAgree},
	{ID: "LAB-03", Title: "The environment label is that of the namespace", Criteria: []string{"SC-001"},
		Why: "Costs of staging that are called production's hide what production costs.", relates: true, check: environmentAgrees},
	{ID: "LAB-04", Title: "No selector uses a cost label", Criteria: nil,
		Why: "A selector cannot be changed later, and a team or a cost center can: the workload would have to be deleted.", check: selectorsAreFree},
	{ID: "LAB-05", Title: "Label keys stay distinct in metrics", Criteria: []string{"SC-001", "SC-002"},
		Why: "Prometheus and OpenCost know cost-center as cost_center: of two such keys one hides the other.", check: keysAreDistinct},
	{ID: "LAB-06", Title: "A workload's selector finds its own pods",
		Why: "Kubernetes refuses it, after half of the stack is deployed.", relates: true, check: ownPodsAreFound},
}

func podsAreLabelled(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		have, own := w.podLabels(), w.labels()
		for _, k := range costKeys {
			if have[k] != "" {
				continue
			}
			f := Finding{Object: w.Object, Path: path(w.at("metadata.labels"), k), Says: "its pods have no label " + k}
			if own[k] != "" {
				f.Says += fmt.Sprintf(", though the %s has", w.Kind())
				f.Fix = []Edit{{f.Path, own[k]}}
			}
			found = append(found, f)
		}
	}
	return found
}

func labelsAgree(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		have, own := w.podLabels(), w.labels()
		for _, k := range costKeys {
			if have[k] != "" && own[k] != have[k] {
				f := Finding{Object: w.Object, Path: path("metadata.labels", k), Says: fmt.Sprintf("%s is %q, and %q on its pods", k, own[k], have[k])}
				f.Fix = []Edit{{f.Path, have[k]}}
				found = append(found, f)
			}
		}
	}
	return found
}

func environmentAgrees(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		want, is := s.environment(w.Namespace()), w.podLabels()[contract.LabelEnvironment]
		if want == "" || is == "" || is == want {
			continue
		}
		f := Finding{Object: w.Object, Path: path(w.at("metadata.labels"), contract.LabelEnvironment), Says: fmt.Sprintf("is %q, and the namespace %s is of %q", is, w.Namespace(), want)}
		f.Fix = []Edit{{f.Path, want}, {path("metadata.labels", contract.LabelEnvironment), want}}
		found = append(found, f)
	}
	return found
}

func selectorsAreFree(s *world) (found []Finding) {
	look := func(o Object, where string, mutable bool) {
		selector := texts(o.get(where))
		others := 0
		for k := range selector {
			if !slices.Contains(costKeys, k) {
				others++
			}
		}
		for _, k := range costKeys {
			if selector[k] == "" {
				continue
			}
			f := Finding{Object: o, Path: path(where, k), Says: "selects by the cost label " + k}
			if mutable && others > 0 { // an empty selector finds nothing, or everything
				f.Fix = []Edit{{f.Path, nil}}
			}
			found = append(found, f)
		}
	}
	for _, w := range s.workloads() {
		look(w.Object, "spec.selector.matchLabels", false) // of a workload it cannot be changed: somebody has to make it anew
	}
	for _, o := range s.of("", "Service") {
		look(o, "spec.selector", true)
	}
	for _, o := range s.of("policy", "PodDisruptionBudget") {
		look(o, "spec.selector.matchLabels", true)
	}
	return found
}

func keysAreDistinct(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		for _, group := range contract.Collisions(sorted(w.podLabels())) {
			extra := slices.DeleteFunc(slices.Clone(group), func(k string) bool { return slices.Contains(contract.LabelKeys(), k) })
			f := Finding{Object: w.Object, Path: path(w.at("metadata.labels"), group[0]), Says: fmt.Sprintf("%s become one key, %s", strings.Join(group, " and "),
				contract.MetricKey(group[0]))}
			for _, k := range extra {
				f.Fix = append(f.Fix, Edit{path(w.at("metadata.labels"), k), nil})
			}
			found = append(found, f)
		}
	}
	return found
}

func ownPodsAreFound(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		selector := w.get("spec.selector")
		if selector == nil || selects(selector, w.podLabels()) {
			continue
		}
		found = append(found, Finding{Object: w.Object, Path: path("spec.selector"), Says: fmt.Sprintf("selects %s, and its pods are %s",
			showSelector(selector), showLabels(w.podLabels()))})
	}
	return found
}
