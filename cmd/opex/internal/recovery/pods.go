package recovery

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func selector(of map[string]string) string { return labels.SelectorFromSet(of).String() }

// waiting says what a pod that does not run yet waits for.
func waiting(pod corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return ""
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			reason, _, _ := strings.Cut(c.Message, ". ") // what follows is of preemption
			return "is not scheduled" + detail(reason)
		}
	}
	for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if w := c.State.Waiting; w != nil && w.Reason != "" && w.Reason != "PodInitializing" &&
			w.Reason != "ContainerCreating" {
			return w.Reason + detail(w.Message)
		}
	}
	return ""
}

// matching are the pods with these labels that are not going away.
func matching(pods []corev1.Pod, of map[string]string) []corev1.Pod {
	want := labels.SelectorFromSet(of)
	var found []corev1.Pod
	for _, p := range pods {
		if p.DeletionTimestamp == nil && want.Matches(labels.Set(p.Labels)) {
			found = append(found, p)
		}
	}
	return found
}
