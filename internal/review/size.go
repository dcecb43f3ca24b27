package review

import (
	"fmt"
	"strings"
)

var sizeRules = []Rule{
	{ID: "SIZ-01", Title: "A VerticalPodAutoscaler only recommends, or says why not", Criteria: []string{"SC-003"},
		Why: "In any other mode it restarts pods while they serve, and moves them where there is room.", check: modeIsOff},
	{ID: "SIZ-02", Title: "A VerticalPodAutoscaler has a target that is there", Criteria: []string{"SC-003"},
		Why: "One without recommends nothing, and says so nowhere but in its own status.", relates: true, check: targetsExist},
	{ID: "SIZ-03", Title: "Each Deployment and StatefulSet is advised on", Criteria: []string{"SC-003"},
		Why: "What nobody measures keeps the size that somebody guessed.", relates: true, check: allAreAdvised},
	{ID: "SIZ-04", Title: "Containers say what CPU and memory they need", Criteria: []string{"SC-003", "SC-002"},
		Why: "The scheduler and OpenCost reckon with requests: a pod without them is free, and first to be evicted.", check: requestsAreSet},
	{ID: "SIZ-05", Title: "Containers have a limit of memory", Why: "One that leaks takes its neighbours along otherwise.", check: memoryIsLimited},
	{ID: "SIZ-06", Title: "Nothing else scales by the same CPU or memory that is advised on", Criteria: []string{"SC-003"},
		Why: "A HorizontalPodAutoscaler by utilization divides by the request: each change of size then changes the number of pods.", relates: true, check: scalersDoNotMeet},
}

const (
	autoscaling = "autoscaling.k8s.io"
	// AnnotationReason on a VerticalPodAutoscaler is why its mode is another than Off, in words.
	AnnotationReason = "opex/update-mode-reason"
	// AnnotationUnadvised on a namespace is why no sizes are advised on in it, in words.
	AnnotationUnadvised = "opex/sizes-unadvised"
)

func modeIsOff(s *world) (found []Finding) {
	for _, o := range s.of(autoscaling, "VerticalPodAutoscaler") {
		mode := text(o.get("spec.updatePolicy.updateMode"))
		if mode == "Off" || mode != "" && len(strings.Fields(o.annotations()[AnnotationReason])) >= 3 { // as many words as the config asks for
			continue
		}
		at := path("spec.updatePolicy.updateMode")
		found = append(found, Finding{Object: o, Path: at, Says: fmt.Sprintf("is %q (unset is Recreate or Auto), want Off, or the annotation %s with the reason in words", mode, AnnotationReason),
			Fix: []Edit{{at, "Off"}}})
	}
	return found
}

// target of an autoscaler; nil: it is not there.
func (s *world) target(o Object, field string) *workload {
	kind, name := text(o.get(field+".kind")), text(o.get(field+".name"))
	for _, w := range s.at[o.Namespace()] {
		if w.Kind() == kind && w.Name() == name {
			return &w
		}
	}
	return nil
}

func targetsExist(s *world) (found []Finding) {
	for _, o := range s.of(autoscaling, "VerticalPodAutoscaler") {
		if s.target(o, "spec.targetRef") == nil {
			found = append(found, Finding{Object: o, Path: path("spec.targetRef"), Says: fmt.Sprintf("there is no %v %s/%v", o.get("spec.targetRef.kind"), o.Namespace(), o.get("spec.targetRef.name"))})
		}
	}
	return found
}

func allAreAdvised(s *world) (found []Finding) {
	advised := map[string]bool{}
	for _, o := range s.of(autoscaling, "VerticalPodAutoscaler") {
		if at := s.target(o, "spec.targetRef"); at != nil {
			advised[key(at.Object)] = true
		}
	}
	for _, w := range s.served() {
		if !advised[key(w.Object)] && s.spaces[w.Namespace()].annotations()[AnnotationUnadvised] == "" {
			found = append(found, Finding{Object: w.Object, Path: path("metadata.name"), Says: "no VerticalPodAutoscaler has it as its target"})
		}
	}
	return found
}

func requestsAreSet(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		containers := w.containers()
		for _, where := range sorted(containers) {
			for _, resource := range []string{"cpu", "memory"} {
				if get(containers[where], "resources.requests."+resource) != nil {
					continue
				}
				f := Finding{Object: w.Object, Path: path(where, "resources", "requests", resource), Says: fmt.Sprintf("container %s requests no %s", text(containers[where]["name"]), resource)}
				if limit := get(containers[where], "resources.limits."+resource); limit != nil {
					f.Says += "; Kubernetes takes its limit"
					f.Fix = []Edit{{f.Path, limit}}
				}
				found = append(found, f)
			}
		}
	}
	return found
}

func memoryIsLimited(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		containers := w.containers()
		for _, where := range sorted(containers) {
			if get(containers[where], "resources.limits.memory") == nil {
				found = append(found, Finding{Object: w.Object, Path: path(where, "resources", "limits", "memory"), Says: fmt.Sprintf("container %s has none", text(containers[where]["name"]))})
			}
		}
	}
	return found
}

func scalersDoNotMeet(s *world) (found []Finding) {
	for _, h := range s.of("autoscaling", "HorizontalPodAutoscaler") {
		for _, v := range s.of(autoscaling, "VerticalPodAutoscaler") {
			if h.Namespace() != v.Namespace() {
				continue
			}
			a, b := s.target(h, "spec.scaleTargetRef"), s.target(v, "spec.targetRef")
			if a == nil || b == nil || key(a.Object) != key(b.Object) || text(v.get("spec.updatePolicy.updateMode")) == "Off" {
				continue
			}
			if strings.HasSuffix(text(h.Fields["apiVersion"]), "/v1") { // it knows nothing but utilization of CPU
				found = append(found, Finding{Object: h, Path: path("spec.targetCPUUtilizationPercentage"), Says: fmt.Sprintf("scales by the cpu that %s changes", v)})
			}
			for i, m := range list(h.get("spec.metrics")) {
				if text(get(m, "type")) == "Resource" && text(get(m, "resource.target.type")) == "Utilization" {
					found = append(found, Finding{Object: h, Path: path("spec.metrics", itoa(i)), Says: fmt.Sprintf("scales by the %s that %s changes", text(get(m, "resource.name")), v)})
				}
			}
		}
	}
	return found
}
