package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/internal/contract"
)

// production is the environment in which nothing is broken on purpose.
const production = "production"

// LeastKills is how many kills a service must have been through since it last changed: one proves little.
const LeastKills = 3

// keptDays are the records of one service's Game Days, the oldest first, or why they cannot be read.
type keptDays struct {
	records []evidence.GameDay
	err     error
}

// gameDays are all kills of a service that are kept, the oldest first.
func (w *World) gameDays(ctx context.Context, service string) ([]evidence.GameDay, error) {
	all, err := w.kills.get(
		ctx, "", func(ctx context.Context) (map[string]keptDays, error) { return w.allGameDays(ctx) },
	)
	if err != nil {
		return nil, err
	}
	return all[service].records, all[service].err
}

// allGameDays reads the records of all services page by page, and keeps of each what verdicts rest on: pictures would
// fill the memory.
func (w *World) allGameDays(ctx context.Context) (map[string]keptDays, error) {
	all := map[string]keptDays{}
	err := shelf.Each(
		ctx,
		w.Cluster.Client,
		w.Outputs.Chaos.Namespace,
		"",
		[]string{evidence.KindGameDay},
		func(m corev1.ConfigMap) {
			service := shelf.ServiceOf(m)
			records, err := shelf.Kills([]corev1.ConfigMap{m}, service)
			kept := all[service]
			for _, r := range records {
				r.Curve, r.Misses, r.Events, r.Interlock, r.Settings = nil, nil, nil, nil, evidence.Settings{}
				kept.records = append(kept.records, r)
			}
			kept.err = errors.Join(kept.err, err)
			all[service] = kept
		},
	)
	for _, kept := range all {
		slices.SortStableFunc(kept.records, func(a, b evidence.GameDay) int { return a.StartedAt.Compare(b.StartedAt) })
	}
	return all, err
}

// ofKills judges a service by all kills that it went through since it last changed.
func ofKills(id string) func(context.Context, *World, string, contract.Service) Result {
	return func(ctx context.Context, w *World, name string, service contract.Service) Result {
		again := "opex gameday --service " + name
		switch {
		case w.Outputs.Environment == production:
			return notApplicable("nothing is broken on purpose in production; the staging stack proves it")
		case w.Outputs.Chaos == nil:
			return unproven(
				"chaos is off in this stack", "Set opex:chaos.enabled to true and run `pulumi up`, then "+again,
			)
		case service.Chaos == nil && service.NoChaos != "":
			return notApplicable("the service is never tried: " + service.NoChaos)
		case service.Chaos == nil:
			return unproven("the stack's outputs have no experiment for the service", writeOutputs)
		}
		objectives, age, err := readObjectives(*service.Chaos)
		if err != nil {
			return unproven("the stack's outputs: "+err.Error(), writeOutputs)
		}
		records, err := w.gameDays(ctx, name)
		switch {
		case err != nil:
			return unproven(err.Error(), nextForRecords(err, again))
		case len(records) == 0:
			return unproven(
				"there was no Game Day of the service yet", fmt.Sprintf("%s --repeat %d", again, LeastKills),
			)
		}
		if why := w.newestCounts(ctx, records, name, service, age); why != "" {
			return unproven("the newest Game Day does not count: "+why, again, runFacts(evidence.NewestRun(records))...)
		}
		since := w.sinceChange(records, name, service, age)
		return w.judgeKills(id, since, objectives, name)
	}
}

// judgeKills judges kills of one setup. One that proved nothing is told of, and does not count, unless it is of the
// newest run.
func (w *World) judgeKills(id string, since []evidence.GameDay, o judge.Objectives, name string) Result {
	again := "opex gameday --service " + name
	newest := since[len(since)-1].Run
	var counted []evidence.GameDay
	for _, r := range since {
		if r.Run.ID == newest.ID || judge.Unclear(r) == "" {
			counted = append(counted, r)
		}
	}
	found := findingOf(id, counted, o)
	result := Result{Verdict: found.Verdict, Actual: found.Actual, Evidence: factsOfKills(found)}
	if found.Value > 0 && found.Value != evidence.Never {
		result = result.measured(float64(found.Value), "s", float64(found.Limit))
	}
	made := len(evidence.NewestRun(since))
	switch {
	case found.Verdict == Fail:
		result.Next = "opex diagnose --service " + name + " says what was slow and what to change; then " + again
	case found.Verdict == Unproven:
		result.Next = again
	case made != newest.Of:
		result = unproven(
			fmt.Sprintf("the newest Game Day was to be %s, and %d were made", human.Count(newest.Of, "kill"), made),
			fmt.Sprintf("%s --repeat %d", again, newest.Of),
			result.Evidence...)
	case len(counted) < LeastKills:
		result = unproven(
			fmt.Sprintf("%s since the service last changed, want %d", human.Count(len(counted), "kill"), LeastKills),
			fmt.Sprintf("%s --repeat %d", again, LeastKills-len(counted)),
			result.Evidence...)
	default:
		result.Actual = fmt.Sprintf(
			"%s at worst of %s, %s", result.Actual, human.Count(len(counted), "kill"),
			w.ago(since[len(since)-1].StartedAt),
		)
	}
	if bad, all := notGreen(since); bad > 0 {
		result.Actual += fmt.Sprintf("; %d of %s since the last change not proven", bad, human.Count(all, "run"))
	}
	return result
}

