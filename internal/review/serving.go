package review

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const budgetsPage = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"

var servingRules = []Rule{
	{ID: "SUR-02", Title: "A service of several pods has a disruption budget", Severity: Warning, relates: true,
		Source: budgetsPage, Why: "Without one, a node drain may evict all of them at once.", check: budgetExists},
	{ID: "SUR-03", Title: "A disruption budget leaves room", Severity: Warning, relates: true,
		Source: budgetsPage, Why: "One without room blocks every node drain, and with it every upgrade. Two budgets over one pod do the same.", check: budgetHasRoom},
	{
		ID:       "SUR-04",
		Title:    "A container that serves requests has a readiness probe",
		Criteria: []string{"SC-009"},
		Severity: Error,
		relates:  true,
		Source:   "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
		Why:      "Without one a pod gets requests before it can answer them.",
		check:    readinessExists,
	},
	{ID: "SUR-07", Title: "A pod waits before it stops serving", Severity: Warning, relates: true,
		Source: "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
		Why:    "Requests arrive until every node knows that the pod is leaving; without preStop they fail.", check: podsWait},
	{ID: "SUR-10", Title: "A Service finds pods", Criteria: []string{"SC-009"}, Severity: Error, relates: true,
		Source: "https://kubernetes.io/docs/concepts/services-networking/service/", Why: "A Service without pods answers nobody.", check: servicesFindPods},
	{
		ID:       "SUR-13",
		Title:    "A Service sends to a port that its pods have",
		Criteria: []string{"SC-009"},
		Severity: Error,
		relates:  true,
		Source:   "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports",
		Why:      "A named target port that no container has leaves the Service without endpoints.",
		check:    portsExist,
	},
}

// answering are Deployments and their like whose pods a Service finds.
func (s *world) answering() []*workload {
	return keep(s.served(), func(w *workload) bool { return w.Kind() != "StatefulSet" && len(s.serving[w]) > 0 })
}

// asked are the containers to which Services send requests. Where a port is a number that no container declares, which
// none has to, it is the first's.
func (s *world) asked(w *workload) (found []container) {
	var is []string
	all := w.lasting()
	for _, service := range s.serving[w] {
		for _, port := range list(service.get("spec.ports")) {
			to := get(port, "targetPort")
			if to == nil {
				to = get(port, "port")
			}
			declared := keep(all, func(c container) bool { return listens(c, to) })
			if len(declared) == 0 && len(all) > 0 && text(to) == "" && !runsClient(all[0]) {
				declared = all[:1]
			}
			for _, c := range declared {
				is = append(is, c.at)
			}
		}
		if len(list(service.get("spec.ports"))) == 0 && len(all) > 0 {
			is = append(is, all[0].at)
		}
	}
	return keep(all, func(c container) bool { return slices.Contains(is, c.at) })
}

