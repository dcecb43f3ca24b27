package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// inquiry is one diagnosis while it is made.
type inquiry struct {
	evidence.GameDay
	took     evidence.Seconds
	phases   []*Phase
	findings []Finding
}

// rules look for one cause each, and claim the seconds that it explains. What one has claimed is not there for those
// after it, so the surer ones stand first.
var rules = []func(*inquiry){
	notCreated, scheduling, volumes, sandbox, imagePull, initContainers, containerConfig,
	crashLoop, database, probeSettings, throttling, slowStart,
}

func newInquiry(r evidence.GameDay) *inquiry {
	q := &inquiry{GameDay: r, took: tookOf(r)}
	q.phases = phasesOf(r, q.took)
	return q
}

// phase returns the first phase of one of these names, or nil.
func (q *inquiry) phase(names ...string) *Phase {
	for _, p := range q.phases {
		for _, name := range names {
			if p.Name == name {
				return p
			}
		}
	}
	return nil
}

// running are the phases in which the program runs and is not ready.
func (q *inquiry) running() []*Phase {
	var found []*Phase
	for _, name := range []string{phaseStartup, phaseReady, phaseRun} {
		if p := q.phase(name); p != nil {
			found = append(found, p)
		}
	}
	return found
}

// least is what is worth naming. Below it, a figure says more about the watch than about the pod.
const least = evidence.Seconds(0.1)

// claim takes seconds of a phase for a finding. It adds nothing where none are left that are worth naming.
func (q *inquiry) claim(p *Phase, seconds evidence.Seconds, f Finding) {
	seconds = round(min(seconds, p.Unexplained))
	if seconds < least {
		return
	}
	p.Unexplained = round(p.Unexplained - seconds)
	f.Phase, f.Seconds = p.Name, seconds
	if last := len(q.findings) - 1; last >= 0 && q.findings[last].Cause == f.Cause {
		q.findings[last].add(f)
		return
	}
	q.findings = append(q.findings, f)
}

// add takes in what the same cause explains elsewhere, or more of the same.
func (f *Finding) add(more Finding) {
	f.Seconds = round(f.Seconds + more.Seconds)
	if !strings.Contains(f.Phase, more.Phase) {
		f.Phase += ", " + more.Phase
	}
	for _, line := range more.Evidence {
		if !slices.Contains(f.Evidence, line) {
			f.Evidence = append(f.Evidence, line)
		}
	}
}

// matching returns the events of these reasons whose message matches.
func matching(r evidence.GameDay, message *regexp.Regexp, reasons ...string) []evidence.Event {
	var found []evidence.Event
	for _, e := range r.Events {
		for _, reason := range reasons {
			if e.Reason == reason && (message == nil || message.MatchString(e.Message)) {
				found = append(found, e)
			}
		}
	}
	return found
}

// quote shows events as evidence: the last two, since the newest says most.
func quote(events []evidence.Event) []string {
	var lines []string
	for _, e := range events[max(0, len(events)-2):] {
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(", %d times", e.Count)
		}
		lines = append(lines, fmt.Sprintf("event %s at %s%s: %s", e.Reason, Human(e.At), times, excerpt(e.Message)))
	}
	return lines
}

func excerpt(message string) string {
	const most = 300
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); len(runes) > most {
		return string(runes[:most]) + " …"
	}
	return message
}

// Human writes seconds for people.
func Human(s evidence.Seconds) string {
	switch {
	case s < 0:
		return "-" + Human(-s)
	case s < 9.995:
		return fmt.Sprintf("%.2f s", s)
	case s < 119.95:
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%.1f min", s/60)
}
