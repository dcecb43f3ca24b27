package diagnose

import (
	"fmt"
	"regexp"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// database finds a program that answers and says that it cannot serve yet. From its first such answer on, the time is
// that of what it waits for: with it there, it would have been ready at that moment.
func database(q *inquiry) {
	p := q.phase(phaseReady, phaseRun)
	answers := matching(q.GameDay, notReady, "Unhealthy")
	s := q.Settings
	if p == nil || len(answers) == 0 && !(s.ReadinessFailures > 0 && notReady.MatchString(s.ReadinessLastFailed)) {
		return
	}
	end := p.From + p.Took
	from := end
	for _, e := range answers {
		from = min(from, e.At)
	}
	if len(answers) == 0 && s.Readiness != nil {
		from = end - evidence.Seconds(s.ReadinessFailures)*seconds(s.Readiness.Period)
	}
	f := Finding{Cause: Database, Evidence: quote(answers),
		Proof: "The program's log names what it waits for in that time (Task API: database_unavailable or not_migrated).",
		Fix: Fix{
			Words: "The program runs, but its readiness waits for the database: find out why that was away (`kubectl " +
				"describe` its pod), and let the program try " +
				"again at once and often, with a short connection timeout. No setting of the stack file changes how it reconnects.",
		}}
	if len(answers) == 0 {
		f.Evidence = append(
			f.Evidence,
			fmt.Sprintf("%d questions of the readiness probe were answered so or not at all, the last: %s",
				s.ReadinessFailures, excerpt(s.ReadinessLastFailed)),
		)
	}
	if n := q.During.ServerErrors; n > 0 {
		f.Evidence = append(
			f.Evidence,
			fmt.Sprintf("%d answers of 500 and above during the recovery: the other replicas missed "+
				"it, too", n),
		)
	}
	q.claim(p, end-max(from, p.From), f)
}

// A container is throttled for the rest of each period (100 ms, the kernel's and the kubelet's default) in which its
// quota is used up. So this is the most that a throttled period can cost.
const throttledPeriod = evidence.Seconds(0.1)

// throttledShare is from when on throttling is a cause: a quarter of the periods.
const throttledShare = 0.25

func throttling(q *inquiry) {
	s := q.Settings
	if s.Periods == 0 || float64(s.ThrottledPeriods) < throttledShare*float64(s.Periods) {
		return
	}
	left := evidence.Seconds(s.ThrottledPeriods) * throttledPeriod
	f := Finding{Cause: Throttling,
		Evidence: []string{
			fmt.Sprintf("throttled in %d of %d periods of 100 ms until it was ready, at a limit of %s CPU: at most %s",
				s.ThrottledPeriods, s.Periods, or(s.CPULimit, "an unknown amount of"), Human(left)),
		},
		Proof: "With the limit raised, the phase shrinks and the throttled periods vanish: repeat the Game Day.",
		Fix: Fix{
			Words: "Raise the CPU limit: starting takes more than serving does. The request, which is paid for, may stay. " +
				"Then measure again.",
			Settings: twice([]string{"resources", "limits", "cpu"}, s.CPULimit),
		}}
	for _, p := range q.running() {
		claimed := min(left, p.Unexplained)
		q.claim(p, claimed, f)
		left -= claimed
	}
}

// slowStart is last: what is left of the time in which the program ran is its own.
func slowStart(q *inquiry) {
	unready := matching(q.GameDay, regexp.MustCompile(`^(Startup|Readiness) probe failed`), "Unhealthy")
	for _, p := range q.running() {
		if p.Unexplained < least {
			continue
		}
		f := Finding{Cause: SlowStart, Evidence: append(quote(unready),
			"neither probes nor throttling, restarts or a dependency explain this part"),
			Proof: "The program's own log, with times, from its first line to the one that says that it serves.",
			Fix: Fix{
				Words: "Nothing that Kubernetes tells says why: read the program's log (`kubectl logs`), or profile its " +
					"start. No setting of the stack file is known to " +
					"change it.",
			}}
		q.claim(p, p.Unexplained, f)
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
