package diagnose

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
)

// conditions that mark moments.
var conditions = map[corev1.PodConditionType]string{
	corev1.PodScheduled:              evidence.MomentScheduled,
	corev1.PodReadyToStartContainers: evidence.MomentSandbox,
	corev1.PodInitialized:            evidence.MomentInitialized,
}

func ofPod(
	r evidence.GameDay, pod corev1.Pod, container string, events []corev1.Event, now time.Time,
) evidence.GameDay {
	zero := pod.CreationTimestamp.Time
	since := func(at time.Time) evidence.Seconds { return evidence.InSeconds(max(0, at.Sub(zero))) }
	add := func(name string, at time.Time) {
		r.Timeline = append(r.Timeline, evidence.Moment{Name: name, At: since(at)})
	}
	r.KilledAt, r.StartedAt, r.During.To = zero, now, since(now)
	r.Replacement = evidence.Pod{Name: pod.Name, UID: string(pod.UID), Node: pod.Spec.NodeName}
	r.Events = sorted(events, since)
	add(evidence.MomentCreated, zero)
	for _, c := range pod.Status.Conditions {
		if moment := conditions[c.Type]; moment != "" && c.Status == corev1.ConditionTrue {
			add(moment, c.LastTransitionTime.Time)
		}
	}
	r.Settings = pods.Settings(&pod, container, r.Events)
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != container {
			continue
		}
		if c.State.Running != nil {
			add(evidence.MomentStarted, c.State.Running.StartedAt.Time)
			if c.RestartCount > 0 { // the first start is what its moment means
				r.Timeline[len(r.Timeline)-1].At = firstStart(r.Events, r.Timeline[len(r.Timeline)-1].At)
			}
		} else if c.RestartCount > 0 {
			r.Timeline = append(r.Timeline, evidence.Moment{Name: evidence.MomentStarted, At: firstStart(r.Events, since(now))})
		}
	}
	return r
}

func firstStart(events []evidence.Event, otherwise evidence.Seconds) evidence.Seconds {
	for _, e := range events {
		if e.Reason == "Started" {
			return e.At
		}
	}
	return otherwise
}

// sorted are events in the order of their first sight.
func sorted(events []corev1.Event, since func(time.Time) evidence.Seconds) []evidence.Event {
	var found []evidence.Event
	for _, e := range events {
		at, count := cmp.Or(e.FirstTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time), e.Count
		if e.Series != nil {
			count = e.Series.Count
		}
		found = append(found, evidence.Event{At: since(at), Reason: e.Reason, Message: e.Message, Count: max(count, 1)})
	}
	slices.SortStableFunc(found, func(a, b evidence.Event) int { return cmp.Compare(a.At, b.At) })
	return found
}
