package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/crons"
	"github.com/opex-project/opex/internal/problem"
)

// actions are those of the kinds that are allowed, the default first.
var actions = map[string][]string{
	"PodChaos":     {ActionPodKill, "pod-failure", ActionContainerKill},
	"NetworkChaos": {"partition"},
	"StressChaos":  {"stress"},
}

// atOnce are the actions that are over when they have begun.
var atOnce = []string{ActionPodKill, ActionContainerKill}

// problems returns all that is wrong. Nothing of it matters for a service that is never tried.
func (e Experiment) problems() problem.List {
	var found problem.List
	if e.Waived != "" {
		return found
	}
	allowed, known := actions[e.Kind]
	switch {
	case !known:
		found.Add("kind", "is %q, allowed are %s", e.Kind, strings.Join(slices.Sorted(maps.Keys(actions)), ", "))
	case !slices.Contains(allowed, e.Action):
		found.Add("action", "is %q, allowed for %s are %s", e.Action, e.Kind, strings.Join(allowed, ", "))
	}
	if slices.Contains(atOnce, e.Action) {
		if e.Duration != "" {
			found.Add("duration", "is %s, and %s is over at once: Chaos Mesh would ignore it", e.Duration, e.Action)
		}
	} else if known {
		checkDuration(&found, "duration", e.Duration)
	}
	if e.GraceSeconds < 0 || e.GraceSeconds > 0 && e.Action != ActionPodKill {
		found.Add("graceSeconds", "is %d, want 0 or more, and only for %s", e.GraceSeconds, ActionPodKill)
	}
	e.checkStress(&found)
	e.checkSchedule(&found)
	checkDuration(&found, "recovery", e.Recovery)
	checkDuration(&found, "p95", e.P95)
	checkDuration(&found, "limit", e.Limit)
	checkDuration(&found, "gameDayAge", e.GameDayAge)
	if e.Limit.Value() > 0 && e.Limit.Value() <= e.Recovery.Value() {
		found.Add("limit", "is %s, want more than recovery (%s)", e.Limit, e.Recovery)
	}
	found.AddAll("load.", e.Load.problems())
	if b := e.ErrorBudget; b != nil {
		if strings.TrimSpace(b.Query) == "" {
			found.Add("errorBudget.query", "is empty, want PromQL that gives the share of requests that failed")
		}
		if b.Availability <= 0 || b.Availability >= 1 {
			found.Add(
				"errorBudget.availability", "is %g, want more than 0 and less than 1, such as 0.999", b.Availability,
			)
		}
	}
	return found
}

func (e Experiment) checkStress(found *problem.List) {
	s := e.Stress
	switch {
	case e.Kind != "StressChaos":
		if s != nil {
			found.Add("stress", "is given, and the kind is %s", e.Kind)
		}
	case s == nil || s.CPUWorkers == 0 && s.Memory == "":
		found.Add("stress", "burns nothing: want cpuWorkers, memory or both")
	default:
		if s.CPUWorkers < 0 || s.CPULoad < 1 || s.CPULoad > 100 {
			found.Add("stress", "has %d workers at %d%%, want 0 or more at 1 to 100", s.CPUWorkers, s.CPULoad)
		}
		if s.Memory != "" {
			checkQuantity(found, "stress.memory", s.Memory)
		}
	}
}

func (e Experiment) checkSchedule(found *problem.List) {
	if e.Schedule == "" {
		if e.StartingDeadline != "" {
			found.Add("startingDeadline", "is %s, and there is no schedule", e.StartingDeadline)
		}
		return
	}
	if _, err := crons.Parse(e.Schedule); err != nil {
		found.Add("schedule", "is %q: %v", e.Schedule, err)
	}
	checkDuration(found, "startingDeadline", e.StartingDeadline)
}

func (l Load) problems() problem.List {
	var found problem.List
	if l.Rate < 10 || l.Rate > 5000 {
		found.Add(
			"rate", "is %d, allowed are 10 to 5000 per second: fewer prove nothing, more are for a load test", l.Rate,
		)
	}
	for i, path := range l.Reads {
		path, _, _ = strings.Cut(path, "?")
		checkPath(&found, fmt.Sprintf("reads[%d]", i), path)
	}
	if l.WriteShare < 0 || l.WriteShare > 1 || l.Write == nil && l.WriteShare != 0 {
		found.Add("writeShare", "is %g, want 0 to 1, and 0 without write", l.WriteShare)
	}
	if l.Write != nil {
		found.AddAll("write.", l.Write.problems())
	}
	return found
}
