package review

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

var survivalRules = []Rule{
	{ID: "SUR-01", Title: "A service that pods are killed of has two or more", Criteria: []string{"SC-008", "SC-009"},
		Why: "While the only one is replaced, nobody answers.", relates: true, check: moreThanOne},
	{ID: "SUR-02", Title: "A service of several pods has a disruption budget", Why: "A drained node may take all of them at once otherwise.", relates: true, check: budgetExists},
	{ID: "SUR-03", Title: "A disruption budget leaves room", Why: "One without room blocks every drain of a node, and with it every upgrade.", relates: true, check: budgetHasRoom},
	{ID: "SUR-04", Title: "A container that is asked has a readiness probe", Criteria: []string{"SC-009"},
		Why: "Without one a pod gets requests before it can answer them.", relates: true, check: readinessExists},
	{ID: "SUR-05", Title: "Probes let a new pod be ready within the recovery objective", Criteria: []string{"SC-008"},
		Why: "Delays and periods are waited for even by a program that is ready at once.", relates: true, check: probesAreQuick},
	{ID: "SUR-06", Title: "A pod's grace is longer than its preStop", Criteria: []string{"SC-009"},
		Why: "Grace counts from the beginning of preStop: what is left is all that the program has to finish.", check: graceIsEnough},
	{ID: "SUR-07", Title: "A pod waits before it ends", Criteria: []string{"SC-009"},
		Why: "Requests come in until every node knows that it leaves; without preStop they meet a closed door.", relates: true, check: podsWait},
	{ID: "SUR-08", Title: "A rollout takes no pod away before the next is there", Criteria: []string{"SC-009"},
		Why: "With Recreate nobody answers meanwhile; with 100% unavailable neither.", relates: true, check: rolloutsAreSafe},
	{ID: "SUR-09", Title: "Pods of a service prefer different nodes", Why: "Several pods on one node are one pod when the node goes.", relates: true, check: podsSpread},
	{ID: "SUR-10", Title: "A Service finds pods", Criteria: []string{"SC-009"}, Why: "One that finds none answers nobody.", relates: true, check: servicesFindPods},
	{ID: "SUR-11", Title: "Images have a tag that stays", Why: "What latest is, changes between two restarts of one pod.", check: imagesArePinned},
	{ID: "SUR-12", Title: "Pods fit the namespace's Pod Security Standard", Criteria: []string{"SC-008"},
		Why: "The API server refuses them, and the rollout stands still without an error.", relates: true, check: podsAreRestricted},
}

// AnnotationRecovery on an experiment is how long a recovery may take, as a duration of Go. Unset: 30s.
const AnnotationRecovery = "opex/recovery"

// answering are Deployments whose pods a Service finds.
func (s *world) answering() []workload {
	return keep(s.served(), func(w workload) bool {
		return w.Kind() == "Deployment" && slices.ContainsFunc(s.of("", "Service"), func(o Object) bool { return finds(o, w) })
	})
}

// asked says whether requests come to a container: it has ports, or it is the only one.
func asked(containers map[string]map[string]any, where string) bool {
	return len(list(containers[where]["ports"])) > 0 || len(containers) == 1
}

func finds(service Object, w workload) bool {
	if service.Namespace() != w.Namespace() {
		return false
	}
	selector := service.get("spec.selector")
	return len(texts(selector)) > 0 && selects(map[string]any{"matchLabels": selector}, w.podLabels())
}

func moreThanOne(s *world) (found []Finding) {
	for _, e := range s.hitting() {
		for _, w := range s.hit(e) {
			if n, is := s.replicas(w); is && n < 2 {
				f := Finding{Object: w.Object, Path: path("spec.replicas"), Says: fmt.Sprintf("is %d, and %s kills one", n, e)}
				if w.get("spec.replicas") != nil { // unset it is the least of a HorizontalPodAutoscaler, or has a reason
					f.Fix = []Edit{{f.Path, 2.0}}
				}
				found = append(found, f)
			}
		}
	}
	return found
}

func (s *world) budgets(w workload) []Object {
	return keep(s.of("policy", "PodDisruptionBudget"), func(o Object) bool {
		return o.Namespace() == w.Namespace() && selects(o.get("spec.selector"), w.podLabels())
	})
}

// several is a number of pods in words.
func several(n int, is bool) string {
	if !is {
		return "several"
	}
	return itoa(n)
}

func budgetExists(s *world) (found []Finding) {
	for _, w := range s.served() {
		if n, is := s.replicas(w); (n > 1 || !is) && len(s.budgets(w)) == 0 {
			found = append(found, Finding{Object: w.Object, Path: path("spec.replicas"), Says: fmt.Sprintf("are %s, and no PodDisruptionBudget finds its pods", several(n, is))})
		}
	}
	return found
}

func budgetHasRoom(s *world) (found []Finding) {
	for _, w := range s.served() {
		for _, b := range s.budgets(w) {
			most, least := b.get("spec.maxUnavailable"), b.get("spec.minAvailable")
			n, is := s.replicas(w)
			switch {
			case most != nil && (number(most, 1) == 0 || text(most) == "0%" || text(most) == "0"):
				at := path("spec.maxUnavailable")
				found = append(found, Finding{Object: b, Path: at, Says: fmt.Sprintf("is %v: no pod of %s may go", most, w), Fix: []Edit{{at, 1.0}}})
			case least != nil && is && n > 0 && share(least, n) >= n || text(least) == "100%":
				at := path("spec.minAvailable")
				found = append(found, Finding{Object: b, Path: at, Says: fmt.Sprintf("is %v of %d: no pod of %s may go", least, n, w), Fix: []Edit{{at, nil}, {path("spec.maxUnavailable"), 1.0}}})
			}
		}
	}
	return found
}

