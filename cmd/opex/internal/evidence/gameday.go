package evidence

import "time"

// GameDaySchema and GameDayVersion name the form of a GameDay. A reader refuses what it does not know.
//
// Version 2 judges windows that end where the recovery does, counts what got no answer as slower than anything, and
// says what was killed of which setup. A record of version 1 can be read, and proves nothing any more.
const (
	GameDaySchema  = "opex.dev/gameday"
	GameDayVersion = 2
)

// KindGameDay is the kind of a GameDay's ConfigMap.
const KindGameDay = "gameday"

// Unproven is the verdict of a Game Day that showed neither: it was ended early, or too little was measured.
const Unproven = "UNPROVEN"

// GameDay is one kill under load. `--repeat 10` makes ten of them, with one Run. Times are in UTC by the clock of the
// machine that ran opex; moments that others noted by theirs are those at which opex saw them. What was not reached is
// absent or zero.
type GameDay struct {
	Schema  string   `json:"schema"`
	Version int      `json:"version"`
	Verdict string   `json:"verdict"`
	Reasons []string `json:"reasons,omitempty"` // why it is not PROVEN
	// what went wrong with the Game Day itself, such as a watch that ended
	Problems    []string  `json:"problems,omitempty"`
	Run         Run       `json:"run"`
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	ClusterUID  string    `json:"clusterUID"`
	Namespace   string    `json:"namespace"`
	OpexVersion string    `json:"opexVersion,omitempty"` // that measured it
	StartedAt   time.Time `json:"startedAt"`
	FinishedAt  time.Time `json:"finishedAt"`

	Experiment Experiment  `json:"experiment"`
	Objectives ChaosTarget `json:"objectives"`
	Interlock  []Check     `json:"interlock"` // what was looked at before the kill; each was good

	Setup       Setup    `json:"setup"`    // of the service when it was tried
	Replicas    int      `json:"replicas"` // desired, and ready before the kill
	Victim      Pod      `json:"victim,omitzero"`
	AlsoGone    []string `json:"alsoGone,omitempty"` // pods that went without anybody asking for it
	Replacement Pod      `json:"replacement,omitzero"`
	// from MomentKilled to MomentRecovered, from which on it held to the end of the load
	Recovery Seconds `json:"recoverySeconds,omitempty"`
	Dips     []Dip   `json:"dips,omitempty"` // back for a while, and away again
	// for so long a watch was cut off meanwhile: what it then told is late by so much at most
	Blind    Seconds   `json:"blindSeconds,omitempty"`
	KilledAt time.Time `json:"killedAt,omitzero"` // the zero of Timeline, of Curve and of the windows

	Timeline []Moment `json:"timeline,omitempty"` // in order of time
	Load     LoadRun  `json:"load"`
	Before   Window   `json:"before"` // steady state, until the kill
	During   Window   `json:"during"` // from the kill to the recovery; to the end where there was none
	After    Window   `json:"after"`  // steady state again
	Cut      Cut      `json:"cut,omitzero"`
	Misses   []Miss   `json:"misses,omitempty"` // requests without an answer, the first MostMisses
	Writes   Writes   `json:"writes"`
	Slot     Seconds  `json:"slotSeconds,omitempty"` // width of the curve's slots; absent: SlotWidth
	Curve    []Slot   `json:"curve,omitempty"`       // for pictures

	Settings Settings `json:"settings"` // of the service's pods: what may have cost time
	// of the replacement and of its ReplicaSet (FailedCreate), as Kubernetes tells them
	Events []Event `json:"events,omitempty"`
}

// Bounds of a record, so that a ConfigMap holds it, however long the load and whatever went wrong.
const (
	MostSlots  = 600
	MostMisses = 100
	MostEvents = 100
	MostLost   = 100 // addresses of lost writes
)

// Run groups the Game Days of one call of the command.
type Run struct {
	ID    string `json:"id"`    // such as 20261123-114500
	Index int    `json:"index"` // from 1
	Of    int    `json:"of"`
}

// Experiment is what was done to the service.
type Experiment struct {
	Schedule    string    `json:"schedule"` // the declared one that it was taken from
	Name        string    `json:"name"`     // of the one-shot object
	Kind        string    `json:"kind"`
	Action      string    `json:"action,omitempty"`
	Grace       int64     `json:"graceSeconds"` // 0: killed without a chance to finish
	CreatedAt   time.Time `json:"createdAt,omitzero"`
	AllInjected bool      `json:"allInjected"` // Chaos Mesh's own word
	Targets     []string  `json:"targets"`     // namespace/pod, by Chaos Mesh
}

