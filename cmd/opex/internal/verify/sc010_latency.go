package verify

import (
	"fmt"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

var quickMeanwhile = Criterion{
	ID:     "SC-010",
	Title:  "The service stays quick while a pod is replaced",
	Target: "the 95th percentile of at least 200 requests that were due between kill and recovery is within the objective, timeouts counted in full, and 95 of 100 got an answer",
	Why:    "Users do not know how many pods there are. Two that do the work of three must be quick enough.",
	Check:  ofEachKill(func(k kill) float64 { return float64(k.During.P95) }, judgeLatency),
}

func judgeLatency(k kill) Result {
	fact := k.fact("P95", fmt.Sprintf("%s of %d requests; before %s, after %s", latency(k.During.P95), k.During.Requests, latency(k.Before.P95), latency(k.After.P95)))
	limit := evidence.Latency(k.p95)
	switch {
	case k.During.Requests >= evidence.LeastSamples && k.During.Silent():
		return fail(fmt.Sprintf("%d of %d requests got no answer: what is refused at once is no quick answer", k.During.Unanswered(), k.During.Requests), "", fact)
	case k.During.Requests >= evidence.LeastSamples && k.During.P95 > limit:
		return fail(fmt.Sprintf("P95 was %s, and the objective is %s", latency(k.During.P95), exact(k.p95)), "", fact).measured(float64(k.During.P95), "s", k.p95.Seconds())
	case k.unclear() != "":
		return unproven(k.unclear(), "", fact)
	case k.During.Requests < evidence.LeastSamples:
		return unproven(fmt.Sprintf("%d requests were due meanwhile, want %d: a higher rate gives more", k.During.Requests, evidence.LeastSamples), "", fact)
	case k.During.P95 <= 0:
		return unproven("a P95 of 0 was measured, which cannot be", "", fact)
	}
	return pass(fmt.Sprintf("%s of %s", latency(k.During.P95), exact(k.p95)), fact).measured(float64(k.During.P95), "s", k.p95.Seconds())
}
