package verify

import (
	"fmt"
	"strings"
)

var noServerErrors = Criterion{
	ID:     "SC-009",
	Title:  "A killed pod costs no 5xx and no write",
	Target: "under constant load, from 10 s before each kill to 10 s after its recovery, no answer of 500 or above, and every acknowledged write found again",
	Why:    "One pod of several may go at any time. Whoever asked it then must not be told that the service is broken, nor that a lost write was kept.",
	Check:  ofEachKill(func(k kill) float64 { return float64(k.Unanswered()) }, judgeAnswers),
}

// aroundKill is how much load there has to be on either side, in seconds.
const aroundKill = 10

func judgeAnswers(k kill) Result {
	asked := k.Before.Requests + k.During.Requests + k.After.Requests
	bad, lost := k.ServerErrors(), len(k.Writes.Lost)
	var kinds []string
	for kind, n := range k.TransportErrors() {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
	}
	fact := k.fact("answers", fmt.Sprintf("%d requests, %d answers of 500 and above, %d without an answer %v, %d of %d acknowledged writes found", asked, bad,
		k.Unanswered(), kinds, k.Writes.Found, k.Writes.Acknowledged))
	after := k.Load.EndedAt.Sub(k.KilledAt).Seconds() - float64(k.Recovery)
	switch {
	case bad > 0:
		return fail(fmt.Sprintf("%d of %d answers were 500 or above", bad, asked), "", fact)
	case lost > 0:
		return fail(fmt.Sprintf("%d of %d acknowledged writes were lost: %s", lost, k.Writes.Acknowledged, strings.Join(k.Writes.Lost[:min(lost, 3)], ", ")), "", fact)
	case k.unclear() != "":
		return unproven(k.unclear(), "", fact)
	case asked == 0 || k.Before.To-k.Before.From < aroundKill || after < aroundKill:
		return unproven(fmt.Sprintf("the load covers %.0f s before and %.0f s after, want %d s each", float64(k.Before.To-k.Before.From), after, aroundKill), "", fact)
	case k.Writes.Found != k.Writes.Acknowledged:
		return unproven(fmt.Sprintf("of %d acknowledged writes %d were found", k.Writes.Acknowledged, k.Writes.Found), "", fact)
	case k.During.Status["200"]+k.During.Status["201"] == 0:
		return unproven("no request of the recovery was answered with 200", "", fact)
	}
	return pass(fmt.Sprintf("no 5xx, no write lost, %d requests without an answer", k.Unanswered()), fact)
}
