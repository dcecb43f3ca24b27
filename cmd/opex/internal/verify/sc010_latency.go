package verify

import "github.com/opex-project/opex/cmd/opex/internal/judge"

var quickMeanwhile = Criterion{
	ID:    judge.Latency,
	Title: "The service stays quick while a pod is replaced",
	Target: "before each kill, during its recovery and after it, the 95th percentile of at least 200 requests is within the objective; one without an answer counts as slower than " +
		"any, and kills with fewer requests are judged together",
	Why:   "Users do not know how many pods there are. Two that do the work of three must be quick enough.",
	Check: ofKills(judge.Latency),
}
