package recovery

import (
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// mark is the end of a phase. Zero: it is not known, and its time counts for the next.
type mark struct {
	phase string
	end   time.Time
}

// phases parts the time from the decision to the answer. Clocks of the cluster tell whole seconds and may differ from
// this machine's: an end before that of the phase before, or after the answer, is moved there, so that the sum is
// always the whole.
func phases(decided, answered time.Time, marks []mark) []evidence.Phase {
	whole := evidence.InSeconds(answered.Sub(decided)).Duration()
	var parts []evidence.Phase
	var before time.Duration
	for _, m := range append(marks, mark{evidence.PhaseAnswer, decided.Add(whole)}) {
		if m.end.IsZero() {
			continue
		}
		end := evidence.InSeconds(m.end.Sub(decided)).Duration()
		end = min(max(end, before), whole)
		parts = append(parts, evidence.Phase{Name: m.phase, Took: evidence.InSeconds(end - before)})
		before = end
	}
	return parts
}

// latest returns the last of some times.
func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// earliest returns the first of some times that are not zero.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
