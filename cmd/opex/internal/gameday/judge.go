package gameday

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Least and most of what a measurement may rest on.
const (
	maxLateShare  = 0.05 // of the requests, all told and in the recovery; their latency counts from their time all the same
	maxClockError = 100 * time.Millisecond
)

// judge comes to a verdict. Whatever keeps the measurement from meaning anything makes it unproven; a missed objective makes it failed.
func judge(r *evidence.GameDay, problem error) {
	var unproven, failed []string
	add := func(to *[]string, format string, arguments ...any) {
		*to = append(*to, fmt.Sprintf(format, arguments...))
	}
	if problem != nil {
		for line := range strings.Lines(problem.Error()) {
			add(&unproven, "%s", strings.TrimSpace(line))
		}
	}
	if r.KilledAt.IsZero() {
		add(&unproven, "no pod was killed")
	} else {
		if !r.Experiment.AllInjected {
			add(&unproven, "Chaos Mesh does not say that it was the one")
		}
		if want := r.Namespace + "/" + r.Victim.Name; len(r.Experiment.Targets) != 1 || !strings.HasPrefix(r.Experiment.Targets[0]+"/", want+"/") {
			add(&unproven, "pod %s went, and Chaos Mesh says that it hit %v", want, r.Experiment.Targets)
		}
		if others := r.AlsoGone; len(others) > 0 {
			add(&unproven, "more pods than one went: also %s", strings.Join(others, ", "))
		}
		if !slices.ContainsFunc(r.Timeline, func(m evidence.Moment) bool { return m.Name == evidence.MomentVictimGone }) {
			add(&unproven, "SC-008: pod %s was still being ended at the end; --after gives it more time", r.Victim.Name)
		}
		switch {
		case r.Recovery <= 0 && errors.Is(problem, errNotRecovered):
			add(&failed, "SC-008: not recovered")
		case r.Recovery <= 0:
			add(&unproven, "SC-008: not recovered by its end")
		case r.Recovery > r.Objectives.Recovery:
			add(&failed, "SC-008: recovered in %s, the objective is %s", r.Recovery.Duration(), r.Objectives.Recovery.Duration())
		}
		if n := r.ServerErrors(); n > 0 {
			add(&failed, "SC-009: %d answers of 500 and above", n)
		}
		if r.During.Requests < evidence.LeastSamples {
			add(&unproven, "SC-010: %d requests in the window, want %d: a higher rate gives more", r.During.Requests, evidence.LeastSamples)
		} else if r.During.P95 > r.Objectives.P95 {
			add(&failed, "SC-010: P95 is %s, the objective %s", millis(r.During.P95), millis(r.Objectives.P95))
		}
		before, after := (r.Before.To - r.Before.From).Duration(), max(0, r.Load.EndedAt.Sub(r.KilledAt)-r.Recovery.Duration())
		if before < MinAround || after < MinAround {
			add(&unproven, "SC-009: the load covers %s before the kill and %s after the recovery, want %s each",
				before.Round(time.Millisecond), after.Round(time.Millisecond), MinAround)
		}
	}
	if len(r.Writes.Lost) > 0 {
		add(&failed, "%d acknowledged writes are lost: %s", len(r.Writes.Lost), strings.Join(r.Writes.Lost[:min(5, len(r.Writes.Lost))], ", "))
	}
	if r.Writes.Unchecked > 0 {
		add(&unproven, "%d acknowledged writes could not be looked for", r.Writes.Unchecked)
	}
	if r.Writes.Left > 0 {
		add(&unproven, "%d records of the load could not be deleted, and stay in the service", r.Writes.Left)
	}
	late := func(late, of int) bool { return float64(late) > maxLateShare*float64(of) }
	if r.Load.Dropped > 0 || late(r.Load.Late, r.Load.Requests) || late(r.During.Late, r.During.Requests) {
		add(&unproven, "the load generator was starved: %d requests never sent, %d of %d sent late, %d of %d in the recovery", r.Load.Dropped,
			r.Load.Late, r.Load.Requests, r.During.Late, r.During.Requests)
	}
	if r.Load.ClockError.Duration() > maxClockError {
		add(&unproven, "the load generator's clock is known to within %s only, want %s", r.Load.ClockError.Duration(), maxClockError)
	}
	r.Reasons = append(failed, unproven...)
	switch {
	case len(failed) > 0:
		r.Verdict = evidence.Failed
	case len(unproven) > 0:
		r.Verdict = evidence.Unproven
	default:
		r.Verdict = evidence.Proven
	}
}

// errNotRecovered says that there was time enough.
var errNotRecovered = errors.New("not recovered")

// kinds lists transport errors, such as `2 reset, 1 timeout`.
func kinds(counts map[string]int) string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	if len(all) == 0 {
		return "0"
	}
	return strings.Join(all, ", ")
}