// share is a number of pods, or a percentage of n that is rounded up, as budgets reckon.
func share(value any, n int) int {
	if percent, is := strings.CutSuffix(text(value), "%"); is {
		part, _ := strconv.Atoi(percent)
		return (part*n + 99) / 100
	}
	return int(number(value, 0))
}

func readinessExists(s *world) (found []Finding) {
	for _, w := range s.answering() {
		containers := w.containers()
		for _, where := range sorted(containers) {
			if asked(containers, where) && containers[where]["readinessProbe"] == nil {
				found = append(found, Finding{Object: w.Object, Path: path(where, "readinessProbe"), Says: fmt.Sprintf("container %s has none", text(containers[where]["name"]))})
			}
		}
	}
	return found
}

// probeWait is the least that a probe makes a program wait which is ready at once, and the most.
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
			containers := w.containers()
			for _, where := range sorted(containers) {
				startup, readiness := get(containers[where], "startupProbe"), get(containers[where], "readinessProbe")
				wait := probeWait(startup, true) + probeWait(readiness, startup == nil)
				if startup != nil && readiness != nil { // the first question after the startup probe comes within a period
					wait += time.Duration(number(get(readiness, "periodSeconds"), 10)) * time.Second
				}
				if wait >= objective {
					found = append(found, Finding{Object: w.Object, Path: path(where, "readinessProbe"), Says: fmt.Sprintf(
						"container %s may wait %s for its probes alone, and the objective is %s", text(containers[where]["name"]), wait, objective)})
				}
			}
		}
	}
	return found
}

// preStop is how long a container's sleeps, in seconds: by its own field, or by a command, in a shell or without.
func preStop(c map[string]any) float64 {
	var command []string
	for _, word := range list(get(c, "lifecycle.preStop.exec.command")) {
		command = append(command, words(text(word))...)
	}
	if i := slices.Index(command, "sleep"); i >= 0 && i+1 < len(command) {
		if seconds, err := strconv.ParseFloat(strings.TrimSuffix(command[i+1], "s"), 64); err == nil {
			return seconds
		}
	}
	return number(get(c, "lifecycle.preStop.sleep.seconds"), 0)
}

func graceIsEnough(s *world) (found []Finding) {
	for _, w := range s.served() {
		grace := number(get(w.pod(), "terminationGracePeriodSeconds"), 30)
		containers := w.containers()
		for _, where := range sorted(containers) {
			if sleep := preStop(containers[where]); sleep > 0 && sleep >= grace {
				at := path(w.at("spec.terminationGracePeriodSeconds"))
				found = append(found, Finding{Object: w.Object, Path: at, Says: fmt.Sprintf("is %.0f, and container %s sleeps %.0f s of it in preStop", grace, text(containers[where]["name"]), sleep),
					Fix: []Edit{{at, sleep + 30}}})
			}
		}
	}
	return found
}

func podsWait(s *world) (found []Finding) {
	for _, w := range s.answering() {
		containers := w.containers()
		for _, where := range sorted(containers) {
			if asked(containers, where) && get(containers[where], "lifecycle.preStop") == nil {
				at := path(where, "lifecycle", "preStop", "sleep", "seconds")
				found = append(found, Finding{Object: w.Object, Path: at, Says: fmt.Sprintf("container %s has no preStop", text(containers[where]["name"])), Fix: []Edit{{at, 5.0}}})
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
		case kind == "Recreate":
			at := path("spec.strategy.type")
			found = append(found, Finding{Object: w.Object, Path: at, Says: "is Recreate", Fix: []Edit{{at, "RollingUpdate"}}})
		case text(most) == "100%" || is && number(most, 0) >= float64(n) && number(most, 0) > 0:
			at := path("spec.strategy.rollingUpdate.maxUnavailable")
			found = append(found, Finding{Object: w.Object, Path: at, Says: fmt.Sprintf("is %v of %s", most, several(n, is)), Fix: []Edit{{at, 0.0}}})
		}
	}
	return found
}

func podsSpread(s *world) (found []Finding) {
	for _, w := range s.answering() {
		n, is := s.replicas(w)
		if is && n < 2 || len(list(get(w.pod(), "topologySpreadConstraints"))) > 0 || get(w.pod(), "affinity.podAntiAffinity") != nil {
			continue
		}
		found = append(found, Finding{Object: w.Object, Path: path(w.at("spec.topologySpreadConstraints")), Says: fmt.Sprintf("nothing keeps its %s pods apart", several(n, is)),
			Fix: []Edit{{path(w.at("spec.topologySpreadConstraints")), []any{map[string]any{"maxSkew": 1.0, "topologyKey": "kubernetes.io/hostname",
				"whenUnsatisfiable": "ScheduleAnyway", "labelSelector": copyOf(w.get("spec.selector"))}}}}})
	}
	return found
}

func servicesFindPods(s *world) (found []Finding) {
	for _, o := range s.of("", "Service") {
		if o.get("spec.selector") == nil {
			continue // its endpoints are somebody else's
		}
		if len(texts(o.get("spec.selector"))) == 0 {
			found = append(found, Finding{Object: o, Path: path("spec.selector"), Says: "is empty: it finds nothing"})
			continue
		}
		if !slices.ContainsFunc(s.in([]string{o.Namespace()}), func(w workload) bool { return finds(o, w) }) {
			found = append(found, Finding{Object: o, Path: path("spec.selector"), Says: "finds no pods in " + sought([]string{o.Namespace()}, map[string]any{"matchLabels": o.get("spec.selector")})})
		}
	}
	return found
}
