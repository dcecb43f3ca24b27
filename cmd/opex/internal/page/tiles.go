package page

import (
	"fmt"
	"slices"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// tile is what was worst of one thing among the kills of a run. It bears the verdict that `opex verify` gives today,
// where that is known, and else what the kills come to by themselves.
type tile struct {
	ID                   string // of the criterion; empty: there is none of its own
	Name, Target, Actual string
	Class, Mark, Verdict string // empty: it was not judged
	Why                  string
}

func tiles(records []evidence.GameDay, verdicts []verify.Judged) []tile {
	worst := diagnose.Worst(records)
	var server, answers, lost, acknowledged int
	var slowest evidence.Seconds
	for _, r := range records {
		server += r.ServerErrors()
		answers += r.Before.Requests + r.During.Requests + r.After.Requests
		lost += len(r.Writes.Lost)
		acknowledged += r.Writes.Acknowledged
		slowest = max(slowest, r.During.P95)
	}
	target := worst.Objectives
	all := []tile{
		{
			ID:     "SC-008",
			Name:   "recovery of a killed pod",
			Target: "< " + diagnose.Human(target.Recovery),
			Actual: recovery(worst),
		},
		{ID: "SC-009", Name: "answers of 500 and above", Target: "0", Actual: fmt.Sprintf("%d of %d", server, answers)},
		{
			ID:     "SC-010",
			Name:   "P95 until recovered",
			Target: "< " + human.Latency(target.P95),
			Actual: human.Latency(slowest),
		},
		{Name: "acknowledged writes lost", Target: "0", Actual: fmt.Sprintf("%d of %d", lost, acknowledged)},
	}
	if len(verdicts) == 0 {
		for _, f := range judge.Kills(records, judge.Of(worst)) {
			verdicts = append(
				verdicts, verify.Judged{ID: f.ID, Result: verify.Result{Verdict: f.Verdict, Actual: f.Actual}},
			)
		}
	}
	for i := range all {
		for _, c := range verdicts {
			if c.ID == all[i].ID {
				all[i].Class, all[i].Mark = look(c.Verdict)
				all[i].Verdict, all[i].Why = string(c.Verdict), c.Actual
			}
		}
	}
	return all
}

// look is how a verdict is told apart, without colours too.
func look(v verify.Verdict) (class, mark string) {
	switch v {
	case verify.Pass:
		return string(v), "✓"
	case verify.Fail:
		return string(v), "✗"
	case verify.NotApplicable:
		return "NA", "–"
	}
	return string(v), "?"
}

// verdictOf is the worst of what the tiles bear.
func verdictOf(tiles []tile) string {
	for _, v := range []verify.Verdict{verify.Fail, verify.Unproven, verify.Pass, verify.NotApplicable} {
		if slices.ContainsFunc(tiles, func(t tile) bool { return t.Verdict == string(v) }) {
			return string(v)
		}
	}
	return string(verify.Unproven)
}

// reasons are why records are not proven, as they say themselves.
func reasons(records []evidence.GameDay) []string {
	var all []string
	for i, r := range records {
		for _, reason := range r.Reasons {
			if len(records) > 1 {
				reason = fmt.Sprintf("kill %d: %s", i+1, reason)
			}
			all = append(all, reason)
		}
	}
	return all
}