// listens says whether a container declares a port, by its name or number.
func listens(c container, port any) bool {
	return slices.ContainsFunc(list(c.get("ports")), func(p any) bool {
		if name := text(port); name != "" {
			return text(get(p, "name")) == name
		}
		return number(get(p, "containerPort"), -1) == number(port, -2)
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
		if n, is := s.replicas(w); (n > 1 || !is) && len(s.guarding[w]) == 0 {
			found = append(
				found,
				Finding{
					Object: w.Object,
					Path:   path("spec.replicas"),
					Says:   fmt.Sprintf("are %s, and no PodDisruptionBudget finds its pods", several(n, is)),
				},
			)
		}
	}
	return found
}

// percentage is what the API server takes beside a number.
var percentage = regexp.MustCompile(`^[0-9]+%$`)

// budgetHasRoom counts all pods of a budget: those of several workloads, where it finds them.
func budgetHasRoom(s *world) (found []Finding) {
	under := map[string][]*workload{}
	for _, w := range s.making {
		for i, b := range s.guarding[w] {
			under[key(b)] = append(under[key(b)], w)
			if i > 0 {
				found = append(found, Finding{Object: b, Path: path("spec.selector"),
					Says: fmt.Sprintf(
						"finds the pods of %s, which %s finds, too: Kubernetes evicts no pod that has two budgets", w,
						s.guarding[w][0],
					)})
			}
		}
	}
	for _, b := range s.of("policy", "PodDisruptionBudget") {
		for _, field := range []string{"spec.maxUnavailable", "spec.minAvailable"} {
			if value := text(b.get(field)); value != "" && !percentage.MatchString(value) {
				found = append(
					found,
					Finding{
						Object: b,
						Path:   path(field),
						Says:   fmt.Sprintf("is the text %q, want a number or a percentage such as 50%%", value),
					},
				)
			}
		}
		if workloads := under[key(b)]; len(workloads) > 0 {
			found = append(found, s.room(b, workloads)...)
		}
	}
	return found
}

func (s *world) room(b Object, workloads []*workload) (found []Finding) {
	most, least := b.get("spec.maxUnavailable"), b.get("spec.minAvailable")
	sum, known := 0, true
	for _, w := range workloads {
		n, is := s.replicas(w)
		sum, known = sum+n, known && is
	}
	switch {
	case known && sum == 0: // put to sleep
	case most != nil && (number(most, 1) == 0 || text(most) == "0%"):
		at := path("spec.maxUnavailable")
		found = append(
			found,
			Finding{
				Object: b,
				Path:   at,
				Says:   fmt.Sprintf("is %v: no pod of %s may go", most, names(workloads)),
				Fix:    []Edit{{at, 1.0}},
			},
		)
	case least != nil && known && share(least, sum) >= sum || text(least) == "100%":
		at := path("spec.minAvailable")
		found = append(
			found,
			Finding{
				Object: b,
				Path:   at,
				Says:   fmt.Sprintf("is %v of %s: no pod of %s may go", least, several(sum, known), names(workloads)),
				Fix:    []Edit{{at, nil}, {path("spec.maxUnavailable"), 1.0}},
			},
		)
	}
	return found
}

// share is a number of pods, or a percentage of n that is rounded up, as budgets count.
func share(value any, n int) int {
	if percent, is := strings.CutSuffix(text(value), "%"); is {
		part, _ := strconv.Atoi(percent)
		return (part*n + 99) / 100
	}
	return int(number(value, 0))
}

func readinessExists(s *world) (found []Finding) {
	for _, w := range s.answering() {
		for _, c := range s.asked(w) {
			if c.get("readinessProbe") == nil {
				found = append(
					found,
					Finding{
						Object: w.Object,
						Path:   path(c.at, "readinessProbe"),
						Says:   fmt.Sprintf("container %s has none", c.name()),
					},
				)
			}
		}
	}
	return found
}

func podsWait(s *world) (found []Finding) {
	for _, w := range s.answering() {
		if databaseOf(w) != nil || text(w.get("spec.strategy.type")) == "Recreate" {
			continue // no other pod answers meanwhile
		}
		for _, c := range s.asked(w) {
			if c.get("lifecycle.preStop") == nil {
				at := path(c.at, "lifecycle", "preStop", "sleep", "seconds")
				found = append(
					found,
					Finding{
						Object: w.Object,
						Path:   at,
						Says:   fmt.Sprintf("container %s has no preStop", c.name()),
						Fix:    []Edit{{at, 5.0}},
					},
				)
			}
		}
	}
	return found
}

func servicesFindPods(s *world) (found []Finding) {
	for _, o := range s.of("", "Service") {
		selector := o.get("spec.selector")
		if selector == nil || text(o.get("spec.type")) == "ExternalName" {
			continue // its endpoints are somebody else's
		}
		if len(texts(selector)) == 0 {
			found = append(found, Finding{Object: o, Path: path("spec.selector"), Says: "is empty: it finds nothing"})
			continue
		}
		space := []string{o.declared()}
		if len(s.podsOf(space, matching(selector))) == 0 {
			found = append(found, Finding{Object: o, Path: path("spec.selector"), unless: s.unknownIn(space),
				Says: "finds no pods in " + sought([]string{o.Namespace()}, matching(selector))})
		}
	}
	return found
}

func portsExist(s *world) (found []Finding) {
	to := map[string][]*workload{}
	for _, w := range s.making {
		for _, service := range s.serving[w] {
			to[key(service)] = append(to[key(service)], w)
		}
	}
	for _, o := range s.of("", "Service") {
		workloads := to[key(o)]
		for i, port := range list(o.get("spec.ports")) {
			name := text(get(port, "targetPort"))
			if name == "" || len(workloads) == 0 {
				continue
			}
			if !slices.ContainsFunc(workloads, func(w *workload) bool {
				return slices.ContainsFunc(w.lasting(), func(c container) bool { return listens(c, name) })
			}) {
				found = append(found, Finding{Object: o, Path: path("spec.ports", itoa(i), "targetPort"),
					Says: fmt.Sprintf("is %q, which no container of %s has", name, names(workloads))})
			}
		}
	}
	return found
}
