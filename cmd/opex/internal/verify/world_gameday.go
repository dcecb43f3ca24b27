package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

// production is the environment in which nothing is broken on purpose.
const production = "production"

// gameDays are the kills of a service's newest run, in their order.
func (w *World) gameDays(ctx context.Context, service string) ([]evidence.GameDay, error) {
	return w.kills.get(service, func() ([]evidence.GameDay, error) {
		maps, err := w.evidenceIn(ctx, w.Outputs.Chaos.Namespace, evidence.KindGameDay)
		if err != nil {
			return nil, err
		}
		all, err := evidence.Kills(maps, service)
		return evidence.NewestRun(all), err
	})
}

// ofEachKill judges a service by the kills of its newest Game Day: every one has to be good. The measure says which is shown for all.
func ofEachKill(measure func(kill) float64, judge func(kill) Result) func(context.Context, *World, string, contract.Service) Result {
	return func(ctx context.Context, w *World, name string, service contract.Service) Result {
		again := "opex gameday --service " + name
		switch {
		case w.Outputs.Environment == production:
			return notApplicable("nothing is broken on purpose in production; the staging stack proves it")
		case w.Outputs.Chaos == nil:
			return unproven("chaos is off in this stack", "Set opex:chaos.enabled to true and run `pulumi up`, then "+again)
		case service.Chaos == nil && service.NoChaos != "":
			return notApplicable("the service is never tried: " + service.NoChaos)
		case service.Chaos == nil:
			return unproven("the stack's outputs have no experiment for the service", writeOutputs)
		}
		objectives, err := readObjectives(*service.Chaos)
		if err != nil {
			return unproven("the stack's outputs: "+err.Error(), writeOutputs)
		}
		records, err := w.gameDays(ctx, name)
		switch {
		case err != nil:
			return unproven(err.Error(), nextForRecords(err, again))
		case len(records) == 0:
			return unproven("there was no Game Day of the service yet", again)
		}
		if why := w.notThisRun(records, name, service, objectives); why != "" {
			return unproven("the newest Game Day does not count: "+why, again, runFacts(records)...)
		}
		worstFirst := slices.SortedStableFunc(slices.Values(records), func(a, b evidence.GameDay) int {
			return cmp.Compare(measure(kill{b, objectives}), measure(kill{a, objectives}))
		})
		var results []Result
		for _, r := range worstFirst {
			one := judge(kill{r, objectives})
			if one.Verdict == Fail {
				one.Next = "opex diagnose --service " + name + " says what was slow and what to change; then " + again
			} else if one.Verdict == Unproven {
				one.Next = again
			}
			results = append(results, one)
		}
		result := worst(results)
		if of := records[0].Run.Of; result.Verdict == Pass && len(records) != of {
			result = unproven(fmt.Sprintf("the newest Game Day was to be %d kills, and %d were made", of, len(records)), again+fmt.Sprintf(" --repeat %d", of), result.Evidence...)
		}
		if result.Verdict == Pass {
			result.Actual = fmt.Sprintf("%s at worst of %s, %s", result.Actual, kills(len(records)), w.ago(records[0].StartedAt))
		}
		return result
	}
}

// kill is one of a Game Day, and what is wanted of it now.
type kill struct {
	evidence.GameDay
	objectives
}

// objectives are those of a contract.ChaosPlan, read.
type objectives struct{ recovery, p95, age time.Duration }

func readObjectives(p contract.ChaosPlan) (o objectives, err error) {
	var wrong []error
	for _, d := range []struct {
		name, text string
		into       *time.Duration
	}{{"recovery", p.Recovery, &o.recovery}, {"p95", p.P95, &o.p95}, {"gameDayAge", p.GameDayAge, &o.age}} {
		var err error
		if *d.into, err = time.ParseDuration(d.text); err != nil || *d.into <= 0 {
			wrong = append(wrong, fmt.Errorf("chaos.%s is %q, want a duration such as 30s", d.name, d.text))
		}
	}
	return o, errors.Join(wrong...)
}

// notThisRun says why records say nothing about the service as it stands, or nothing.
func (w *World) notThisRun(records []evidence.GameDay, name string, service contract.Service, o objectives) string {
	seen := map[int]bool{}
	for _, r := range records {
		for _, c := range []struct{ what, is, want string }{
			{"cluster", r.ClusterUID, w.Outputs.Cluster.UID}, {"environment", r.Environment, w.Outputs.Environment}, {"service", r.Service, name},
			{"namespace", r.Namespace, service.Namespace}, {"Schedule", r.Experiment.Schedule, service.Chaos.Schedule},
			{"kind", r.Experiment.Kind, service.Chaos.Kind}, {"action", r.Experiment.Action, service.Chaos.Action},
		} {
			if c.is != c.want {
				return fmt.Sprintf("its %s is %q, this one is %q", c.what, c.is, c.want)
			}
		}
		age := w.Now.Sub(r.StartedAt)
		switch {
		case age < -slack:
			return fmt.Sprintf("it is of %s, which cannot be: compare the clocks", utc(r.StartedAt))
		case age > o.age:
			return fmt.Sprintf("it is %s old, want %s at most", span(age), exact(o.age))
		case r.Run.Index < 1 || r.Run.Index > r.Run.Of || seen[r.Run.Index]:
			return fmt.Sprintf("its kills are not numbered as they are made: %d of %d", r.Run.Index, r.Run.Of)
		case r.Replicas != service.Replicas:
			return fmt.Sprintf("it was of %d replicas, the stack has %d", r.Replicas, service.Replicas)
		}
		seen[r.Run.Index] = true
	}
	return ""
}

func kills(n int) string {
	if n == 1 {
		return "1 kill"
	}
	return fmt.Sprintf("%d kills", n)
}

func runFacts(records []evidence.GameDay) []Fact {
	var facts []Fact
	for _, r := range records {
		facts = append(facts, kill{GameDay: r}.fact("verdict", r.Verdict))
	}
	return facts
}

// fact is evidence on one kill.
func (k kill) fact(what, value string) Fact {
	return Fact{fmt.Sprintf("kill %d of %d, %s: %s", k.Run.Index, k.Run.Of, utc(k.StartedAt), what), fmt.Sprintf("%s (ConfigMap %s)", value, k.Name())}
}

// unclear says why a record proves nothing, whatever its figures and whatever it failed by.
func (k kill) unclear() string {
	if k.Verdict == evidence.Unproven {
		return "the Game Day proved nothing: " + strings.Join(k.Reasons, "; ")
	}
	return strings.Join(k.Unclear(), "; ")
}

// moment is when something was seen, from the kill.
func (k kill) moment(name string) (at evidence.Seconds, seen bool) {
	for _, m := range k.Timeline {
		if m.Name == name {
			return m.At, true
		}
	}
	return 0, false
}

// latency writes a latency for people.
func latency(s evidence.Seconds) string { return fmt.Sprintf("%.1f ms", float64(s)*1000) }
