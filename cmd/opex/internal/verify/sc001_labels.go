package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/internal/contract"
)

var costLabels = Criterion{
	ID:     "SC-001",
	Title:  "Cost labels on all pods",
	Target: "all Running pods of the service carry team, app, environment and cost-center with the stack's values, and all others of its namespace carry some",
	Why:    "A pod without them costs money that nobody answers for; a wrong value charges the wrong team.",
	Check:  checkCostLabels,
}

func checkCostLabels(ctx context.Context, w *World, name string, service contract.Service) Result {
	for _, key := range slices.Sorted(maps.Keys(contract.CostLabels{}.Map())) {
		if service.Labels[key] == "" {
			return unproven("the stack's outputs do not say what "+key+" should be", writeOutputs)
		}
	}
	all, err := w.podsIn(ctx, service.Namespace)
	if err != nil {
		return unproven(fmt.Sprintf("the pods of namespace %s could not be listed: %v", service.Namespace, err),
			nextForLookup(err, "list pods in namespace "+service.Namespace))
	}
	wrong := map[string][]string{} // by object
	evidence := []Fact{{"labels wanted", show(service.Labels)}}
	api, database, running := 0, 0, 0
	for _, pod := range all {
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		if !belongs(pod.Labels, name, service) {
			if found := w.ownerless(pod, service.Namespace); len(found) > 0 {
				wrong["pod "+pod.Name+" (of no service)"] = found
				evidence = append(
					evidence,
					Fact{
						"pod " + pod.Name + " (" + string(pod.UID) + "), of no service of the stack",
						strings.Join(found, ", "),
					},
				)
			}
			continue
		}
		running++
		if selects(service.Selector, pod.Labels) {
			api++
		}
		if service.Database != nil && selects(service.Database.Selector, pod.Labels) {
			database++
		}
		if found := wrongLabels(pod.Labels, service.Labels); len(found) > 0 {
			wrong["pod "+pod.Name] = found
			evidence = append(
				evidence, Fact{"pod " + pod.Name + " (" + string(pod.UID) + ")", strings.Join(found, ", ")},
			)
		} else {
			evidence = append(evidence, Fact{"pod " + pod.Name + " (" + string(pod.UID) + ")", "all four labels as wanted"})
		}
	}
	templates, absent, err := w.templates(ctx, service)
	if err != nil {
		return unproven("the service's workloads could not be listed: "+err.Error(),
			nextForLookup(err, "list deployments and statefulsets in namespace "+service.Namespace), evidence...)
	}
	for _, object := range slices.Sorted(maps.Keys(templates)) {
		if found := wrongLabels(templates[object], service.Labels); len(found) > 0 {
			wrong[object] = found
			evidence = append(evidence, Fact{object, strings.Join(found, ", ")})
		}
	}
	if len(wrong) > 0 {
		first := slices.Sorted(maps.Keys(wrong))[0]
		return fail(
			fmt.Sprintf("%s: %s%s", first, strings.Join(wrong[first], ", "), andMore(len(wrong)-1)),
			"`pulumi up` repairs templates; delete a pod whose own label was changed, or label it as its template says",
			evidence...)
	}
	if len(absent) > 0 {
		return unproven(strings.Join(absent, " and ")+" not found in namespace "+service.Namespace,
			makeAgain, evidence...)
	}
	pods := "kubectl --namespace " + service.Namespace + " get pods"
	if api == 0 {
		return unproven("no pod of deployment "+service.Deployment+" is Running", pods, evidence...)
	}
	if service.Database != nil && database == 0 {
		return unproven("no pod of statefulset "+service.Database.StatefulSet+" is Running", pods, evidence...)
	}
	return pass(fmt.Sprintf("%d of %d pods", running, running), evidence...)
}

// ownerless says which cost labels a pod lacks that no service of the stack counts as its own: nobody would answer for
// its money.
func (w *World) ownerless(pod corev1.Pod, namespace string) (missing []string) {
	for other, service := range w.Outputs.Services {
		if service.Namespace == namespace && belongs(pod.Labels, other, service) {
			return nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(contract.CostLabels{}.Map())) {
		if pod.Labels[key] == "" {
			missing = append(missing, key+" is missing")
		}
	}
	return missing
}

// belongs tells the service's pods: those of its workloads, and jobs and others that carry its instance label.
func belongs(labels map[string]string, name string, service contract.Service) bool {
	return selects(service.Selector, labels) || labels[contract.LabelInstance] == name ||
		service.Database != nil && selects(service.Database.Selector, labels)
}

// selects is false for an empty selector: it would mean everything.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// wrongLabels says what is wrong with an object's cost labels.
func wrongLabels(labels, want map[string]string) []string {
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		switch value, is := labels[key]; {
		case !is:
			wrong = append(wrong, key+" is missing")
		case value != want[key]:
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", key, value, want[key]))
		}
	}
	for _, group := range contract.Collisions(slices.Collect(maps.Keys(labels))) {
		if slices.ContainsFunc(group, func(key string) bool { _, is := want[key]; return is }) {
			wrong = append(
				wrong,
				fmt.Sprintf(
					"%s are one key, %s, in metrics", strings.Join(group, " and "), contract.MetricKey(group[0]),
				),
			)
		}
	}
	return wrong
}

// templates returns the labels of the pod templates by object, and the objects that are not there.
func (w *World) templates(
	ctx context.Context, service contract.Service,
) (map[string]map[string]string, []string, error) {
	labels := map[string]map[string]string{}
	var absent []string
	deployments, err := w.deploymentsIn(ctx, service.Namespace)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(deployments, func(d appsv1.Deployment) bool { return d.Name == service.Deployment })
	if i < 0 {
		absent = append(absent, "deployment "+service.Deployment)
	} else {
		labels["the template of deployment "+service.Deployment] = deployments[i].Spec.Template.Labels
	}
	if service.Database == nil {
		return labels, absent, nil
	}
	statefulSets, err := w.statefulSetsIn(ctx, service.Namespace)
	if err != nil {
		return nil, nil, err
	}
	i = slices.IndexFunc(
		statefulSets, func(s appsv1.StatefulSet) bool { return s.Name == service.Database.StatefulSet },
	)
	if i < 0 {
		absent = append(absent, "statefulset "+service.Database.StatefulSet)
	} else {
		labels["the template of statefulset "+service.Database.StatefulSet] = statefulSets[i].Spec.Template.Labels
	}
	return labels, absent, nil
}

func show(labels map[string]string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, key+"="+labels[key])
	}
	return strings.Join(pairs, ", ")
}

func andMore(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}
