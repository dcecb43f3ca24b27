package judge

import (
	"fmt"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
)

const (
	// MaxLateShare is how much of the load may be sent late, all told and in the recovery, until the generator counts
	// as starved. What is late counts from its time all the same.
	MaxLateShare = 0.05
	// MaxClockError is how far the generator's clock may be from what is known of it.
	MaxClockError = evidence.Seconds(0.1)
	// firstJudged is the first version of records that hold enough to be judged.
	firstJudged = 2
)

// Unclear is why the figures of a Game Day mean nothing, whatever they are; empty: they do.
func Unclear(r evidence.GameDay) string {
	why := append([]string{}, r.Problems...)
	add := func(is bool, format string, arguments ...any) {
		if is {
			why = append(why, fmt.Sprintf(format, arguments...))
		}
	}
	pod := r.Namespace + "/" + r.Victim.Name
	add(
		r.Version < firstJudged, "an older opex recorded it, and kept too little to be judged (version %d, want %d)",
		r.Version, firstJudged,
	)
	add(r.KilledAt.IsZero(), "no pod was killed")
	if !r.KilledAt.IsZero() {
		add(!r.Experiment.AllInjected, "Chaos Mesh did not confirm the kill")
		add(
			len(r.Experiment.Targets) != 1 || !strings.HasPrefix(r.Experiment.Targets[0]+"/", pod+"/"),
			"pod %s went, and Chaos Mesh says that it hit %v", pod, r.Experiment.Targets,
		)
		add(len(r.AlsoGone) > 0, "more pods than one went: also %s", strings.Join(r.AlsoGone, ", "))
	}
	starved := Starved(r)
	add(starved != "", "%s", starved)
	add(
		r.Load.ClockError > MaxClockError, "the load generator's clock is known to within %s only, want %s",
		r.Load.ClockError.Duration(), MaxClockError.Duration(),
	)
	return strings.Join(why, "; ")
}

// Starved says how the generator could not send what was due, as on a machine that is busy with something else. It is
// empty where it could.
func Starved(r evidence.GameDay) string {
	late := func(late, of int) bool { return float64(late) > MaxLateShare*float64(of) }
	if r.Load.Dropped == 0 && !late(r.Load.Late, r.Load.Requests) && !late(r.During.Late, r.During.Requests) {
		return ""
	}
	return fmt.Sprintf(
		"the load generator was starved: %d requests never sent, %d of %d sent late, %d of %d in the recovery",
		r.Load.Dropped, r.Load.Late, r.Load.Requests, r.During.Late, r.During.Requests,
	)
}

// around is how much load there has to be before each kill and after its recovery.
const around = 10 * time.Second

// uncovered says that the load was too short on either side, or nothing.
func uncovered(r evidence.GameDay) string {
	before, after := (r.Before.To - r.Before.From).Duration(), (r.After.To - r.After.From).Duration()
	if r.Recovery <= 0 {
		after = 0
	}
	if before >= around && after >= around {
		return ""
	}
	return fmt.Sprintf(
		"the load covers %s before the kill and %s after the recovery, want %s each", human.Duration(before),
		human.Duration(after), around,
	)
}
