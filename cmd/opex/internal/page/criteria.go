package page

import (
	"fmt"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// criterion is a tile: what was wanted of all kills of the run, and the worst of them.
type criterion struct{ Name, Target, Actual, Verdict, Mark, Why string }

const (
	pass     = "PASS"
	fail     = "FAIL"
	unproven = "UNPROVEN"
)

// marks tell verdicts apart without colours.
var marks = map[string]string{pass: "✓", fail: "✗", unproven: "?"}

// criteria sums up SC-008 to SC-010 and the writes. What was measured to be wrong is a FAIL; otherwise a Game Day that proves
// nothing, or too little of one thing, makes that UNPROVEN.
func criteria(records []evidence.GameDay) []criterion {
	worst := diagnose.Worst(records)
	var server, answers, lost, acknowledged int
	var slowest evidence.GameDay
	samples := -1
	unclear := "" // why no criterion can be proven
	for _, r := range records {
		server += r.ServerErrors()
		answers += r.Before.Requests + r.During.Requests + r.After.Requests
		lost += len(r.Writes.Lost)
		acknowledged += r.Writes.Acknowledged
		if r.During.P95 >= slowest.During.P95 {
			slowest = r
		}
		if samples < 0 || r.During.Requests < samples {
			samples = r.During.Requests
		}
		switch {
		case unclear != "":
		case r.Verdict == evidence.Unproven:
			unclear = first(r.Reasons)
		case r.KilledAt.IsZero() || !r.Experiment.AllInjected:
			unclear = "Chaos Mesh did not confirm a kill"
		case r.Load.Dropped > 0:
			unclear = fmt.Sprintf("%d requests were never sent", r.Load.Dropped)
		}
	}
	few := unclear
	if few == "" && samples < evidence.LeastSamples {
		few = fmt.Sprintf("%d requests in the window, %d are needed", samples, evidence.LeastSamples)
	}
	target := worst.Objectives
	// A Game Day that was ended early did not miss its target; one that waited until its limit did.
	missed := worst.Recovery > target.Recovery || !worst.KilledAt.IsZero() && worst.Recovery == 0 && worst.Verdict == evidence.Failed
	return []criterion{
		judge("SC-008 recovery of a killed pod", "< "+diagnose.Human(target.Recovery), recovery(worst), missed, unclear),
		judge("SC-009 answers of 500 and above", "0", fmt.Sprintf("%d of %d", server, answers), server > 0, unclear),
		judge("SC-010 P95 until recovered", "< "+latency(target.P95), latency(slowest.During.P95), slowest.During.P95 > target.P95, few),
		judge("acknowledged writes lost", "0", fmt.Sprintf("%d of %d", lost, acknowledged), lost > 0, unclear),
	}
}

func judge(name, target, actual string, wrong bool, unclear string) criterion {
	c := criterion{Name: name, Target: target, Actual: actual, Verdict: pass}
	switch {
	case wrong:
		c.Verdict = fail
	case unclear != "":
		c.Verdict, c.Why = unproven, unclear
	}
	c.Mark = marks[c.Verdict]
	return c
}

func first(reasons []string) string {
	if len(reasons) == 0 {
		return "the Game Day proved nothing"
	}
	return reasons[0]
}
