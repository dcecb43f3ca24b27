package verify

import (
	"fmt"
	"math"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

var killRecovered = Criterion{
	ID:     "SC-008",
	Title:  "A killed pod is replaced in time",
	Target: "in each kill of the newest Game Day, not older than agreed, all replicas were ready and in the endpoints again within the objective, and the victim gone",
	Why:    "Pods die every day. How long that is felt is known only from a kill that was watched.",
	Check:  ofEachKill(func(k kill) float64 { return float64(k.Recovery) }, judgeRecovery),
}

func judgeRecovery(k kill) Result {
	at, seen := k.moment(evidence.MomentRecovered)
	_, gone := k.moment(evidence.MomentVictimGone)
	took := k.Recovery.Duration()
	fact := k.fact("recovered", fmt.Sprintf("pod %s, all %d replicas again after %s", k.Victim.Name, k.Replicas, took))
	switch {
	case !k.KilledAt.IsZero() && k.Verdict == evidence.Failed && k.Recovery <= 0:
		return fail("a killed pod was not replaced within the Game Day's limit", "", k.fact("not recovered", k.Victim.Name))
	case took > k.recovery:
		return fail(fmt.Sprintf("a recovery took %s, and the objective is %s", took, exact(k.recovery)), "", fact).measured(float64(k.Recovery), "s", k.recovery.Seconds())
	case k.unclear() != "":
		return unproven(k.unclear(), "", fact)
	case took <= 0 || !seen || math.Abs(float64(at-k.Recovery)) > 0.01:
		return unproven("a record does not say when all replicas were there again", "", fact)
	case !gone:
		return unproven(fmt.Sprintf("pod %s was still being ended when the Game Day ended", k.Victim.Name), "", fact)
	}
	return pass(fmt.Sprintf("%s of %s", took, exact(k.recovery)), fact).measured(float64(k.Recovery), "s", k.recovery.Seconds())
}
