package gameday

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
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
	if end.Before(until) {
		end = until // the generator was gone by then: nothing is after
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
	for _, e := range t.events {
		count := max(e.event.Count, 1)
		if e.event.Series != nil {
			count = e.event.Series.Count
		}
		r.Events = append(r.Events, evidence.Event{At: evidence.InSeconds(e.at.Sub(t.killed)), Reason: e.event.Reason, Message: e.event.Message, Count: count})
	}
	r.Settings = evidence.SettingsOf(t.replacement, s.Service.Container, r.Events)
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
