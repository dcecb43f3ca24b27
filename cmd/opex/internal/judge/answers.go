package judge

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

const (
	// goodShare is how much of the answers must be below 400, else the load does not ask for what the service has.
	goodShare = 0.95
)

// InFlight is how many requests may have been under way on the victim when it was killed: by Little's law the load's
// rate times what an answer takes, shared by the replicas; and three standard deviations more, since requests come to a
// pod in no even stream.
func InFlight(r evidence.GameDay) int {
	if r.Experiment.Grace > 0 || r.Before.P50 == evidence.Never {
		return 0 // with grace, each of them is answered
	}
	usual := float64(r.Load.Rate) * float64(r.Before.P50) / float64(max(1, r.Replicas))
	return int(math.Ceil(usual+3*math.Sqrt(usual))) + 1
}

// Reconnecting is how many requests may be refused after a kill without grace. The clients that were connected to the
// victim, one in n for n replicas, connect anew. As long as the nodes' proxies still know the dead pod, each attempt
// leads there with the chance 1/n, so clients / n × (1/n + 1/n² + …) = clients / n / (n-1); and three standard
// deviations more. No service can keep that from happening; a client that tries a refused connection again does not
// notice it.
func Reconnecting(r evidence.GameDay) int {
	if r.Experiment.Grace > 0 || r.Replicas < 2 {
		return 0
	}
	usual := float64(r.Load.Clients) / float64(r.Replicas) / float64(r.Replicas-1)
	return int(math.Ceil(usual + 3*math.Sqrt(usual)))
}

// unexplained is how many requests got no answer that were not cut off by the kill.
func unexplained(r evidence.GameDay) int {
	return r.Unanswered() - min(r.Cut.Unanswered, InFlight(r)) - min(r.Cut.Refused, Reconnecting(r))
}

// answers judges SC-009: nobody was told that the service is broken, nobody was told nothing, and no write was lost.
func answers(r evidence.GameDay) Finding {
	asked := r.Before.Requests + r.During.Requests + r.After.Requests
	bad, lost, silent := r.ServerErrors(), len(r.Writes.Lost), unexplained(r)
	none := fmt.Sprintf("%d requests without an answer (%s)", r.Unanswered(), Kinds(r.TransportErrors()))
	if r.Unanswered() == 0 {
		none = "no request without an answer"
	}
	fact := Fact{
		r,
		"answers",
		fmt.Sprintf(
			"%d requests, %d answers of 500 and above, %s, %d of %d acknowledged writes found", asked, bad, none,
			r.Writes.Found, r.Writes.Acknowledged,
		),
	}
	why := Unclear(r)
	var broken []string
	if bad > 0 {
		broken = append(broken, fmt.Sprintf("%d of %d answers were 500 or above", bad, asked))
	}
	if lost > 0 {
		broken = append(broken, fmt.Sprintf("%d of %d acknowledged writes were lost: %s", lost, r.Writes.Acknowledged,
			strings.Join(r.Writes.Lost[:min(lost, 3)], ", ")))
	}
	if silent > 0 && why == "" {
		broken = append(broken, fmt.Sprintf("%d of %d requests got no answer (%s); %s",
			r.Unanswered(), asked, Kinds(r.TransportErrors()), allowed(r)))
	}
	switch {
	case len(broken) > 0:
		return fail(fact, "%s", strings.Join(broken, "; "))
	case why != "":
		return unproven(fact, "%s", why)
	case asked == 0 || uncovered(r) != "":
		return unproven(fact, "%s", uncovered(r))
	case r.Writes.Found != r.Writes.Acknowledged:
		return unproven(fact, "of %d acknowledged writes %d were found", r.Writes.Acknowledged, r.Writes.Found)
	case r.Writes.Left > 0:
		return unproven(fact, "%d records of the load could not be deleted, and stay in the service", r.Writes.Left)
	}
	for _, w := range []evidence.Window{r.Before, r.During, r.After} {
		if good, of := goodAnswers(w); of == 0 || float64(good) < goodShare*float64(of) {
			return unproven(
				fact, "from %s s to %s s of the kill %d of %d answers were good ones, want %.0f%%", seconds(w.From),
				seconds(w.To), good, of, 100*goodShare,
			)
		}
	}
	return Finding{Verdict: Pass, Actual: "no 5xx, no write lost, " + none, Facts: []Fact{fact}}
}

func seconds(s evidence.Seconds) string { return fmt.Sprintf("%.1f", float64(s)) }

// goodAnswers counts the answers below 400, and all of them.
func goodAnswers(w evidence.Window) (good, of int) {
	for status, n := range w.Status {
		of += n
		if status < "400" {
			good += n
		}
	}
	return good, of
}

// allowed says what might have gone without an answer.
func allowed(r evidence.GameDay) string {
	if r.Experiment.Grace > 0 {
		return "a graceful end costs none"
	}
	return fmt.Sprintf(
		"%d of them were under way when the pod was killed, of which %d may be; %d were refused at its address, of which %d may be",
		r.Cut.Unanswered, InFlight(r), r.Cut.Refused, Reconnecting(r),
	)
}

// Kinds lists requests without an answer, such as `2 reset, 1 timeout`.
func Kinds(counts map[string]int) string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		if counts[kind] > 0 {
			all = append(all, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	if len(all) == 0 {
		return "0"
	}
	return strings.Join(all, ", ")
}
