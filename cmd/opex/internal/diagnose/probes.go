package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// wait is how long the settings of the probes alone keep a program that is ready at once from counting as ready.
type wait struct{ least, most evidence.Seconds }

func seconds(n int32) evidence.Seconds { return evidence.Seconds(n) }

// startupWait: the kubelet asks once a period, at a moment that has nothing to do with the container's start, and not
// before the initial delay is over (worker.run and doProbe in pkg/kubelet/prober/worker.go of Kubernetes v1.37.2).
func startupWait(p *evidence.Probe) wait {
	if p == nil {
		return wait{}
	}
	return wait{least: seconds(p.InitialDelay), most: seconds(p.InitialDelay + p.Period)}
}

// readyWait goes on where the startup probe has passed, after a time that counts towards the initial delay. Then the
// first question may come at once, each further success takes a period.
func readyWait(p *evidence.Probe, passed wait) wait {
	if p == nil {
		return passed
	}
	more := seconds(max(p.Success, 1)-1) * seconds(p.Period)
	delay := seconds(p.InitialDelay)
	return wait{least: max(passed.least, delay) + more, most: max(passed.most, delay) + seconds(p.Period) + more}
}

var (
	startupFailed = regexp.MustCompile(`^Startup probe failed`)
	readyFailed   = regexp.MustCompile(`^Readiness probe failed`)
	notReady      = regexp.MustCompile(`statuscode: 5\d\d`)
)

// probeSettings claims what the settings explain: up to the first question that the program was asked and could not
// answer, and never more than they can.
func probeSettings(q *inquiry) {
	s := q.Settings
	startup := startupWait(s.Startup)
	if p := q.phase(phaseStartup); p != nil {
		q.claimProbe(p, startup, startupFailed)
		if p := q.phase(phaseReady); p != nil {
			q.claimProbe(p, readyWait(s.Readiness, wait{}).after(s.Readiness, q.phase(phaseStartup).Took), readyFailed)
		}
	} else if p := q.phase(phaseRun); p != nil {
		q.claimProbe(p, readyWait(s.Readiness, startup), regexp.MustCompile(startupFailed.String()+"|"+readyFailed.String()))
	}
}

// after is the wait that is left of a readiness probe when the container has run for some time.
func (w wait) after(p *evidence.Probe, ran evidence.Seconds) wait {
	if p == nil {
		return wait{}
	}
	gone := min(ran, seconds(p.InitialDelay))
	return wait{least: w.least - gone, most: w.most - gone}
}

func (q *inquiry) claimProbe(p *Phase, w wait, failure *regexp.Regexp) {
	claimed := w.most
	for _, e := range matching(q.GameDay, failure, "Unhealthy") {
		claimed = max(0, min(claimed, e.At-p.From))
	}
	var lines []string
	for _, probe := range []struct {
		name string
		*evidence.Probe
	}{{"startup", q.Settings.Startup}, {"readiness", q.Settings.Readiness}} {
		if probe.Probe != nil {
			lines = append(lines, fmt.Sprintf("%s probe: initialDelaySeconds %d, periodSeconds %d, successThreshold %d",
				probe.name, probe.InitialDelay, probe.Period, max(probe.Success, 1)))
		}
	}
	lines = append(
		lines,
		fmt.Sprintf("with these, a program that is ready at once is through with %s after %s to %s", p.Name,
			Human(max(0, w.least)), Human(w.most)),
	)
	q.claim(p, claimed, Finding{Cause: ProbeSettings, Evidence: lines,
		Proof: "The program's log says that it serves long before the pod is Ready, and with periodSeconds 1 the phase shrinks to " +
			"a second.",
		Fix: Fix{Words: q.probeWords()}})
}

func (q *inquiry) probeWords() string {
	var words []string
	startup, ready := q.Settings.Startup, q.Settings.Readiness
	if ready != nil && ready.InitialDelay > 0 {
		words = append(
			words,
			fmt.Sprintf("drop the readiness probe's initialDelaySeconds (%d): a startup probe with a large "+
				"failureThreshold is patient without making "+
				"quick starts wait", ready.InitialDelay),
		)
	}
	if startup != nil && startup.InitialDelay > 0 {
		words = append(words, fmt.Sprintf("drop the startup probe's initialDelaySeconds (%d)", startup.InitialDelay))
	}
	if startup != nil && startup.Period > 1 {
		words = append(
			words,
			fmt.Sprintf("startup probe: periodSeconds 1 instead of %d, with failureThreshold %d times as large",
				startup.Period, startup.Period),
		)
	}
	if ready != nil && ready.Period > 1 {
		words = append(words, fmt.Sprintf("readiness probe: periodSeconds 1 instead of %d", ready.Period))
	}
	if ready != nil && ready.Success > 1 {
		words = append(words, fmt.Sprintf("readiness probe: successThreshold 1 instead of %d", ready.Success))
	}
	if len(words) == 0 {
		return "The probes ask once a second already: this is as quick as Kubernetes gets."
	}
	return "In the pod's template (components/cost/service_pod.go; the stack file has no key for probes): " + strings.Join(
		words, "; ",
	) + "."
}
