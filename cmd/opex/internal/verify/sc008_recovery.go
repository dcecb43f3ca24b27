package verify

import "github.com/opex-project/opex/cmd/opex/internal/judge"

var killRecovered = Criterion{
	ID:    judge.Recovery,
	Title: "A killed pod is replaced in time",
	Target: "in each kill since the service last changed, three at least, all replicas were ready and in the endpoints again within the objective, and stayed so to the end of " +
		"the load; the victim is gone",
	Why:   "Pods die every day. How long that is felt is known only from a kill that was watched.",
	Check: ofKills(judge.Recovery),
}
