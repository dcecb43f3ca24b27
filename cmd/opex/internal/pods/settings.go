package pods

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Settings are those of a pod that decide how quickly it can serve. The events are the pod's.
func Settings(p *corev1.Pod, container string, events []evidence.Event) evidence.Settings {
	var s evidence.Settings
	if p.Spec.TerminationGracePeriodSeconds != nil {
		s.GraceSeconds = *p.Spec.TerminationGracePeriodSeconds
	}
	if i := slices.IndexFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Name == container }); i >= 0 {
		c := p.Spec.Containers[i]
		s.Image, s.PullPolicy = c.Image, string(c.ImagePullPolicy)
		s.CPURequest, s.CPULimit = amount(c.Resources.Requests, corev1.ResourceCPU), amount(
			c.Resources.Limits, corev1.ResourceCPU,
		)
		s.MemoryLimit = amount(c.Resources.Limits, corev1.ResourceMemory)
		s.Startup, s.Readiness = probe(c.StartupProbe), probe(c.ReadinessProbe)
		if c.Lifecycle != nil && c.Lifecycle.PreStop != nil && c.Lifecycle.PreStop.Sleep != nil {
			s.PreStopSeconds = c.Lifecycle.PreStop.Sleep.Seconds
		}
	}
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			s.Volumes = append(s.Volumes, v.PersistentVolumeClaim.ClaimName)
		}
	}
	for _, c := range p.Status.InitContainerStatuses {
		init := evidence.InitContainer{Name: c.Name}
		if t := c.State.Terminated; t != nil {
			init.Took = evidence.InSeconds(t.FinishedAt.Sub(t.StartedAt.Time))
		}
		s.InitContainers = append(s.InitContainers, init)
	}
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == container {
			s.Restarts = c.RestartCount
			if last := cmp.Or(c.LastTerminationState.Terminated, c.State.Terminated); last != nil {
				s.LastTermination = fmt.Sprintf("%s %d", last.Reason, last.ExitCode)
			}
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

// amount is empty where there is none.
func amount(of corev1.ResourceList, what corev1.ResourceName) string {
	if q, is := of[what]; is {
		return q.String()
	}
	return ""
}

func probe(p *corev1.Probe) *evidence.Probe {
	if p == nil {
		return nil
	}
	found := &evidence.Probe{
		InitialDelay: p.InitialDelaySeconds,
		Period:       p.PeriodSeconds,
		Success:      p.SuccessThreshold,
		Failure:      p.FailureThreshold,
	}
	if p.HTTPGet != nil {
		found.Path = p.HTTPGet.Path
	}
	return found
}
