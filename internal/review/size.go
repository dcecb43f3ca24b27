package review

import (
	"fmt"
	"strings"
)

const requestsPage = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"

var sizeRules = []Rule{
	{
		ID:       "SIZ-01",
		Title:    "A VerticalPodAutoscaler only recommends, or says why not",
		Criteria: []string{"SC-003"},
		Severity: Error,
		Source:   "https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/quickstart.md",
		Why:      "In any other mode it changes pods: at their start, in place, or by evicting them while they serve.",
		check:    modeIsOff,
	},
	{
		ID:       "SIZ-02",
		Title:    "A VerticalPodAutoscaler has a target of its own",
		Criteria: []string{"SC-003"},
		Severity: Error,
		relates:  true,
		Source:   "https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/known-limitations.md",
		Why:      "Without a target it recommends nothing; of two with one target, one is ignored. Only their status says so.",
		check:    targetsExist,
	},
	{
		ID:       "SIZ-03",
		Title:    "Each Deployment and StatefulSet has a VerticalPodAutoscaler",
		Criteria: []string{"SC-003"},
		Severity: Error,
		relates:  true,
		Source:   "docs/cost-and-size.md",
		Why:      "Without measurements a size stays what somebody guessed.",
		check:    allAreAdvised,
	},
	{ID: "SIZ-04", Title: "Containers request CPU and memory", Severity: Warning, relates: true,
		Source: requestsPage, Why: "The scheduler and OpenCost count requests: a pod without them seems free, and is evicted first.", check: requestsAreSet},
	{ID: "SIZ-05", Title: "Containers have a memory limit", Severity: Warning, relates: true,
		Source: requestsPage, Why: "Without a limit, one that leaks takes its neighbours down with it.", check: memoryIsLimited},
	{
		ID:       "SIZ-06",
		Title:    "No horizontal scaler goes by the resource that a VerticalPodAutoscaler sizes",
		Criteria: []string{"SC-003"},
		Severity: Error,
		relates:  true,
		Source:   "https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/known-limitations.md",
		Why:      "Utilization is usage divided by the request: each change of the request changes the number of pods.",
		check:    scalersDoNotMeet,
	},
}

const (
	autoscaling = "autoscaling.k8s.io"
	// AnnotationReason on a VerticalPodAutoscaler says why its mode is another than Off, in words.
	AnnotationReason = "opex/update-mode-reason"
	// AnnotationUnadvised on a namespace says why no sizes are recommended in it, in words.
	AnnotationUnadvised = "opex/sizes-unadvised"
)

func (s *world) advisers() []Object { return s.of(autoscaling, "VerticalPodAutoscaler") }

func modeIsOff(s *world) (found []Finding) {
	for _, o := range s.advisers() {
		mode := text(o.get("spec.updatePolicy.updateMode"))
		// as many words as the config asks for
		if mode == "Off" || mode != "" && len(strings.Fields(o.annotations()[AnnotationReason])) >= 3 {
			continue
		}
		at := path("spec.updatePolicy.updateMode")
		says := fmt.Sprintf(
			"is %q (unset is Recreate or Auto), want Off, or the annotation %s with the reason in words", mode,
			AnnotationReason,
		)
		found = append(found, Finding{Object: o, Path: at, Says: says, Fix: []Edit{{at, "Off"}}})
	}
	return found
}

func targetsExist(s *world) (found []Finding) {
	first := map[*workload]Object{}
	for _, o := range s.advisers() {
		w := s.target(o, "spec.targetRef", "")
		if w == nil {
			found = append(
				found,
				Finding{Object: o, Path: path("spec.targetRef"), unless: s.unknownIn([]string{o.declared()}),
					Says: fmt.Sprintf(
						"there is no %v %s/%v", o.get("spec.targetRef.kind"), o.Namespace(),
						o.get("spec.targetRef.name"),
					)},
			)
			continue
		}
		if other, is := first[w]; is && key(other) != key(o) {
			found = append(
				found,
				Finding{
					Object: o,
					Path:   path("spec.targetRef"),
					Says:   fmt.Sprintf("is %s, which %s has as its target, too", w, other),
				},
			)
			continue
		}
		first[w] = o
	}
	return found
}

func allAreAdvised(s *world) (found []Finding) {
	for _, w := range s.served() {
		if len(s.advised[w]) == 0 && s.spaces[w.declared()].annotations()[AnnotationUnadvised] == "" {
			found = append(
				found,
				Finding{
					Object: w.Object,
					Path:   path("metadata.name"),
					Says:   "no VerticalPodAutoscaler has it as its target",
				},
			)
		}
	}
	return found
}

// allotted says whether a container has a request or a limit of a resource, by itself, by its pod, or by the defaults
// of its namespace. The API server takes a limit for the request that is missing.
func (s *world) allotted(w *workload, c container, what, resource string) bool {
	of := []string{what}
	if what == "requests" {
		of = append(of, "limits")
	}
	for _, one := range of {
		if c.get("resources."+one+"."+resource) != nil || get(w.pod(), "resources."+one+"."+resource) != nil {
			return true
		}
	}
	for _, o := range s.of("", "LimitRange") {
		for _, limit := range list(o.get("spec.limits")) {
			if text(get(limit, "type")) != "Container" || !near(o.declared(), w.declared()) {
				continue
			}
			if get(limit, "default."+resource) != nil || get(limit, "max."+resource) != nil || what == "requests" &&
				(get(limit, "defaultRequest."+resource) != nil || get(limit, "min."+resource) != nil) {
				return true
			}
		}
	}
	return false
}

func requestsAreSet(s *world) (found []Finding) {
	for _, w := range s.making {
		for _, c := range w.lasting() {
			var missing []string
			for _, resource := range []string{"cpu", "memory"} {
				if !s.allotted(w, c, "requests", resource) && !w.hides(path(c.at, "resources", "requests", resource)) {
					missing = append(missing, resource)
				}
			}
			if len(missing) > 0 {
				found = append(found, Finding{Object: w.Object, Path: path(c.at, "resources", "requests", missing[0]),
					Says: fmt.Sprintf("container %s requests no %s", c.name(), strings.Join(missing, " and no "))})
			}
		}
	}
	return found
}

func memoryIsLimited(s *world) (found []Finding) {
	for _, w := range s.making {
		for _, c := range w.lasting() {
			if !s.allotted(w, c, "limits", "memory") {
				found = append(
					found,
					Finding{
						Object: w.Object,
						Path:   path(c.at, "resources", "limits", "memory"),
						Says:   fmt.Sprintf("container %s has none", c.name()),
					},
				)
			}
		}
	}
	return found
}