func findingOf(id string, records []evidence.GameDay, o judge.Objectives) judge.Finding {
	for _, f := range judge.Kills(records, o) {
		if f.ID == id {
			return f
		}
	}
	return judge.Finding{}
}

// notGreen counts the runs of which a kill was not proven, and all runs.
func notGreen(records []evidence.GameDay) (bad, all int) {
	green := map[string]bool{}
	for _, r := range records {
		was, known := green[r.Run.ID]
		green[r.Run.ID] = (was || !known) && r.Verdict == evidence.Proven
	}
	for _, is := range green {
		if !is {
			bad++
		}
	}
	return bad, len(green)
}

func readObjectives(p contract.ChaosPlan) (o judge.Objectives, age time.Duration, err error) {
	var wrong []error
	for _, d := range []struct {
		name, text string
		into       *time.Duration
	}{{"recovery", p.Recovery, &o.Recovery}, {"p95", p.P95, &o.P95}, {"gameDayAge", p.GameDayAge, &age}} {
		var err error
		if *d.into, err = time.ParseDuration(d.text); err != nil || *d.into <= 0 {
			wrong = append(wrong, fmt.Errorf("chaos.%s is %q, want a duration such as 30s", d.name, d.text))
		}
	}
	return o, age, errors.Join(wrong...)
}

// newestCounts says why the newest run says nothing about the service as it stands, or nothing.
func (w *World) newestCounts(
	ctx context.Context, records []evidence.GameDay, name string, service contract.Service, limit time.Duration,
) string {
	seen := map[int]bool{}
	run := evidence.NewestRun(records)
	for _, r := range run {
		if why := w.another(r, name, service); why != "" {
			return why
		}
		age := w.Now.Sub(r.StartedAt)
		switch {
		case age < -slack:
			return fmt.Sprintf("it is of %s, which cannot be: compare the clocks", utc(r.StartedAt))
		case age > limit:
			return fmt.Sprintf("it is %s old, want %s at most", span(age), exact(limit))
		case r.Run.Index < 1 || r.Run.Index > r.Run.Of || seen[r.Run.Index]:
			return fmt.Sprintf("its kills are not numbered as they are made: %d of %d", r.Run.Index, r.Run.Of)
		}
		seen[r.Run.Index] = true
	}
	newest := run[len(run)-1]
	if judge.Unclear(newest) != "" {
		return "" // which is said then
	}
	live, err := w.deploymentsIn(ctx, service.Namespace)
	i := slices.IndexFunc(live, func(d appsv1.Deployment) bool { return d.Name == service.Deployment })
	switch {
	case err != nil:
		return fmt.Sprintf("whether the service changed since is not known: %v", err)
	case i < 0:
		return fmt.Sprintf("deployment %s is not there any more", service.Deployment)
	}
	if changed := newest.Setup.Changed(pods.Setup(&live[i], service.Container)); changed != "" {
		return "the service has changed since: " + changed
	}
	return ""
}

// another says why a record is none of this service's, or nothing.
func (w *World) another(r evidence.GameDay, name string, service contract.Service) string {
	for _, c := range []struct{ what, is, want string }{
		{"cluster", r.ClusterUID, w.Outputs.Cluster.UID}, {"environment", r.Environment, w.Outputs.Environment}, {"service", r.Service, name},
		{"namespace", r.Namespace, service.Namespace}, {"Schedule", r.Experiment.Schedule, service.Chaos.Schedule},
		{"kind", r.Experiment.Kind, service.Chaos.Kind}, {"action", r.Experiment.Action, service.Chaos.Action},
	} {
		if c.is != c.want {
			return fmt.Sprintf("its %s is %q, this one is %q", c.what, c.is, c.want)
		}
	}
	if r.Replicas != service.Replicas {
		return fmt.Sprintf("it was of %d replicas, the stack has %d", r.Replicas, service.Replicas)
	}
	return ""
}

// sinceChange are the kills of the setup that the newest one was of, back to the last change, as far as they are not
// too old.
func (w *World) sinceChange(
	records []evidence.GameDay, name string, service contract.Service, limit time.Duration,
) []evidence.GameDay {
	setup := records[len(records)-1].Setup
	first := len(records)
	for i, r := range slices.Backward(records) {
		if w.another(r, name, service) != "" || w.Now.Sub(r.StartedAt) > limit || r.Setup.Changed(setup) != "" {
			break
		}
		first = i
	}
	return records[first:]
}

func runFacts(records []evidence.GameDay) []Fact {
	var facts []Fact
	for _, r := range records {
		facts = append(facts, killFact(r, "verdict", r.Verdict))
	}
	return facts
}

func factsOfKills(f judge.Finding) []Fact {
	var facts []Fact
	for _, one := range f.Facts {
		facts = append(facts, killFact(one.Kill, one.What, one.Value))
	}
	return facts
}

// killFact is evidence on one kill.
func killFact(r evidence.GameDay, what, value string) Fact {
	return Fact{
		fmt.Sprintf("kill %d of %d, %s: %s", r.Run.Index, r.Run.Of, utc(r.StartedAt), what),
		fmt.Sprintf("%s (ConfigMap %s)", value, r.Name()),
	}
}
