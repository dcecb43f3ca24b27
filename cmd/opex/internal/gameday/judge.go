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

// judge comes to a verdict. Whatever keeps the measurement from meaning anything makes it unproven; a missed objective makes it failed.
// The problem is what went wrong with the Game Day itself, notRecovered what is wrong with the service; either may be nil.
func judge(r *evidence.GameDay, problem, notRecovered error) {
	var unproven, failed []string
	add := func(to *[]string, format string, arguments ...any) {
		*to = append(*to, fmt.Sprintf(format, arguments...))
	}
	if problem != nil {
		for line := range strings.Lines(problem.Error()) {
			r.Problems = append(r.Problems, strings.TrimSpace(line))
		}
	}
	unproven = r.Unclear()
	if !r.KilledAt.IsZero() {
		if !slices.ContainsFunc(r.Timeline, func(m evidence.Moment) bool { return m.Name == evidence.MomentVictimGone }) {
			add(&unproven, "SC-008: pod %s was still being ended at the end; --after gives it more time", r.Victim.Name)
		}
		switch {
		case r.Recovery <= 0 && notRecovered != nil:
			add(&failed, "SC-008: %v", notRecovered)
		case r.Recovery <= 0:
			add(&unproven, "SC-008: not recovered by its end")
		case r.Recovery > r.Objectives.Recovery:
			add(&failed, "SC-008: recovered in %s, the objective is %s", r.Recovery.Duration(), r.Objectives.Recovery.Duration())
		}
		if n := r.ServerErrors(); n > 0 {
			add(&failed, "SC-009: %d answers of 500 and above", n)
		}
		switch w := r.During; {
		case w.Requests < evidence.LeastSamples:
			add(&unproven, "SC-010: %d requests in the window, want %d: a higher rate gives more", w.Requests, evidence.LeastSamples)
		case w.Silent():
			add(&failed, "SC-010: %d of %d requests of the recovery got no answer", w.Unanswered(), w.Requests)
		case w.P95 > r.Objectives.P95:
			add(&failed, "SC-010: P95 is %s, the objective %s", millis(w.P95), millis(r.Objectives.P95))
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
