package review

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var survivalRules = []Rule{
	{
		ID:       "SUR-01",
		Title:    "A service whose pods are killed has two or more",
		Criteria: []string{"SC-008", "SC-009"},
		Severity: Error,
		relates:  true,
		Source:   "docs/gameday.md",
		Why:      "While its only pod is replaced, nobody answers.",
		check:    moreThanOne,
	},
	{
		ID:       "SUR-05",
		Title:    "Probes let a new pod be ready within the recovery objective",
		Criteria: []string{"SC-008"},
		Severity: Error,
		relates:  true,
		Source:   "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
		Why:      "A program that is ready at once still waits for delays and periods.",
		check:    probesAreQuick,
	},
	{ID: "SUR-06", Title: "A pod's grace period is longer than its preStop", Severity: Warning,
		Source: "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/",
		Why:    "The grace period starts before preStop: the program has only what is left to finish.", check: graceIsEnough},
	{ID: "SUR-08", Title: "A rollout removes no pod before the next is ready", Severity: Warning, relates: true,
		Source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy",
		Why:    "With Recreate, or with 100% unavailable, nobody answers meanwhile.", check: rolloutsAreSafe},
	{ID: "SUR-09", Title: "Pods of a service prefer different nodes", Severity: Warning, relates: true,
		Source: "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",
		Why:    "Several pods on one node fail together with the node.", check: podsSpread},
	{ID: "SUR-11", Title: "Images have a fixed tag or digest", Severity: Warning,
		Source: "https://kubernetes.io/docs/concepts/containers/images/#image-names",
		Why:    "The tag latest may change between two restarts of one pod.", check: imagesArePinned},
	{ID: "SUR-12", Title: "Pods meet the namespace's Pod Security Standard", Severity: Error, relates: true,
		Source: standardsPage, Why: "The API server refuses the pods, and the rollout stands still without an error.", check: podsAreSecure},
}

// AnnotationRecovery on an experiment is how long a recovery may take, as a duration of Go. Unset: 30s.
const AnnotationRecovery = "opex/recovery"

func moreThanOne(s *world) (found []Finding) {
	known := map[*workload]bool{} // one finding each, however many experiments hit it
	for _, e := range s.hitting() {
		if !e.selecting() || !e.removesPods() {
			continue
		}
		for _, w := range s.hit(e) {
			n, is := s.replicas(w)
			if !is || n > 1 || n == 0 || !w.stays() || known[w] {
				continue
			}
			known[w] = true
			f := Finding{
				Object: w.Object,
				Path:   path("spec.replicas"),
				Says:   fmt.Sprintf("is %d, and %s hits one", n, e),
			}
			// Unset it is the least of an autoscaler, or has a reason. Two of what keeps data are two services.
			if w.get("spec.replicas") != nil && w.Kind() == "Deployment" && !s.alone(w) && databaseOf(w) == nil {
				f.Fix = []Edit{{f.Path, 2.0}}
			}
			found = append(found, f)
		}
	}
	return found
}

// probeWait is the least that a probe makes a program wait that is ready at once.
func probeWait(p any, delayed bool) time.Duration {
	if p == nil {
		return 0
	}
	wait := (max(number(get(p, "successThreshold"), 1), 1) - 1) * number(get(p, "periodSeconds"), 10)
	if delayed {
		wait += number(get(p, "initialDelaySeconds"), 0) + number(get(p, "periodSeconds"), 10)
	}
	return time.Duration(wait) * time.Second
}

func probesAreQuick(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		objective, err := time.ParseDuration(e.annotations()[AnnotationRecovery])
		if err != nil {
			objective = 30 * time.Second
		}
		for _, w := range s.hit(e) {
			for _, c := range w.lasting() {
				startup, readiness := c.get("startupProbe"), c.get("readinessProbe")
				wait := probeWait(startup, true) + probeWait(readiness, startup == nil)
				// the first readiness probe comes within a period of the startup probe
				if startup != nil && readiness != nil {
					wait += time.Duration(number(get(readiness, "periodSeconds"), 10)) * time.Second
				}
				if wait >= objective {
					found = append(
						found,
						Finding{Object: w.Object, Path: path(c.at, "readinessProbe"), Says: fmt.Sprintf(
							"container %s may wait %s for its probes alone, and the objective is %s", c.name(), wait,
							objective,
						)},
					)
				}
			}
		}
	}
	return found
}

