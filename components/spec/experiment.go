package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/crons"
	"github.com/opex-project/opex/internal/problem"
)

// Experiment describes the failure that a service must survive, and how well. Exactly one pod of the service's own is
// hit, always: neither a selector nor a number is there to be set.
type Experiment struct {
	// Why this service is never tried, in words: its criteria of chaos are then not applicable, for this reason. Empty:
	// it is.
	Waived string `json:"waived"`

	// PodChaos, NetworkChaos or StressChaos. The criteria SC-008 to SC-010 are about PodChaos with pod-kill.
	Kind string `json:"kind"`
	// Of PodChaos: pod-kill, pod-failure, container-kill. Of NetworkChaos: partition. Of StressChaos: stress.
	Action string `json:"action"`
	// Seconds that a killed pod has to finish. 0: none, as when its node dies. Only for pod-kill.
	GraceSeconds int `json:"graceSeconds"`
	// How long a failure lasts that does not end by itself. Not for pod-kill and container-kill, which are over at
	// once.
	Duration Duration `json:"duration"`
	// What StressChaos burns.
	Stress *Stress `json:"stress"`

	// When Chaos Mesh repeats the experiment, unmeasured, in UTC. Empty: never; it is declared, paused, and opex
	// gameday starts it.
	Schedule string `json:"schedule"`
	// A repetition that was missed for longer than this is left out. Required with schedule: without it all that were
	// missed in a night are made up for in the morning.
	StartingDeadline Duration `json:"startingDeadline"`

	// From the pod's deletion until all replicas serve again, at most.
	Recovery Duration `json:"recovery"`
	// 95 of 100 answers during the recovery take this at most.
	P95 Duration `json:"p95"`
	// A Game Day that has not recovered by then is ended as failed.
	Limit Duration `json:"limit"`
	// A Game Day must have been held within this time.
	GameDayAge Duration `json:"gameDayAge"`
	// What the service is asked meanwhile.
	Load Load `json:"load"`

	// Where it is spent there is no Game Day: the service has failed its users enough. Left out: none is declared.
	ErrorBudget *ErrorBudget `json:"errorBudget"`
}

// ErrorBudget describes how many requests failed, and may.
type ErrorBudget struct {
	// PromQL that gives one number of 0 to 1: the share of requests that failed in the budget's period.
	Query string `json:"query" config:"required"`
	// Share of requests that must succeed, above 0 and below 1. The rest is the budget.
	Availability float64 `json:"availability"`
}

// SetDefaults fills what is unset.
func (b *ErrorBudget) SetDefaults() { setDefault(&b.Availability, 0.999) }

// Stress describes load on a pod's node.
type Stress struct {
	// Workers that burn CPU. 0: none.
	CPUWorkers int `json:"cpuWorkers"`
	// Load of each of them, in percent of a CPU, 1 to 100.
	CPULoad int `json:"cpuLoad"`
	// Memory that is held. Empty: none.
	Memory Quantity `json:"memory"`
}

// SetDefaults fills what is unset.
func (s *Stress) SetDefaults() { s.CPUWorkers, s.CPULoad = 1, 100 }

// Load describes requests at a constant rate.
type Load struct {
	// Requests per second, 10 to 5000.
	Rate int `json:"rate"`
	// HTTP paths to GET, in turn; a query may follow. Empty: readyPath.
	Reads []string `json:"reads"`
	// What is posted in between. Each one that is acknowledged is looked for afterwards, then deleted. Left out: the
	// service is only read.
	Write *Sentinel `json:"write"`
	// Share of writes among the requests, 0 to 1.
	WriteShare float64 `json:"writeShare"`
}

// actions are those of the kinds that are allowed, the default first.
var actions = map[string][]string{
	"PodChaos":     {ActionPodKill, "pod-failure", ActionContainerKill},
	"NetworkChaos": {"partition"},
	"StressChaos":  {"stress"},
}

const ActionPodKill, ActionContainerKill = "pod-kill", "container-kill"

// atOnce are the actions that are over when they have begun.
var atOnce = []string{ActionPodKill, ActionContainerKill}

// SetDefaults fills what is unset.
func (e *Experiment) SetDefaults() {
	setDefault(&e.Kind, "PodChaos")
	if known := actions[e.Kind]; len(known) > 0 {
		setDefault(&e.Action, known[0])
	}
	setDefault(&e.Recovery, "30s")
	setDefault(&e.P95, "500ms")
	setDefault(&e.Limit, "5m")
	setDefault(&e.GameDayAge, "168h")
	setDefault(&e.Load.Rate, 200)
	if e.Load.Write != nil {
		setDefault(&e.Load.WriteShare, 0.2)
	}
}

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
