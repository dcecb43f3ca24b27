package spec

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

const ActionPodKill, ActionContainerKill = "pod-kill", "container-kill"

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
