// Package judge says what the records of Game Days are worth: SC-008, SC-009 and SC-010. `opex gameday`, `opex verify`,
// the exporter and the pages have their verdicts from here, and from nowhere else.
package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
)

// Verdict is what a criterion comes to. Its zero value is none of these, and not a pass.
type Verdict string

// The verdicts.
const (
	Pass          Verdict = "PASS"     // proven
	Fail          Verdict = "FAIL"     // proven to be otherwise
	Unproven      Verdict = "UNPROVEN" // no positive evidence yet, or it could not be looked at
	NotApplicable Verdict = "N/A"      // the service has nothing that the criterion is about
)

// severity orders verdicts: what is worst counts for all.
var severity = []Verdict{NotApplicable, Pass, Unproven, Fail}

// Worse says that one verdict counts more than another.
func (v Verdict) Worse(than Verdict) bool {
	return slices.Index(severity, v) > slices.Index(severity, than)
}

// Objectives are what the stack asks for.
type Objectives struct{ Recovery, P95 time.Duration }

// Of are the objectives that were in force when a record was made.
func Of(r evidence.GameDay) Objectives {
	return Objectives{r.Objectives.Recovery.Duration(), r.Objectives.P95.Duration()}
}

// Finding is what one criterion comes to.
type Finding struct {
	ID      string // SC-008, SC-009, SC-010
	Verdict Verdict
	Actual  string           // in one line
	Value   evidence.Seconds // the figure that it hangs on; 0: on none
	Limit   evidence.Seconds // what that may be
	Facts   []Fact           // of each kill
	TooFew  bool             // it is unproven for want of requests alone: more kills would do
}

// Fact is what one kill has to say.
type Fact struct {
	Kill  evidence.GameDay
	What  string
	Value string
}

// Names of the criteria, in their order.
const (
	Recovery = "SC-008"
	Answers  = "SC-009"
	Latency  = "SC-010"
)

// IDs are those of the criteria.
var IDs = []string{Recovery, Answers, Latency}

// Kills judges kills together: each of them has to be good. Windows of too few requests are judged as one.
func Kills(records []evidence.GameDay, o Objectives) []Finding {
	return []Finding{
		each(Recovery, records, func(r evidence.GameDay) Finding { return recovery(r, o) }),
		each(Answers, records, answers),
		latency(records, o),
	}
}

// each is the worst of what kills come to.
func each(id string, records []evidence.GameDay, judge func(evidence.GameDay) Finding) Finding {
	found := Finding{ID: id, Verdict: Unproven, Actual: "there was no kill"}
	var facts []Fact
	for i, r := range records {
		one := judge(r)
		facts = append(facts, one.Facts...)
		if i == 0 || one.Verdict.Worse(found.Verdict) || one.Verdict == found.Verdict && one.Value > found.Value {
			found = one
		}
	}
	found.ID, found.Facts = id, facts
	return found
}

// Settle writes the verdict of one kill into its record, and why it is not proven.
func Settle(r *evidence.GameDay) {
	r.Verdict, r.Reasons = evidence.Proven, nil
	word := map[Verdict]string{Fail: evidence.Failed, Unproven: evidence.Unproven}
	for _, want := range []Verdict{Fail, Unproven} {
		for _, f := range Kills([]evidence.GameDay{*r}, Of(*r)) {
			if f.Verdict != want {
				continue
			}
			if r.Verdict == evidence.Proven {
				r.Verdict = word[want]
			}
			if reason := f.ID + ": " + f.Actual; !slices.ContainsFunc(
				r.Reasons, func(s string) bool { return strings.HasSuffix(s, ": "+f.Actual) },
			) {
				r.Reasons = append(r.Reasons, reason)
			}
		}
	}
}

// unproven, fail and pass make findings of one kill.
func unproven(fact Fact, format string, arguments ...any) Finding {
	return Finding{Verdict: Unproven, Actual: fmt.Sprintf(format, arguments...), Facts: []Fact{fact}}
}