// preStop is how long a container's sleeps, in seconds: by its own field, or by a command, in a shell or without.
func preStop(c container) float64 {
	sum := number(c.get("lifecycle.preStop.sleep.seconds"), 0)
	for _, p := range parse(textList(c.get("lifecycle.preStop.exec.command"))).pipelines {
		for _, command := range p.commands {
			if len(command.words) < 2 || filepath.Base(command.words[0]) != "sleep" {
				continue
			}
			for _, word := range command.words[1:] { // sleep adds up what it is given
				if d, err := sleepTime(word); err == nil {
					sum += d.Seconds()
				}
			}
		}
	}
	return sum
}

func graceIsEnough(s *world) (found []Finding) {
	for _, w := range s.served() {
		grace := number(get(w.pod(), "terminationGracePeriodSeconds"), 30)
		for _, c := range w.lasting() {
			if sleep := preStop(c); sleep > 0 && sleep >= grace {
				at := path(w.field("spec.terminationGracePeriodSeconds"))
				found = append(
					found,
					Finding{
						Object: w.Object,
						Path:   at,
						Says: fmt.Sprintf(
							"is %.0f, and container %s sleeps %.0f s of it in preStop", grace, c.name(), sleep,
						),
						Fix: []Edit{{at, float64(int(sleep) + 30)}},
					},
				)
			}
		}
	}
	return found
}

func rolloutsAreSafe(s *world) (found []Finding) {
	for _, w := range s.answering() {
		n, is := s.replicas(w)
		kind, most := text(w.get("spec.strategy.type")), w.get("spec.strategy.rollingUpdate.maxUnavailable")
		switch {
		case w.Kind() != "Deployment" || is && n == 0 || s.alone(w) || databaseOf(w) != nil:
			// What one pod at a time may mount has to be let go before the next pod can start, and two databases behind
			// one Service have different data.
		case kind == "Recreate":
			at := path("spec.strategy.type")
			found = append(
				found, Finding{Object: w.Object, Path: at, Says: "is Recreate", Fix: []Edit{{at, "RollingUpdate"}}},
			)
		case text(most) == "100%" || is && number(most, 0) >= float64(n) && number(most, 0) > 0:
			at := path("spec.strategy.rollingUpdate.maxUnavailable")
			f := Finding{
				Object: w.Object,
				Path:   at,
				Says:   fmt.Sprintf("is %v of %s", most, several(n, is)),
				Fix:    []Edit{{at, 0.0}},
			}
			surge := w.get("spec.strategy.rollingUpdate.maxSurge")
			if surge != nil && (number(surge, 1) == 0 || text(surge) == "0%") { // the API server refuses 0 of both
				f.Fix = append(f.Fix, Edit{path("spec.strategy.rollingUpdate.maxSurge"), 1.0})
			}
			found = append(found, f)
		}
	}
	return found
}

// apart says whether anything keeps the pods of a workload on different nodes. What selects other pods does not, and no
// selector selects none.
func apart(w *workload) bool {
	finds := func(selector any) bool { return selector != nil && w.selected(selector) }
	spreads := slices.ContainsFunc(
		list(get(w.pod(), "topologySpreadConstraints")), func(c any) bool { return finds(get(c, "labelSelector")) },
	)
	affinity := get(w.pod(), "affinity.podAntiAffinity")
	required := slices.ContainsFunc(
		list(get(affinity, "requiredDuringSchedulingIgnoredDuringExecution")),
		func(t any) bool { return finds(get(t, "labelSelector")) },
	)
	preferred := slices.ContainsFunc(
		list(get(affinity, "preferredDuringSchedulingIgnoredDuringExecution")),
		func(t any) bool {
			return finds(get(t, "podAffinityTerm.labelSelector"))
		},
	)
	return spreads || required || preferred
}

func podsSpread(s *world) (found []Finding) {
	for _, w := range s.answering() {
		n, is := s.replicas(w)
		if is && n < 2 || apart(w) {
			continue
		}
		at := path(w.field("spec.topologySpreadConstraints"))
		f := Finding{Object: w.Object, Path: at, Says: fmt.Sprintf("nothing keeps its %s pods apart", several(n, is))}
		if constraints := list(get(w.pod(), "topologySpreadConstraints")); len(constraints) > 0 {
			f.Says += fmt.Sprintf(
				": the constraints select %s, and its pods are %s", strings.TrimSpace(selectorsOf(constraints)),
				showLabels(w.pods),
			)
		} else if w.selector() != nil {
			f.Fix = []Edit{{at, []any{map[string]any{"maxSkew": 1.0, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
				"labelSelector": copyOf(w.selector())}}}}
		}
		found = append(found, f)
	}
	return found
}

func selectorsOf(constraints []any) string {
	var all []string
	for _, c := range constraints {
		all = append(all, firstOf(showSelector(get(c, "labelSelector")), "nothing"))
	}
	return strings.Join(all, " and ")
}
