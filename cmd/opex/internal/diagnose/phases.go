package diagnose

import (
	"math"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Phase is the time between two moments of the recovery.
type Phase struct {
	Name  string           `json:"name"`
	From  evidence.Seconds `json:"from"` // from the kill
	Took  evidence.Seconds `json:"seconds"`
	Usual evidence.Seconds `json:"usualSeconds"`   // at most, on a node that is not overloaded and has the image
	Open  bool             `json:"open,omitempty"` // it never ended
	// Unexplained is what no finding claims of Took. Within the usual it is no riddle.
	Unexplained evidence.Seconds `json:"unexplainedSeconds"`
	Look        string           `json:"look"` // where to read on
}

// Names of phases.
const (
	phaseCreate    = "replacement created"
	phaseSchedule  = "scheduling"
	phaseVolumes   = "volumes"
	phaseSandbox   = "sandbox"
	phaseInit      = "init containers"
	phaseImage     = "image pull"
	phaseStart     = "container start"
	phaseStartup   = "startup probe"
	phaseReady     = "readiness"
	phaseRun       = "start to ready" // both of those, where the record does not part them
	phaseEndpoint  = "endpoint"
	phaseRecovered = "other replicas"
)

// step is one phase and the moment that ends it. The order is that of cause and effect: none can end before one further
// up.
type step struct {
	moment, phase string
	usual         evidence.Seconds
	look          string
}

var steps = []step{
	{evidence.MomentCreated, phaseCreate, 0.5, "kubectl describe replicaset; the controller manager's log"},
	{evidence.MomentScheduled, phaseSchedule, 0.5, "kubectl describe pod; the scheduler's log"},
	{evidence.MomentVolumes, phaseVolumes, 3, "kubectl describe pod; kubectl get volumeattachment"},
	{evidence.MomentSandbox, phaseSandbox, 2, "the logs of kubelet, container runtime and network plugin on the node"},
	{evidence.MomentInitialized, phaseInit, 1, "kubectl logs POD -c INIT-CONTAINER"},
	{evidence.MomentImage, phaseImage, 1, "kubectl describe pod; the container runtime's log on the node"},
	{evidence.MomentStarted, phaseStart, 1, "the logs of kubelet and container runtime on the node"},
	{evidence.MomentStartup, phaseStartup, 3, "kubectl logs POD"},
	{evidence.MomentReady, phaseReady, 2, "kubectl logs POD"},
	{evidence.MomentEndpointIn, phaseEndpoint, 1, "kubectl get endpointslice; the controller manager's log"},
	{evidence.MomentRecovered, phaseRecovered, 1, "kubectl get pods: another replica was not ready meanwhile"},
}

// runUsual is that of phaseRun: both of its parts.
const runUsual = 5

const millisecond = evidence.Seconds(0.001)

func round(s evidence.Seconds) evidence.Seconds {
	return evidence.Seconds(math.Round(float64(s)*1000) / 1000)
}

// phasesOf cuts the time from the kill to the recovery, or to the end of the observation, at the moments. What was seen
// after an effect of itself happened before that effect: sight comes late, never early. So each moment counts as the
// earliest of itself and all further down.
func phasesOf(r evidence.GameDay, took evidence.Seconds) []*Phase {
	seen := moments(r)
	next := took
	ends := make([]evidence.Seconds, len(steps))
	for i := len(steps) - 1; i >= 0; i-- {
		if at, is := seen[steps[i].moment]; is {
			next = max(0, min(next, at))
			ends[i] = next
		}
	}
	var phases []*Phase
	at := evidence.Seconds(0)
	add := func(s step, end evidence.Seconds) *Phase {
		p := &Phase{Name: s.phase, From: at, Took: round(end - at), Usual: s.usual, Look: s.look}
		p.Unexplained = p.Took
		phases, at = append(phases, p), end
		return p
	}
	_, parted := seen[evidence.MomentStartup]
	last := -1 // the step that ended last
	for i, s := range steps {
		if _, is := seen[s.moment]; is {
			add(s.named(parted), ends[i])
			last = i
		}
	}
	if r.Recovery == 0 {
		add(awaited(r, last).named(parted), took).Open = true
	}
	return phases
}

// named is the step as it is called where the record does not tell when the startup probe had passed.
func (s step) named(parted bool) step {
	if s.moment == evidence.MomentReady && !parted {
		s.phase, s.usual = phaseRun, runUsual
	}
	return s
}

// awaited is the step that was never reached: the first one after the last that was, of those that each pod goes
// through.
func awaited(r evidence.GameDay, last int) step {
	for _, s := range steps[last+1:] {
		switch s.moment {
		case evidence.MomentVolumes, evidence.MomentStartup:
		case evidence.MomentInitialized:
			if len(r.Settings.InitContainers) > 0 {
				return s
			}
		default:
			return s
		}
	}
	return steps[len(steps)-1]
}

// moments are those of the timeline that end phases, the first of each name. Without init containers, a pod is
// Initialized before its sandbox is there, which says nothing; and of the images only the service's own counts, as its
// event tells.
func moments(r evidence.GameDay) map[string]evidence.Seconds {
	seen := map[string]evidence.Seconds{}
	for _, m := range r.Timeline {
		if _, twice := seen[m.Name]; !twice {
			seen[m.Name] = m.At
		}
	}
	if len(r.Settings.InitContainers) == 0 {
		delete(seen, evidence.MomentInitialized)
	}
	if p := pulledEvent(r, r.Settings.Image); p != nil {
		seen[evidence.MomentImage] = p.At
	} else if len(r.Settings.InitContainers) > 0 {
		delete(seen, evidence.MomentImage)
	}
	delete(seen, evidence.MomentRecovered)
	if r.Recovery > 0 {
		seen[evidence.MomentRecovered] = r.Recovery
	}
	return seen
}

// tookOf is the recovery, or how long was looked for one: until the load's window ended, or the last that was seen.
func tookOf(r evidence.GameDay) evidence.Seconds {
	if r.Recovery > 0 {
		return r.Recovery
	}
	took := r.During.To
	for _, m := range r.Timeline {
		took = max(took, m.At)
	}
	for _, e := range r.Events {
		took = max(took, e.At)
	}
	return round(took)
}
