package gameday

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/chaosmesh"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

// fill puts what was seen and measured into the record.
func (s *Site) fill(ctx context.Context, r *evidence.GameDay, t story, shot chaosmesh.Experiment, samples []load.Sample, totals load.Totals, plan load.Plan) {
	r.Experiment.AllInjected, r.Experiment.Targets = shot.AllInjected, shot.Targets
	r.Load = evidence.LoadRun{
		Rate: plan.Rate, WriteShare: plan.WriteShare, StartedAt: totals.Began.UTC(), EndedAt: totals.Began.Add(totals.Lasted).UTC(),
		Requests: totals.Requests, Dropped: totals.Dropped, Late: totals.Late, MaxLateness: evidence.InSeconds(totals.MaxLateness),
		ClockOffset: evidence.InSeconds(totals.ClockOffset), ClockError: evidence.InSeconds(totals.ClockError),
	}
	zero := t.killed
	if zero.IsZero() {
		zero = totals.Began.Add(totals.Lasted) // all was before
	}
	end := totals.Began.Add(totals.Lasted)
	until := t.recovered
	if until.IsZero() {
		until = end
	}
	if window := evidence.LeastSamples * time.Second / time.Duration(plan.Rate); !t.recovered.IsZero() && until.Sub(zero) < window {
		until = zero.Add(window + time.Second/time.Duration(plan.Rate)) // a quick recovery must not be unproven for being quick
	}
	r.Before = load.Window(samples, totals.Began, zero, zero)
	r.Curve = load.Curve(samples, zero)
	if t.killed.IsZero() {
		return
	}
	r.KilledAt = t.killed.UTC()
	r.During, r.After = load.Window(samples, zero, until, zero), load.Window(samples, until, end, zero)
	r.Victim = podOf(t.victims[0])
	for _, other := range t.victims[1:] {
		r.AlsoGone = append(r.AlsoGone, other.Name)
	}
	if !t.recovered.IsZero() {
		r.Recovery = evidence.InSeconds(t.recovered.Sub(t.killed))
	}
	t.moments[evidence.MomentInjected] = r.Experiment.CreatedAt
	if good := firstGood(samples, t.killed); !good.IsZero() {
		t.moments[evidence.MomentFirstAnswer] = good
	}
	r.Timeline = t.timeline()
	if t.replacement == nil {
		return
	}
	r.Replacement = podOf(t.replacement)
	r.Settings = settings(t.replacement, s.Service.Container)
	for _, e := range t.events {
		r.Events = append(r.Events, evidence.Event{At: evidence.InSeconds(e.at.Sub(t.killed)), Reason: e.event.Reason, Message: e.event.Message, Count: e.event.Count})
		if e.event.Reason == "Unhealthy" && strings.HasPrefix(e.event.Message, "Readiness") {
			r.Settings.ReadinessFailures, r.Settings.ReadinessLastFailed = int(max(e.event.Count, 1)), e.event.Message
		}
	}
	r.Settings.Periods, r.Settings.ThrottledPeriods = s.throttled(ctx, t.replacement)
}

func podOf(p *corev1.Pod) evidence.Pod {
	return evidence.Pod{Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName}
}

// firstGood is when the first good answer came after the last bad one; the kill itself where none was bad; zero where none came.
func firstGood(samples []load.Sample, killed time.Time) time.Time {
	bad := func(s load.Sample) bool { return s.Status == 0 || s.Status >= 500 }
	last := killed
	for _, s := range samples {
		if bad(s) && s.Due.After(last) {
			last = s.Due
		}
	}
	if last.Equal(killed) {
		return killed
	}
	first := time.Time{}
	for _, s := range samples {
		if came := s.Due.Add(s.Latency); !bad(s) && s.Due.After(last) && (first.IsZero() || came.Before(first)) {
			first = came
		}
	}
	return first
}

// settings are those of a pod that decide how quickly it can serve.
func settings(p *corev1.Pod, container string) evidence.Settings {
	var s evidence.Settings
	if p.Spec.TerminationGracePeriodSeconds != nil {
		s.GraceSeconds = *p.Spec.TerminationGracePeriodSeconds
	}
	if i := slices.IndexFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Name == container }); i >= 0 {
		c := p.Spec.Containers[i]
		s.Image, s.PullPolicy = c.Image, string(c.ImagePullPolicy)
		s.CPURequest, s.CPULimit = amount(c.Resources.Requests, corev1.ResourceCPU), amount(c.Resources.Limits, corev1.ResourceCPU)
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
			if last := c.LastTerminationState.Terminated; last != nil {
				s.LastTermination = fmt.Sprintf("%s %d", last.Reason, last.ExitCode)
			}
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
	found := &evidence.Probe{InitialDelay: p.InitialDelaySeconds, Period: p.PeriodSeconds, Success: p.SuccessThreshold, Failure: p.FailureThreshold}
	if p.HTTPGet != nil {
		found.Path = p.HTTPGet.Path
	}
	return found
}

// throttled reads from the kubelet's own metrics how often a pod's container was held back (right: get on nodes/proxy). It began with the
// pod, so the counters are its whole life. 0 periods: not known.
func (s *Site) throttled(ctx context.Context, pod *corev1.Pod) (periods, throttled int64) {
	data, err := s.Cluster.Client.CoreV1().RESTClient().Get().Resource("nodes").Name(pod.Spec.NodeName).SubResource("proxy").Suffix("metrics/cadvisor").DoRaw(ctx)
	if err != nil {
		return 0, 0
	}
	of := fmt.Sprintf("namespace=%q,pod=%q", pod.Namespace, pod.Name)
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, "container_cpu_cfs_") || !strings.Contains(line, of) || !strings.Contains(line, fmt.Sprintf("container=%q", s.Service.Container)) {
			continue
		}
		fields := strings.Fields(line[strings.LastIndex(line, "}")+1:])
		if len(fields) == 0 {
			continue
		}
		value, err := strconv.ParseFloat(fields[0], 64)
		switch {
		case err != nil:
		case strings.HasPrefix(line, "container_cpu_cfs_periods_total"):
			periods = int64(value)
		case strings.HasPrefix(line, "container_cpu_cfs_throttled_periods_total"):
			throttled = int64(value)
		}
	}
	return periods, throttled
}
