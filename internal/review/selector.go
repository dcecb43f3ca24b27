package review

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// selects says whether matchLabels and matchExpressions hold of labels. An empty selector selects everything.
func selects(selector any, labels map[string]string) bool {
	for key, value := range texts(get(selector, "matchLabels")) {
		if has, is := labels[key]; !is || has != value {
			return false
		}
	}
	for _, e := range list(get(selector, "matchExpressions")) {
		value, is := labels[text(get(e, "key"))]
		in := slices.Contains(textList(get(e, "values")), value)
		switch text(get(e, "operator")) {
		case "In":
			is = is && in
		case "NotIn":
			is = !is || !in
		case "DoesNotExist":
			is = !is
		}
		if !is {
			return false
		}
	}
	return true
}

// matching is the selector of labels that all must be there.
func matching(labels any) map[string]any { return map[string]any{"matchLabels": labels} }

// controllerLabels are put on pods by controllers: no template has them.
// https://kubernetes.io/docs/reference/labels-annotations-taints/
var controllerLabels = []string{
	"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash", "pod-template-generation", "pod-template-hash",
	"job-name", "batch.kubernetes.io/job-name", "controller-uid", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
	"topology.kubernetes.io/zone", "topology.kubernetes.io/region", "rollouts-pod-template-hash", "deploymentconfig", "deployment",
	"openshift.io/deployment-config.name", "openshift.io/deployer-pod-for.name",
}

// setBy says whether the controller of a workload puts a label with one of these values on its pods. No values: any.
func (w *workload) setBy(label string, values []string) bool {
	if !slices.Contains(controllerLabels, label) || w.pods[label] != "" {
		return false
	}
	name := w.Name()
	is := func(value string) bool {
		switch label {
		case "statefulset.kubernetes.io/pod-name":
			_, err := fmt.Sscanf(strings.TrimPrefix(value, name+"-"), "%d", new(int))
			return w.Kind() == "StatefulSet" && strings.HasPrefix(value, name+"-") && err == nil
		case "apps.kubernetes.io/pod-index":
			return w.Kind() == "StatefulSet"
		case "job-name", "batch.kubernetes.io/job-name":
			return w.Kind() == "Job" && value == name || w.Kind() == "CronJob" && strings.HasPrefix(value, name+"-")
		case "deploymentconfig",
			"deployment",
			"openshift.io/deployment-config.name",
			"openshift.io/deployer-pod-for.name":
			return w.Kind() == "DeploymentConfig" && strings.HasPrefix(value, name)
		case "batch.kubernetes.io/controller-uid", "controller-uid", "batch.kubernetes.io/job-completion-index":
			return w.Kind() == "Job" || w.Kind() == "CronJob"
		}
		return true
	}
	return len(values) == 0 || slices.ContainsFunc(values, is)
}

// selected says whether a selector finds the pods of a workload, those labels among them that controllers set.
func (w *workload) selected(selector any) bool {
	labels := maps.Clone(w.pods)
	for key, value := range texts(get(selector, "matchLabels")) {
		if w.setBy(key, []string{value}) {
			labels[key] = value
		}
	}
	for _, e := range list(get(selector, "matchExpressions")) {
		key, values := text(get(e, "key")), textList(get(e, "values"))
		if text(get(e, "operator")) == "In" {
			if i := slices.IndexFunc(values, func(v string) bool { return w.setBy(key, []string{v}) }); i >= 0 {
				labels[key] = values[i]
			}
		} else if w.setBy(key, nil) {
			labels[key] = "set by a controller"
		}
	}
	return selects(selector, labels)
}

// showLabels is a=b,c=d.
func showLabels(labels map[string]string) string {
	var all []string
	for _, key := range sorted(labels) {
		all = append(all, key+"="+labels[key])
	}
	return strings.Join(all, ",")
}

// showSelector writes a label selector as kubectl takes it. It is empty for one that selects everything.
func showSelector(selector any) string {
	var all []string
	if labels := showLabels(texts(get(selector, "matchLabels"))); labels != "" {
		all = append(all, labels)
	}
	for _, e := range list(get(selector, "matchExpressions")) {
		key, of := text(get(e, "key")), " ("+strings.Join(textList(get(e, "values")), ",")+")"
		switch operator := text(get(e, "operator")); operator {
		case "In", "NotIn":
			all = append(all, key+" "+strings.ToLower(operator)+of)
		case "DoesNotExist":
			all = append(all, "!"+key)
		default:
			all = append(all, key)
		}
	}
	return strings.Join(all, ",")
}

// sought says where pods were looked for, and by which labels. No namespace: all.
func sought(namespaces []string, selector any) string {
	where, by := strings.Join(namespaces, ", "), showSelector(selector)
	switch {
	case len(namespaces) == 0:
		where = "all namespaces"
	case where == "":
		where = "its own namespace"
	}
	if by == "" {
		return where
	}
	return where + ": " + by
}