func fail(fact Fact, format string, arguments ...any) Finding {
	return Finding{Verdict: Fail, Actual: fmt.Sprintf(format, arguments...), Facts: []Fact{fact}}
}

func (f Finding) measured(value evidence.Seconds, limit time.Duration) Finding {
	f.Value, f.Limit = value, evidence.Latency(limit)
	return f
}

// recovery judges SC-008: all replicas serve again in time, and go on doing so.
func recovery(r evidence.GameDay, o Objectives) Finding {
	fact := Fact{
		r,
		"recovered",
		fmt.Sprintf(
			"pod %s, all %d replicas again after %s%s", r.Victim.Name, r.Replicas,
			human.Duration(r.Recovery.Duration()), dips(r),
		),
	}
	if r.Recovery <= 0 {
		fact.Value = fmt.Sprintf(
			"pod %s: not until the load ended, %s after the kill%s", r.Victim.Name,
			human.Duration(r.During.To.Duration()), dips(r),
		)
	}
	limit := evidence.InSeconds(o.Recovery)
	switch why := Unclear(r); {
	case why != "":
		return unproven(fact, "%s", why)
	case r.Recovery <= 0 && r.During.To-r.Blind > limit:
		return fail(
			fact, "not all replicas served again to the end, %s after the kill; the objective is %s%s",
			human.Duration(r.During.To.Duration()), human.Exact(o.Recovery), dips(r),
		)
	case r.Recovery <= 0:
		return unproven(
			fact, "not recovered when the load ended, %s after the kill", human.Duration(r.During.To.Duration()),
		)
	case r.Recovery-r.Blind > limit:
		return fail(
			fact, "a recovery took %s, and the objective is %s%s", r.Recovery.Duration(), human.Exact(o.Recovery),
			dips(r),
		).measured(r.Recovery, o.Recovery)
	case r.Recovery > limit:
		return unproven(
			fact,
			"a watch was cut off for %s, so a recovery took between %s and %s, and the objective is %s",
			human.Duration(r.Blind.Duration()),
			human.Duration((r.Recovery - r.Blind).Duration()),
			human.Duration(r.Recovery.Duration()),
			human.Exact(o.Recovery),
		)
	case !seen(r, evidence.MomentRecovered, r.Recovery):
		return unproven(fact, "a record does not say when all replicas were there again")
	case !seen(r, evidence.MomentVictimGone, -1):
		return unproven(
			fact, "pod %s was still being ended when the Game Day ended; --after gives it more time", r.Victim.Name,
		)
	}
	return Finding{
		Verdict: Pass,
		Actual:  fmt.Sprintf("%s of %s%s", r.Recovery.Duration(), human.Exact(o.Recovery), dips(r)),
		Facts:   []Fact{fact},
	}.
		measured(r.Recovery, o.Recovery)
}

// dips tells of recoveries that did not hold.
func dips(r evidence.GameDay) string {
	if len(r.Dips) == 0 {
		return ""
	}
	return fmt.Sprintf(
		"; it had been back before, and was away again %s after the kill", human.Duration(r.Dips[0].From.Duration()),
	)
}

// seen says that the timeline has a moment, at that time unless that is negative.
func seen(r evidence.GameDay, name string, at evidence.Seconds) bool {
	return slices.ContainsFunc(r.Timeline, func(m evidence.Moment) bool {
		return m.Name == name && (at < 0 || max(m.At-at, at-m.At) < 0.01)
	})
}

// GoOn says that the last of several kills is no reason to stop: it is proven, or only has too few requests to be
// judged by itself.
func GoOn(records []evidence.GameDay) bool {
	last := records[len(records)-1]
	if Unclear(last) != "" {
		return false
	}
	for _, f := range Kills([]evidence.GameDay{last}, Of(last)) {
		if f.Verdict == Fail || f.Verdict == Unproven && !f.TooFew {
			return false
		}
	}
	return true
}
