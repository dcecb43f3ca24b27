package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// conditions that mark moments.
var conditions = map[corev1.PodConditionType]string{
	corev1.PodScheduled:              evidence.MomentScheduled,
	corev1.PodReadyToStartContainers: evidence.MomentSandbox,
	corev1.PodInitialized:            evidence.MomentInitialized,
}

func ofPod(r evidence.GameDay, pod corev1.Pod, container string, events []corev1.Event, now time.Time) evidence.GameDay {
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
	r.Settings = settings(pod, container, r.Events)
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != container {
			continue
		}
		r.Settings.Restarts = c.RestartCount
		if end := cmp.Or(c.LastTerminationState.Terminated, c.State.Terminated); end != nil {
			r.Settings.LastTermination = fmt.Sprintf("%s %d", end.Reason, end.ExitCode)
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

func settings(pod corev1.Pod, container string, events []evidence.Event) evidence.Settings {
	var s evidence.Settings
	for _, c := range pod.Spec.Containers {
		if c.Name != container {
			continue
		}
		s = evidence.Settings{Image: c.Image, PullPolicy: string(c.ImagePullPolicy), CPURequest: text(c.Resources.Requests,
			corev1.ResourceCPU),
			CPULimit: text(c.Resources.Limits, corev1.ResourceCPU), MemoryLimit: text(c.Resources.Limits, corev1.ResourceMemory),
			Startup: probeOf(c.StartupProbe), Readiness: probeOf(c.ReadinessProbe)}
	}
	for _, c := range pod.Status.InitContainerStatuses {
		init := evidence.InitContainer{Name: c.Name}
		if end := c.State.Terminated; end != nil {
			init.Took = evidence.InSeconds(end.FinishedAt.Sub(end.StartedAt.Time))
		}
		s.InitContainers = append(s.InitContainers, init)
	}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			s.Volumes = append(s.Volumes, v.PersistentVolumeClaim.ClaimName)
		}
	}
	for _, e := range events {
		if message, is := strings.CutPrefix(e.Message, "Readiness probe failed: "); is {
			s.ReadinessFailures += int(e.Count)
			s.ReadinessLastFailed = message
		}
	}
	return s
}

func text(list corev1.ResourceList, name corev1.ResourceName) string {
	if q, is := list[name]; is {
		return q.String()
	}
	return ""
}

func probeOf(p *corev1.Probe) *evidence.Probe {
	if p == nil {
		return nil
	}
	found := &evidence.Probe{InitialDelay: p.InitialDelaySeconds, Period: p.PeriodSeconds, Success: p.SuccessThreshold,
		Failure: p.FailureThreshold}
	if p.HTTPGet != nil {
		found.Path = p.HTTPGet.Path
	}
	return found
}
