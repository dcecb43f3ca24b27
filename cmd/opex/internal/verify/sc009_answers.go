package verify

import "github.com/opex-project/opex/cmd/opex/internal/judge"

var noServerErrors = Criterion{
	ID:    judge.Answers,
	Title: "No failed request during a pod kill",
	Target: "under constant load, from 10 s before each kill to 10 s after its recovery, no answer of 500 or above, every request answered but those that a kill " +
		"without grace cut off (under way on the victim, or refused at its address), and every acknowledged write found again",
	Why:   "One pod of several may go at any time. Whoever asked then must not be told that the service is broken, nor nothing, nor that a lost write was kept.",
	Check: ofKills(judge.Answers),
}