// ChaosTarget is what the stack asked for at that time.
type ChaosTarget struct {
	Recovery Seconds `json:"recoverySeconds"`
	P95      Seconds `json:"p95Seconds"`
}

// Check is one condition of the interlock.
type Check struct {
	Name   string `json:"name"`
	Result string `json:"result"`
}

// Pod is one pod.
type Pod struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
	Node string `json:"node,omitempty"`
}

// Moment is one point of the timeline.
type Moment struct {
	Name   string  `json:"name"`
	At     Seconds `json:"at"` // from the kill; before it negative
	Detail string  `json:"detail,omitempty"`
}

// Names of moments, in the order in which they are expected. All are of the first replacement but the first four.
const (
	MomentInjected    = "experiment created"
	MomentKilled      = "deletion seen"       // the victim has a deletionTimestamp, or is gone
	MomentEndpointOut = "endpoint out"        // no EndpointSlice has the victim as ready any more
	MomentVictimGone  = "victim gone"         // its object
	MomentCreated     = "replacement created" //
	MomentScheduled   = "scheduled"           // PodScheduled
	// event SuccessfulAttachVolume or the like; absent where there is none to attach
	MomentVolumes     = "volumes mounted"
	MomentSandbox     = "sandbox created"   // PodReadyToStartContainers
	MomentImage       = "image present"     // event Pulled
	MomentInitialized = "initialized"       // Initialized: the init containers are done
	MomentStarted     = "container started" // status running
	// status started: the startup probe is done; absent where it was not looked for
	MomentStartup    = "startup passed"
	MomentReady      = "ready"       // Ready
	MomentEndpointIn = "endpoint in" // an EndpointSlice has the replacement as ready
	// all replicas ready, and as many endpoints, and not so later on; see Dips
	MomentBack      = "back for a while"
	MomentRecovered = "recovered" // all replicas ready, and as many endpoints, to the end of the load
	// of the service after the last bad one; the kill itself where there was no bad one
	MomentFirstAnswer = "first good answer"
)

// LoadRun is how the load was made.
type LoadRun struct {
	Rate        int       `json:"rate"` // asked for, per second
	WriteShare  float64   `json:"writeShare"`
	Clients     int       `json:"clients,omitempty"` // that took turns, each with connections of its own
	StartedAt   time.Time `json:"startedAt,omitzero"`
	EndedAt     time.Time `json:"endedAt,omitzero"`
	Requests    int       `json:"requests"`
	Dropped     int       `json:"dropped"`            // scheduled, never sent: the generator was starved
	Late        int       `json:"late"`               // sent more than LateLimit after their time
	MaxLateness Seconds   `json:"maxLatenessSeconds"` // their latency counts from the scheduled time all the same
	ClockOffset Seconds   `json:"clockOffsetSeconds"` // of the generator's clock from opex's; taken out of all times
	ClockError  Seconds   `json:"clockErrorSeconds"`  // that the offset may have at most
}

// Window sums up the requests whose scheduled time lies in [From, To), seconds from the kill.
type Window struct {
	From         Seconds        `json:"from"`
	To           Seconds        `json:"to"`
	Requests     int            `json:"requests"`
	Writes       int            `json:"writes"`
	Late         int            `json:"late,omitempty"`   // sent too long after their time; see LoadRun
	Status       map[string]int `json:"status,omitempty"` // answers by HTTP status
	ServerErrors int            `json:"serverErrors"`     // answers of 500 and above
	// no answer, by kind: refused, reset, timeout, unreachable, other
	TransportErrors map[string]int `json:"transportErrors,omitempty"`
	// not answered within the objective for the P95; those without an answer, too
	Slow int `json:"slow"`
	// percentiles of all requests; Never (null) where so many got no answer
	P50 Seconds `json:"p50Seconds"`
	P95 Seconds `json:"p95Seconds"`
	P99 Seconds `json:"p99Seconds"`
	Max Seconds `json:"maxSeconds"` // of the answers
}

