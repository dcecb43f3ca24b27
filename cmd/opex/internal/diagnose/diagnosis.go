// Package diagnose names the slow phase of a recovery and its cause, from the record of a Game Day or from a pod that
// is slow now. It never guesses: a cause is named where events, settings or counters of the record show it, and seconds
// that nothing shows remain unexplained.
package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Causes that are known.
const (
	NotCreated    = "replacement-blocked" // a quota or an admission policy refuses the pod
	Scheduling    = "scheduling"          // no node takes it
	Volume        = "volume-attach"       // claims, disks and mounts
	Sandbox       = "sandbox"             // network and runtime of the node
	ImagePull     = "image-pull"          //
	InitContainer = "init-container"      //
	Config        = "container-config"    // the container cannot be made
	CrashLoop     = "crash-loop"          //
	ProbeSettings = "probe-settings"      // the settings alone, however quick the program is
	Database      = "database-reconnect"  // the program runs and says that it is not ready
	Throttling    = "cpu-throttling"      //
	SlowStart     = "slow-start"          // the program itself: what is left when nothing else explains its time
)

// Diagnosis is what took the time.
type Diagnosis struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Namespace   string `json:"namespace"`
	About       string `json:"about"` // which kill, or which pod

	Took      evidence.Seconds `json:"seconds"` // until the recovery; if there was none, until the observation ended
	Recovered bool             `json:"recovered"`
	Objective evidence.Seconds `json:"objectiveSeconds,omitempty"` // 0: none is known

	// Slow says that there was no recovery, that it took longer than the objective, or that a phase took longer than
	// usual.
	Slow        bool             `json:"slow"`
	Phases      []Phase          `json:"phases"`   // their sum is Took
	Findings    []Finding        `json:"findings"` // by seconds, the most first
	Unexplained evidence.Seconds `json:"unexplainedSeconds"`
}

// Finding is one cause.
type Finding struct {
	Cause    string           `json:"cause"`
	Phase    string           `json:"phase"`
	Seconds  evidence.Seconds `json:"seconds"` // that it explains; no second is explained twice
	Share    float64          `json:"share"`   // of Took
	Evidence []string         `json:"evidence"`
	Proof    string           `json:"proof"` // what would prove it beyond doubt
	Fix      Fix              `json:"fix"`
}

// Fix is what to change.
type Fix struct {
	Words    string   `json:"words"`
	Settings []Change `json:"settings,omitempty"` // of the stack file, where it has a key for it
	// Requests are resources (cpu, memory) whose request is too large for the nodes: Advise knows to what they can be
	// lowered.
	Requests []string `json:"requests,omitempty"`
}

// Change is one value of a service in the stack file.
type Change struct {
	Keys []string `json:"keys"` // from the service's entry on
	From string   `json:"from"`
	To   string   `json:"to"`
}

// Explain diagnoses one kill, or one slow pod that Live made a record of. A record without a kill is an error.
func Explain(r evidence.GameDay) (Diagnosis, error) {
	if r.KilledAt.IsZero() {
		return Diagnosis{}, fmt.Errorf(
			"%s: nothing was killed in %s, so there is no recovery to explain%s", r.Service, About(r),
			because(r.Reasons),
		)
	}
	q := newInquiry(r)
	for _, rule := range rules {
		rule(q)
	}
	d := Diagnosis{Service: r.Service, Environment: r.Environment, Namespace: r.Namespace, About: About(r),
		Took: q.took, Recovered: r.Recovery > 0, Objective: r.Objectives.Recovery, Findings: q.findings}
	for _, p := range q.phases {
		d.Phases = append(d.Phases, *p)
		d.Slow = d.Slow || p.Took > p.Usual
		d.Unexplained = round(d.Unexplained + p.Unexplained)
	}
	d.Slow = d.Slow || !d.Recovered || d.Objective > 0 && d.Took > d.Objective
	for i := range d.Findings {
		d.Findings[i].Share = float64(d.Findings[i].Seconds) / float64(max(d.Took, millisecond))
	}
	slices.SortStableFunc(d.Findings, func(a, b Finding) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return d, nil
}

// About says which kill or pod a record is of.
func About(r evidence.GameDay) string {
	switch {
	case r.Run.ID == "":
		return "pod " + cmp.Or(r.Replacement.Name, "that is missing")
	case r.Run.Of > 1:
		return fmt.Sprintf("kill %d of %d of Game Day %s", r.Run.Index, r.Run.Of, r.Run.ID)
	}
	return "Game Day " + r.Run.ID
}

func because(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return ": " + strings.Join(reasons, "; ")
}
