package judge

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
)

// LeastSamples is how many requests a 95th percentile takes to mean something.
const LeastSamples = 200

// maxBlind is how late the end of a recovery may be told of, until it is not known which requests were due in it.
const maxBlind = evidence.Seconds(1)

// stretch is one of a Game Day's windows.
type stretch struct {
	when, flag string // how its length is chosen
	of         func(evidence.GameDay) evidence.Window
}

var stretches = []stretch{
	{"before the kill", "--steady", func(r evidence.GameDay) evidence.Window { return r.Before }},
	{"during the recovery", "", func(r evidence.GameDay) evidence.Window { return r.During }},
	{"after the recovery", "--after", func(r evidence.GameDay) evidence.Window { return r.After }},
}

// latency judges SC-010: the 95th percentile before each kill, during its recovery and after it. What got no answer is
// slower than anything.
func latency(records []evidence.GameDay, o Objectives) Finding {
	clear := each(Latency, records, func(r evidence.GameDay) Finding {
		fact := Fact{
			r,
			"P95",
			fmt.Sprintf("%s of %d requests; before %s, after %s", human.Latency(r.During.P95), r.During.Requests,
				human.Latency(r.Before.P95), human.Latency(r.After.P95)),
		}
		switch why := Unclear(r); {
		case why != "":
			return unproven(fact, "%s", why)
		case r.Blind > maxBlind:
			return unproven(
				fact, "a watch was cut off for %s of the recovery, so when that ended is not known",
				human.Duration(r.Blind.Duration()),
			)
		case r.Before.Requests == 0 || r.During.Requests == 0 || r.After.Requests == 0 && r.Recovery > 0:
			return unproven(fact, "no request was due before the kill, during the recovery or after it")
		case slices.ContainsFunc(stretches, func(s stretch) bool { return s.of(r).Requests > 0 && s.of(r).P95 <= 0 }):
			return unproven(fact, "a P95 of 0 was measured, which cannot be")
		case r.Recovery > 0 && uncovered(r) != "":
			return unproven(fact, "%s", uncovered(r))
		}
		return Finding{Verdict: Pass, Facts: []Fact{fact}}
	})
	found := Finding{ID: Latency, Verdict: Pass, Facts: clear.Facts}
	usable := slices.DeleteFunc(slices.Clone(records), func(r evidence.GameDay) bool { return Unclear(r) != "" })
	for _, s := range stretches {
		if one := s.judge(usable, o); one.Verdict.Worse(found.Verdict) ||
			one.Verdict == found.Verdict && one.Value > found.Value {
			one.ID, one.Facts = found.ID, found.Facts
			found = one
		}
	}
	if clear.Verdict.Worse(found.Verdict) || len(usable) == 0 {
		clear.Value = 0
		return clear
	}
	return found
}

// judge judges one stretch of all kills: each that is large enough by itself, the small ones as one.
func (s stretch) judge(records []evidence.GameDay, o Objectives) Finding {
	limit := evidence.Latency(o.P95)
	var found Finding
	var n, slow, small int
	var longest, worst evidence.Seconds
	for _, r := range records {
		w := s.of(r)
		if w.Requests == 0 {
			continue // of a kill that was not recovered from there is no afterwards
		}
		worst = max(worst, w.P95)
		if w.Requests < LeastSamples {
			n, small = n+w.Requests, small+1
			slow += slowOf(w, r.Objectives.P95, limit)
			longest = max(longest, w.To-w.From)
			continue
		}
		if slowOf(w, r.Objectives.P95, limit) > mayBeSlow(w.Requests) {
			return s.tooSlow(w.P95, w.Requests, o)
		}
	}
	if missing := max(0, LeastSamples-n); small > 0 {
		switch {
		case slow > mayBeSlow(n+missing): // even if all that is missing were quick
			return s.tooSlow(evidence.Never, n, o)
		case slow+missing > mayBeSlow(n+missing): // and it is not, were it slow
			return Finding{Verdict: Unproven, Actual: s.tooFew(n, small, longest), TooFew: true}
		}
	}
	found = Finding{
		Verdict: Pass,
		Actual:  fmt.Sprintf("%s of %s, %s", human.Latency(worst), human.Exact(o.P95), s.when),
	}
	if worst != evidence.Never {
		found = found.measured(worst, o.P95)
	}
	return found
}

func (s stretch) tooSlow(p95 evidence.Seconds, n int, o Objectives) Finding {
	found := Finding{
		Verdict: Fail,
		Actual:  fmt.Sprintf("P95 %s was %s, and the objective is %s", s.when, human.Latency(p95), human.Exact(o.P95)),
	}
	if p95 == evidence.Never {
		found.Actual = fmt.Sprintf(
			"more than 5 of 100 of %d requests %s got no answer, or not within the objective, %s", n, s.when,
			human.Exact(o.P95),
		)
		return found
	}
	return found.measured(p95, o.P95)
}

// tooFew says which load would do.
func (s stretch) tooFew(n, kills int, longest evidence.Seconds) string {
	enough := []string{fmt.Sprintf("--rate %d", int(math.Ceil(LeastSamples/max(0.05, float64(longest)))))}
	if more := int(math.Ceil(float64(LeastSamples) * float64(kills) / float64(n))); more > kills {
		enough = append(enough, fmt.Sprintf("--repeat %d", more))
	}
	if s.flag != "" {
		enough = append(enough, "a longer "+s.flag)
	}
	return fmt.Sprintf(
		"%d requests were due %s, want %d: %s would do", n, s.when, LeastSamples, strings.Join(enough, " or "),
	)
}

// mayBeSlow is how many of n requests may be over the 95th percentile, by nearest rank.
func mayBeSlow(n int) int { return n - (95*n+99)/100 }

// slowOf is how many requests of a window were not answered within the limit. Under another objective than the recorded
// one it is what the P95 leaves to be assumed: at most so many where that is within the limit, at least so many where
// it is not.
func slowOf(w evidence.Window, recorded, limit evidence.Seconds) int {
	switch {
	case w.P95 > limit:
		return max(w.Slow, mayBeSlow(w.Requests)+1)
	case recorded == limit:
		return w.Slow
	}
	return mayBeSlow(w.Requests)
}