// Setup is what decides how a service takes a kill. Kills of another setup say nothing about this one.
type Setup struct {
	Replicas  int               `json:"replicas"`
	Image     string            `json:"image"`
	Resources map[string]string `json:"resources,omitempty"` // such as limits.cpu, of the service's container
	Probes    map[string]Probe  `json:"probes,omitempty"`    // startup, readiness, liveness
	PreStop   string            `json:"preStop,omitempty"`   // as JSON
	Grace     int64             `json:"graceSeconds"`
}

// Dip is a time in which fewer replicas served than desired, after all had served again. To is Never (null) where the
// load ended first.
type Dip struct {
	From Seconds `json:"from"` // from the kill
	To   Seconds `json:"to"`
}

// Cut is what a kill without grace cut off. All its times are from the kill.
type Cut struct {
	From Seconds `json:"from"` // the experiment was made
	To   Seconds `json:"to"`   // the victim had left the endpoints
	// Unanswered requests were under way while the victim died.
	Unanswered int `json:"unanswered"`
	// Refused requests got no connection: the dead pod's address refused it, while the nodes' proxies still led there.
	Refused int `json:"refused,omitempty"`
}

// Miss is one request without an answer.
type Miss struct {
	Due   Seconds `json:"due"` // times are from the kill
	Sent  Seconds `json:"sent"`
	Ended Seconds `json:"ended"`
	Kind  string  `json:"kind"`
	Write bool    `json:"write,omitempty"`
	Said  string  `json:"said,omitempty"` // which connection it was on, and what its end was called there
}

// Writes says what became of the writes that were answered with success.
type Writes struct {
	Acknowledged int      `json:"acknowledged"`
	Found        int      `json:"found"`          // read again after the recovery
	Lost         []string `json:"lost,omitempty"` // their addresses
	Unchecked    int      `json:"unchecked"`      // could not be asked for
	Left         int      `json:"left"`           // could not be deleted afterwards
}

// SlotWidth is the least width of the curve's slots.
const SlotWidth = 100 * time.Millisecond

// Slot sums up the requests that were scheduled in one stretch of time.
type Slot struct {
	At              Seconds `json:"at"` // its start, from the kill
	Requests        int     `json:"n"`
	ServerErrors    int     `json:"serverErrors,omitempty"`
	TransportErrors int     `json:"transportErrors,omitempty"`
	P50             Seconds `json:"p50"` // of the answers, as all that follow
	P95             Seconds `json:"p95"`
	Max             Seconds `json:"max"`
}

// Settings are those of the service's container that decide how quickly a pod can serve.
type Settings struct {
	Image            string          `json:"image"`
	PullPolicy       string          `json:"pullPolicy"`
	CPURequest       string          `json:"cpuRequest,omitempty"`
	CPULimit         string          `json:"cpuLimit,omitempty"`
	MemoryLimit      string          `json:"memoryLimit,omitempty"`
	PreStopSeconds   int64           `json:"preStopSeconds"`
	GraceSeconds     int64           `json:"graceSeconds"`
	Startup          *Probe          `json:"startupProbe,omitempty"`
	Readiness        *Probe          `json:"readinessProbe,omitempty"`
	InitContainers   []InitContainer `json:"initContainers,omitempty"`
	Volumes          []string        `json:"volumes,omitempty"` // claims
	ThrottledPeriods int64           `json:"throttledPeriods"`  // of the replacement's container, until it was ready
	Periods          int64           `json:"periods"`           // 0: not known
	// answers of the probe that were not good, as events tell
	ReadinessFailures   int    `json:"readinessFailures"`
	ReadinessLastFailed string `json:"readinessLastFailed,omitempty"`
	Restarts            int32  `json:"restarts"` // of the replacement's container
	// how it ended last: reason and exit code, such as OOMKilled 137
	LastTermination string `json:"lastTermination,omitempty"`
}

// Probe is one probe's times, in seconds.
type Probe struct {
	Path         string `json:"path,omitempty"`
	InitialDelay int32  `json:"initialDelaySeconds"`
	Period       int32  `json:"periodSeconds"`
	Success      int32  `json:"successThreshold"`
	Failure      int32  `json:"failureThreshold"`
}

// InitContainer is one that ran before the service's.
type InitContainer struct {
	Name string  `json:"name"`
	Took Seconds `json:"seconds"` // by the node's clock, which counts whole seconds
}

// Event is an event of the replacement.
type Event struct {
	At      Seconds `json:"at"` // when it was seen, from the kill
	Reason  string  `json:"reason"`
	Message string  `json:"message"`
	Count   int32   `json:"count"`
}
