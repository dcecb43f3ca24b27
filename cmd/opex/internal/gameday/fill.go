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

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

// fill puts what was seen and measured into the record.
func fill(r *evidence.GameDay, t story, samples load.Samples, totals load.Totals, plan load.Plan) {
	r.Load = evidence.LoadRun{
		Rate: plan.Rate, WriteShare: plan.WriteShare, Clients: plan.Clients, StartedAt: totals.Began.UTC(), EndedAt: totals.Began.Add(totals.Lasted).UTC(),
		Requests: totals.Requests, Dropped: totals.Dropped, Late: totals.Late, MaxLateness: evidence.InSeconds(totals.MaxLateness),
		ClockOffset: evidence.InSeconds(totals.ClockOffset), ClockError: evidence.InSeconds(totals.ClockError),
	}
	began, end := totals.Began, totals.Began.Add(totals.Lasted)
	zero, slow := t.killed, r.Objectives.P95.Duration()
	if zero.IsZero() {
		zero = end // all was before
	}
	r.Before = load.Window(samples, began, earlier(zero, end), zero, slow)
	if t.killed.IsZero() {
		return
	}
	until := t.recovered
	if until.IsZero() || until.After(end) { // what nobody asked for was not measured
		until = later(end, zero)
	} else {
		r.Recovery = evidence.InSeconds(until.Sub(zero))
	}
	r.KilledAt = zero.UTC()
	r.During = load.Window(samples, zero, until, zero, slow)
	r.After = load.Window(samples, until, later(end, until), zero, slow)
	fillCut(r, t, samples)
	fillStory(r, t)
	if good := firstGood(samples, began, zero, end); !good.IsZero() {
		t.moments[evidence.MomentFirstAnswer] = good
	}
	r.Timeline = t.timeline()
}

// illustrate adds what nothing is judged by: the curve, and each request without an answer.
func illustrate(r *evidence.GameDay, samples load.Samples, totals load.Totals) {
	began, end := totals.Began, totals.Began.Add(totals.Lasted)
	zero := r.KilledAt
	if zero.IsZero() {
		zero = end
	}
	width, curve := load.Curve(samples, began, end, zero)
	r.Slot, r.Curve, r.Misses = evidence.InSeconds(width), curve, load.Misses(samples, began, end, zero)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// endpointSlack is how much longer than the watch tells a connection may lead to a pod that left the endpoints.
const endpointSlack = 100 * time.Millisecond

// proxyLag is how much longer a node's proxy may lead new connections to that pod: the least time between two updates of
// kube-proxy (minSyncPeriod, 1 s by default).
const proxyLag = time.Second

// fillCut counts what a kill without grace cut off. A watch tells of it some time after, but not before the experiment
// was made.
func fillCut(r *evidence.GameDay, t story, samples load.Samples) {
	if r.Experiment.Grace > 0 {
		return
	}
	out, is := t.moments[evidence.MomentEndpointOut]
	if !is {
		out = t.killed
	}
	from, to := r.Experiment.CreatedAt, out.Add(endpointSlack)
	r.Cut = evidence.Cut{
		From:       evidence.InSeconds(from.Sub(t.killed)),
		To:         evidence.InSeconds(to.Sub(t.killed)),
		Unanswered: load.Cut(samples, from, to),
		Refused:    load.Unconnected(samples, from, out.Add(proxyLag)),
	}
}

// fillStory puts down who went, who came, and what was told of them.
func fillStory(r *evidence.GameDay, t story) {
	r.Victim = podOf(t.victims[0])
	for _, other := range t.victims[1:] {
		r.AlsoGone = append(r.AlsoGone, other.Name)
	}
	for _, d := range t.dips {
		to := evidence.Never
		if !d.to.IsZero() {
			to = evidence.InSeconds(d.to.Sub(t.killed))
		}
		r.Dips = append(r.Dips, evidence.Dip{From: evidence.InSeconds(d.from.Sub(t.killed)), To: to})
	}
	t.moments[evidence.MomentInjected] = r.Experiment.CreatedAt
	if t.replacement == nil {
		return
	}
	r.Replacement = podOf(t.replacement)
	for _, e := range t.events[:min(len(t.events), evidence.MostEvents)] {
		count := max(e.event.Count, 1)
		if e.event.Series != nil {
			count = e.event.Series.Count
		}
		r.Events = append(
			r.Events,
			evidence.Event{
				At:      evidence.InSeconds(e.at.Sub(t.killed)),
				Reason:  e.event.Reason,
				Message: e.event.Message,
				Count:   count,
			},
		)
	}
}

func podOf(p *corev1.Pod) evidence.Pod {
	return evidence.Pod{Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName}
}

// firstGood is when the first good answer came after the last bad one; the kill itself where none was bad; zero where
// none came.
func firstGood(samples load.Samples, began, killed, end time.Time) time.Time {
	bad := func(s load.Sample) bool { return s.Status == 0 || s.Status >= 500 }
	last := killed
	for s := range samples.Between(began, end) {
		if bad(s) && s.Due.After(last) {
			last = s.Due
		}
	}
	if last.Equal(killed) {
		return killed
	}
	first := time.Time{}
	for s := range samples.Between(last, end) {
		if came := s.Due.Add(s.Latency); !bad(s) && s.Due.After(last) && (first.IsZero() || came.Before(first)) {
			first = came
		}
	}
	return first
}

// throttled reads from the kubelet's own metrics how often a pod's container was held back (right: get on nodes/proxy).
// It began with the pod, so the counters are its whole life. 0 periods: not known.
func (s *Site) throttled(ctx context.Context, pod *corev1.Pod) (periods, throttled int64) {
	data, err := s.Cluster.Client.CoreV1().
		RESTClient().
		Get().
		Resource("nodes").
		Name(pod.Spec.NodeName).
		SubResource("proxy").
		Suffix("metrics/cadvisor").
		DoRaw(ctx)
	if err != nil {
		return 0, 0
	}
	of := fmt.Sprintf("namespace=%q,pod=%q", pod.Namespace, pod.Name)
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, "container_cpu_cfs_") || !strings.Contains(line, of) ||
			!strings.Contains(line, fmt.Sprintf("container=%q", s.Service.Container)) {
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
