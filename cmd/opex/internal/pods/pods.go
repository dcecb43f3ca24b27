// Package pods reads what a pod says of itself.
package pods

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Since is when a condition of a pod became true; zero: it is not true. Nodes write whole seconds.
func Since(pod *corev1.Pod, kind corev1.PodConditionType) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// Is says that a condition of a pod is true.
func Is(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Ready says that a pod is ready and not being deleted.
func Ready(pod *corev1.Pod) bool { return pod.DeletionTimestamp == nil && Is(pod, corev1.PodReady) }
