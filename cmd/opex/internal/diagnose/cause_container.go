package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"k8s.io/apimachinery/pkg/api/resource"
)

var restarting = regexp.MustCompile(`^Back-off restarting failed container (\S+)`)

// initContainers finds what ran before the service's container, less the images that were pulled for it.
func initContainers(q *inquiry) {
	p := q.phase(phaseInit)
	if p == nil {
		return
	}
	f := Finding{
		Cause: InitContainer,
		Proof: "`kubectl logs` of the replacement with -c and its name shows what it did in that time.",
	}
	slowest := slices.MaxFunc(q.Settings.InitContainers, func(a,
		b evidence.InitContainer) int {
		return int(a.Took*1000) - int(b.Took*1000)
	})
	f.Fix.Words = fmt.Sprintf(
		"Every start waits for %s: do its work once, outside of the pod (a Job, the image itself), or make "+
			"it quicker.",
		slowest.Name,
	)
	for _, e := range matching(q.GameDay, restarting, "BackOff") {
		if name := restarting.FindStringSubmatch(e.Message)[1]; q.isInit(name) {
			f.Evidence = append(f.Evidence, quote([]evidence.Event{e})...)
			f.Fix.Words = fmt.Sprintf(
				"Init container %s fails and is tried again ever more seldom: mend what its log says.", name,
			)
		}
	}
	for _, c := range q.Settings.InitContainers {
		if c.Took == 0 && p.Open {
			f.Evidence = append(
				f.Evidence, fmt.Sprintf("init container %s has not ended, or took less than a second", c.Name),
			)
			continue
		}
		f.Evidence = append(
			f.Evidence,
			fmt.Sprintf("init container %s took %s by the node's clock, which counts whole seconds",
				c.Name, Human(c.Took)),
		)
	}
	q.claim(p, p.Unexplained, f)
}

func (q *inquiry) isInit(name string) bool {
	return slices.ContainsFunc(q.Settings.InitContainers, func(c evidence.InitContainer) bool { return c.Name == name })
}

// containerConfig finds a container that cannot be made or started, though its image is there.
func containerConfig(q *inquiry) {
	failed := slices.DeleteFunc(matching(q.GameDay, regexp.MustCompile(`^Error: `), "Failed"),
		func(e evidence.Event) bool { return pullFailed.MatchString(e.Message) })
	p := q.phase(phaseStart)
	if p == nil || len(failed) == 0 {
		return
	}
	q.claim(p, p.Unexplained, Finding{Cause: Config, Evidence: quote(failed),
		Proof: "The container's state is waiting, with the same words: `kubectl get pod -o yaml`.",
		Fix: Fix{
			Words: "The container's definition does not work: an object that it names is missing, or its command. `pulumi up " +
				"--refresh` brings back what " +
				"the program declares; the image's own program is named by its image.",
		}})
}

// crashLoop finds a container that ends again and again. The time is that of its tries and of the waits between them.
func crashLoop(q *inquiry) {
	failed := slices.DeleteFunc(matching(q.GameDay, restarting, "BackOff"),
		func(e evidence.Event) bool { return q.isInit(restarting.FindStringSubmatch(e.Message)[1]) })
	killed := matching(q.GameDay, regexp.MustCompile(`failed (startup|liveness) probe, will be restarted`), "Killing")
	if len(failed) == 0 && q.Settings.Restarts == 0 {
		return
	}
	f := Finding{Cause: CrashLoop, Evidence: append(quote(killed), quote(failed)...),
		Proof: "`kubectl logs --previous` of the replacement shows why it ended.",
		Fix: Fix{
			Words: "The program ends by itself: mend what its last words say. Each wait doubles, from 10 s to 5 min.",
		}}
	f.Evidence = append(f.Evidence, fmt.Sprintf("%d restarts of the container", q.Settings.Restarts))
	if q.Settings.LastTermination != "" {
		f.Evidence = append(f.Evidence, "it ended last with "+q.Settings.LastTermination)
	}
	switch {
	case strings.HasPrefix(q.Settings.LastTermination, "OOMKilled"):
		f.Fix.Words = "The container needs more memory than its limit: raise it, then measure again."
		f.Fix.Settings = twice([]string{"resources", "limits", "memory"}, q.Settings.MemoryLimit)
	case len(killed) > 0:
		f.Fix.Words = "A probe ends the container before it is up: give the startup probe more failureThreshold, or make the start quicker."
	}
	phases := q.running()
	if p := q.phase(phaseStart); p != nil && p.Open { // it never lived long enough to be seen
		phases = append(phases, p)
	}
	for _, p := range phases {
		q.claim(p, p.Unexplained, f)
	}
}

// twice is a change of a quantity to its double; none where it is not known.
func twice(keys []string, from string) []Change {
	amount, err := resource.ParseQuantity(from)
	if from == "" || err != nil {
		return nil
	}
	double := amount.DeepCopy()
	double.Add(amount)
	return []Change{{Keys: keys, From: from, To: double.String()}}
}
