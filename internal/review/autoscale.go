package review

import (
	"fmt"
	"slices"
	"strings"
)

// scaling is one metric by which something changes the number of a workload's pods, by how much of its requests they
// use.
type scaling struct {
	by        Object
	at        []string
	of        *workload
	resource  string // cpu, memory
	container string // empty: all of the pod
}

func (s *world) scalings() []scaling {
	var all []scaling
	for _, h := range s.of("autoscaling", "HorizontalPodAutoscaler") {
		of := s.target(h, "spec.scaleTargetRef", "")
		if of == nil {
			continue
		}
		// it knows nothing but utilization of CPU, 80% by default
		if strings.HasSuffix(text(h.Fields["apiVersion"]), "/v1") {
			all = append(all, scaling{h, path("spec.targetCPUUtilizationPercentage"), of, "cpu", ""})
			continue
		}
		metrics := list(h.get("spec.metrics"))
		if len(metrics) == 0 {
			all = append(all, scaling{h, path("spec.metrics"), of, "cpu", ""}) // 80% by default
		}
		for i, m := range metrics {
			for kind, field := range map[string]string{"Resource": "resource", "ContainerResource": "containerResource"} {
				if text(get(m, "type")) == kind &&
					(text(get(m, field+".target.type")) == "Utilization" || get(m, field+".targetAverageUtilization") != nil) {
					all = append(
						all,
						scaling{
							h, path("spec.metrics", itoa(i)), of, text(get(m, field+".name")),
							text(get(m, field+".container")),
						},
					)
				}
			}
		}
	}
	for _, o := range s.of("keda.sh", "ScaledObject") {
		of := s.target(o, "spec.scaleTargetRef", "Deployment")
		for i, t := range list(o.get("spec.triggers")) {
			kind := text(get(t, "metricType"))
			if kind == "" {
				kind = text(get(t, "metadata.type")) // as older versions have it
			}
			if resource := text(get(t, "type")); of != nil && (resource == "cpu" || resource == "memory") &&
				kind != "AverageValue" {
				all = append(
					all,
					scaling{o, path("spec.triggers", itoa(i)), of, resource, text(get(t, "metadata.containerName"))},
				)
			}
		}
	}
	return all
}

// sizes says whether a VerticalPodAutoscaler sizes a resource of a container; of any, where none is named.
func sizes(vpa Object, w *workload, resource, only string) bool {
	policies := list(vpa.get("spec.resourcePolicy.containerPolicies"))
	policy := func(name string) any {
		var all any
		for _, p := range policies {
			if text(get(p, "containerName")) == name {
				return p
			}
			if text(get(p, "containerName")) == "*" {
				all = p
			}
		}
		return all
	}
	return slices.ContainsFunc(w.lasting(), func(c container) bool {
		if only != "" && c.name() != only {
			return false
		}
		p := policy(c.name())
		of := textList(get(p, "controlledResources"))
		return text(get(p, "mode")) != "Off" && (len(of) == 0 || slices.Contains(of, resource))
	})
}

func scalersDoNotMeet(s *world) (found []Finding) {
	for _, m := range s.scalings() {
		for _, v := range s.advised[m.of] {
			if !sizes(v, m.of, m.resource, m.container) {
				continue
			}
			f := Finding{
				Object: m.by,
				Path:   m.at,
				Says:   fmt.Sprintf("scales by the utilization of %s, which %s changes", m.resource, v),
			}
			if text(v.get("spec.updatePolicy.updateMode")) == "Off" {
				f.Says = fmt.Sprintf(
					"scales by the utilization of %s, on which %s advises: whoever follows the advice changes the number of pods. "+
						"Limit its controlledResources to the other one",
					m.resource,
					v,
				)
				f.weight = Advice
			}
			found = append(found, f)
		}
	}
	return found
}
