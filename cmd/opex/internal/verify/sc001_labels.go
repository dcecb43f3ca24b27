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
		return podsUnlisted(service.Namespace, err, "list pods in namespace "+service.Namespace)
	}
	found := w.podLabels(all, name, service)
	templates, absent, err := w.templates(ctx, service)
	if err != nil {
		return unproven("the service's workloads could not be listed: "+err.Error(),
			nextForLookup(err, "list deployments and statefulsets in namespace "+service.Namespace), found.evidence...)
	}
	for _, object := range slices.Sorted(maps.Keys(templates)) {
		found.add(object, object, wrongLabels(templates[object], service.Labels))
	}
	if len(found.wrong) > 0 {
		first := slices.Sorted(maps.Keys(found.wrong))[0]
		return fail(
			fmt.Sprintf("%s: %s%s", first, strings.Join(found.wrong[first], ", "), andMore(len(found.wrong)-1)),
			"`pulumi up` repairs templates; delete a pod whose own label was changed, or label it as its template says",
			found.evidence...)
	}
	if len(absent) > 0 {
		return unproven(strings.Join(absent, " and ")+" not found in namespace "+service.Namespace,
			makeAgain, found.evidence...)
	}
	if found.api == 0 {
		return unproven("no pod of deployment "+service.Deployment+" is Running", getPods(service.Namespace),
			found.evidence...)
	}
	if service.Database != nil && found.database == 0 {
		return noDatabasePod(service, found.evidence...)
	}
	return pass(fmt.Sprintf("%d of %d pods", found.running, found.running), found.evidence...)
}

// labelFindings is what the cost labels of a namespace's objects are.
type labelFindings struct {
	wrong    map[string][]string // by object
	evidence []Fact

	running, api, database int // Running pods of the service: all, of its Deployment, of its database
}

// add keeps what is wrong with an object, if anything is. What names it in the evidence.
func (f *labelFindings) add(object, what string, wrong []string) {
	if len(wrong) > 0 {
		f.wrong[object] = wrong
		f.evidence = append(f.evidence, Fact{what, strings.Join(wrong, ", ")})
	}
}

// podLabels looks at the Running pods of the service's namespace: its own must have the stack's values.
func (w *World) podLabels(all []corev1.Pod, name string, service contract.Service) labelFindings {
	found := labelFindings{
		wrong:    map[string][]string{},
		evidence: []Fact{{"labels wanted", show(service.Labels)}},
	}
	for _, pod := range all {
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		who := "pod " + pod.Name + " (" + string(pod.UID) + ")"
		if !belongs(pod.Labels, name, service) {
			found.add("pod "+pod.Name+" (of no service)", who+", of no service of the stack",
				w.ownerless(pod, service.Namespace))
			continue
		}
		found.running++
		if selects(service.Selector, pod.Labels) {
			found.api++
		}
		if service.Database != nil && selects(service.Database.Selector, pod.Labels) {
			found.database++
		}
		wrong := wrongLabels(pod.Labels, service.Labels)
		found.add("pod "+pod.Name, who, wrong)
		if len(wrong) == 0 {
			found.evidence = append(found.evidence, Fact{who, "all four labels as wanted"})
		}
	}
	return found
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
