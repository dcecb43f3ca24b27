package gameday

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/opex-project/opex/cmd/opex/internal/chaosmesh"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/generator"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/load"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/internal/contract"
)

// Options are those of a Game Day.
type Options struct {
	Repeat   int
	Graceful bool          // as Kubernetes ends pods, instead of a kill
	Rate     int           // per second; 0: the plan's
	Steady   time.Duration // before each kill
	After    time.Duration // after each recovery
	Go       bool          // on after a kill that failed
	// Passing are labels of the experiments and records, for who deletes them again should the Game Day die; nil where
	// records are kept.
	Passing map[string]string
}

// labels are those of an experiment.
func (o Options) labels() map[string]string {
	all := maps.Clone(managed)
	maps.Copy(all, o.Passing)
	return all
}

// Limits of a Game Day.
const (
	MaxRepeat = 100
	MaxRate   = 5000 // per second; one generator keeps its times up to there
	MaxAround = 10 * time.Minute
	// MinAround is the least of load before a kill and after its recovery: SC-009 looks at as much.
	MinAround = 10 * time.Second
	// Defaults of load around a kill.
	DefaultSteady, DefaultAfter = 15 * time.Second, 12 * time.Second

	shotWithin = 20 * time.Second // a one-shot kill is done within a second; what takes longer will not come
	goneWithin = 30 * time.Second // an experiment that is over is let go within a second
	hopeless   = 5 * time.Second  // of mostly failing requests after the objective's recovery time
	readAgain  = time.Minute      // for reading the experiment and counters once it is over
)

var managed = map[string]string{contract.LabelManagedBy: "opex"}

func (s *Site) shotName(suffix string) string { return "opex-gameday-" + s.Name + "-" + suffix }

// kill is one Game Day. The record says what was found; an error, why nothing was begun.
func (s *Site) kill(ctx context.Context, pod *generator.Pod, run evidence.Run, o Options) (evidence.GameDay, error) {
	record := s.record(run, time.Now())
	var err error
	if record.Interlock, err = s.interlock(ctx); err != nil {
		return record, err
	}
	if record.Setup, err = s.setup(ctx); err != nil {
		return record, err
	}
	after := context.WithoutCancel(ctx) // what was begun is ended whatever happens
	watching, stopWatching := context.WithCancel(after)
	defer stopWatching()
	observer, err := observe(
		watching, s.Cluster.Config, s.Service.Namespace, labels.SelectorFromSet(s.Service.Selector).String(), s.address,
	)
	if err != nil {
		return record, err
	}
	plan := s.plan(o)
	attack, err := pod.Attack(ctx, plan)
	if err != nil {
		return record, err
	}
	defer s.tidy(ctx, attack.Close) //nolint:errcheck // at its proper time it was done, and told of, below
	if err := attack.Begin(ctx); err != nil {
		return record, err
	}
	s.Say("steady state: %d requests per second for %s", plan.Rate, o.Steady)
	problem := s.pause(ctx, o.Steady)
	if problem == nil {
		problem = s.steady(attack, observer)
	}
	created := time.Now()
	if problem == nil {
		created, problem = s.shoot(ctx, observer, attack, &record, o)
	}
	totals, err := s.endLoad(ctx, attack, &record)
	problem = errors.Join(problem, err)
	seen, _, broken := observer.so()
	problem = errors.Join(problem, broken)
	told := tell(until(seen, totals.Began.Add(totals.Lasted)), created, s.Service.Replicas, s.Service.Container)
	fill(&record, told, attack, totals, plan)
	illustrate(&record, attack, totals)
	record.Blind = evidence.InSeconds(observer.blind(told.killed, told.recovered))
	if p := told.replacement; p != nil {
		record.Settings = pods.Settings(p, s.Service.Container, record.Events)
		record.Settings.Periods, record.Settings.ThrottledPeriods = s.throttled(after, p)
	}
	if problem != nil {
		for line := range strings.Lines(problem.Error()) {
			record.Problems = append(record.Problems, strings.TrimSpace(line))
		}
	}
	judge.Settle(&record)
	record.FinishedAt = time.Now().UTC()
	return record, nil
}

// shoot makes the experiment, waits for the recovery to hold, and takes the experiment away. The steady state may have
// lasted for minutes, so what must hold before a kill is asked again right before it.
func (s *Site) shoot(
	ctx context.Context, observer *observer, attack *load.Attack, record *evidence.GameDay, o Options,
) (created time.Time, problem error) {
	_, declared, problems := s.conditions(ctx)
	if err := refusal.Of(problems...); err != nil {
		return time.Now(), fmt.Errorf("it may not be done any more, so nothing was killed: %w", err)
	}
	shot := chaosmesh.Experiment{
		Kind: declared.Kind,
		Name: s.shotName(fmt.Sprintf("%s-%d", record.Run.ID, record.Run.Index)),
	}
	spec, grace := shotSpec(declared.Experiment, observer, o.Graceful)
	created = time.Now()
	record.Experiment.Name, record.Experiment.CreatedAt, record.Experiment.Grace = shot.Name, created.UTC(), grace
	after := context.WithoutCancel(ctx)
	if _, problem = s.Chaos.Create(ctx, shot.Kind, shot.Name, o.labels(), spec, false); problem == nil {
		problem = s.recover(ctx, observer, attack, created, shot, o.After)
		// before it is let go, and not at once: Chaos Mesh tells what it did some time after it
		shot = s.last(after, shot)
	}
	record.Experiment.AllInjected, record.Experiment.Targets = shot.AllInjected, shot.Targets
	return created, errors.Join(problem, s.remove(after, shot)) // a create that seemed to fail may have succeeded
}

// endLoad stops the load, looks for what it wrote, and deletes it, in this order.
func (s *Site) endLoad(ctx context.Context, attack *load.Attack, record *evidence.GameDay) (load.Totals, error) {
	after := context.WithoutCancel(ctx)
	totals, problem := attack.Stop(after)
	if problem == nil {
		s.Say("looking for each acknowledged write")
		record.Writes, problem = attack.Check(after)
	}
	if err := s.tidy(ctx, attack.Close); err != nil {
		problem = errors.Join(problem, err)
		record.Writes = s.sweep(after, attack.Written())
	}
	record.Writes.Bound()
	return totals, problem
}

// until are the sightings before the load ended: what came then, nobody asked for.
func until(seen []sighting, end time.Time) []sighting {
	n := slices.IndexFunc(seen, func(s sighting) bool { return s.at.After(end) })
	if n < 0 {
		return seen
	}
	return seen[:n]
}

// pause waits, unless the context ends.
func (s *Site) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return interrupted(ctx)
	case <-time.After(d):
		return nil
	}
}

func interrupted(ctx context.Context) error { return fmt.Errorf("interrupted: %w", context.Cause(ctx)) }

func (s *Site) plan(o Options) load.Plan {
	l := s.Plan.Load
	plan := load.Plan{
		URL:        s.Service.URL,
		Rate:       l.Rate,
		Reads:      l.Reads,
		WriteShare: l.WriteShare,
		Timeout:    load.DefaultTimeout,
		Clients:    max(load.DefaultClients, 8*s.Service.Replicas), // so that each pod has some
		Limit:      o.Steady + s.limit + 2*o.After + time.Minute,
	} // a recovery that does not hold is waited for again
	if o.Rate > 0 {
		plan.Rate = o.Rate
	}
	if l.Write != nil {
		plan.Write = &load.Write{Path: l.Write.Path, Body: []byte(l.Write.Body)}
	}
	return plan.WithDefaults()
}

// steady is the hypothesis: the objectives hold while nothing is wrong. Where they do not, a kill would prove nothing.
func (s *Site) steady(attack *load.Attack, o *observer) error {
	now := time.Now()
	w := load.Window(attack, attack.Began(), now, now, s.p95)
	if w.Requests == 0 {
		return errors.New("no steady state, so nothing was killed: not one answer came")
	}
	var wrong []string
	if w.ServerErrors > 0 {
		wrong = append(wrong, fmt.Sprintf("%d answers of 500 and above", w.ServerErrors))
	}
	for _, kind := range slices.Sorted(maps.Keys(w.TransportErrors)) {
		wrong = append(wrong, fmt.Sprintf("%d requests without an answer (%s)", w.TransportErrors[kind], kind))
	}
	if w.P95 > evidence.Latency(s.p95) {
		wrong = append(wrong, fmt.Sprintf("P95 is %s, the objective %s", human.Latency(w.P95), s.p95))
	}
	seen, _, broken := o.so()
	if broken != nil {
		wrong = append(wrong, broken.Error())
	} else if ready := len(tell(seen, now, s.Service.Replicas, s.Service.Container).before); ready != s.Service.Replicas {
		wrong = append(wrong, fmt.Sprintf("%d of %d pods are ready", ready, s.Service.Replicas))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("no steady state, so nothing was killed: %s", strings.Join(wrong, ", "))
	}
	return nil
}

// shotSpec is the experiment to make, and the grace in seconds that it gives. With grace it is the pods' own.
func shotSpec(declared map[string]any, o *observer, graceful bool) (spec map[string]any, grace int64) {
	spec = maps.Clone(declared)
	grace, _ = declared["gracePeriod"].(int64)
	if graceful {
		seen, _, _ := o.so()
		for _, change := range seen {
			if pod, is := change.object.(*corev1.Pod); is && pod.Spec.TerminationGracePeriodSeconds != nil {
				grace = *pod.Spec.TerminationGracePeriodSeconds
			}
		}
		spec["gracePeriod"] = grace
	}
	return spec, grace
}

// recover waits until all is as before and has been so for the time after, or until it is clear that it will not be.
// The error says why nothing can be said of it.
func (s *Site) recover(
	ctx context.Context, o *observer, attack *load.Attack, created time.Time, shot chaosmesh.Experiment,
	after time.Duration,
) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	s.Say("the experiment is made; waiting for the kill")
	for said := map[string]bool{}; ; {
		seen, next, broken := o.so()
		story := tell(seen, created, s.Service.Replicas, s.Service.Container)
		for _, line := range story.lines() {
			if !said[line] {
				s.Say("%s", line)
				said[line] = true
			}
		}
		var held <-chan time.Time
		switch back := !story.recovered.IsZero(); {
		case broken != nil:
			return broken
		case back && time.Since(story.recovered) >= after:
			return nil
		case back:
			held = time.After(after - time.Since(story.recovered))
		case story.killed.IsZero() && time.Since(created) > shotWithin:
			last := s.last(ctx, shot)
			return fmt.Errorf(
				"nothing was killed within %s; Chaos Mesh says selected: %v, injected: %v, targets: %v %s", shotWithin,
				last.Selected, last.AllInjected, last.Targets, strings.Join(last.Failures, "; "),
			)
		case s.isHopeless(attack, created):
			s.Say("most requests still fail %s after the kill: it is ended early", human.Duration(time.Since(created)))
			return nil
		case time.Since(created) > s.limit:
			s.Say("not recovered within %s, the limit of the stack's config", s.limit)
			return nil
		}
		select {
		case <-next:
		case <-held:
		case <-look.C:
		case <-ctx.Done():
			return interrupted(ctx)
		}
	}
}

// isHopeless says that the service stays broken for most of its users after the time in which it should have recovered.
func (s *Site) isHopeless(attack *load.Attack, created time.Time) bool {
	now := time.Now()
	if now.Sub(created) < s.recovery+hopeless {
		return false
	}
	w := load.Window(attack, now.Add(-hopeless), now, now, s.p95)
	return w.Requests > 0 && (w.ServerErrors+w.Unanswered())*2 > w.Requests
}

// last is the experiment as it is now, or as it was known.
func (s *Site) last(ctx context.Context, shot chaosmesh.Experiment) chaosmesh.Experiment {
	ctx, cancel := context.WithTimeout(ctx, readAgain)
	defer cancel()
	if found, err := s.Chaos.Get(ctx, shot.Kind, shot.Name); err == nil {
		return found
	}
	return shot
}

// remove deletes the experiment and waits until it is gone.
func (s *Site) remove(ctx context.Context, shot chaosmesh.Experiment) error {
	for began := time.Now(); ; {
		err := s.Chaos.Delete(ctx, shot.Kind, shot.Name)
		if err == nil {
			var left chaosmesh.Experiment
			left, err = s.Chaos.Get(ctx, shot.Kind, shot.Name)
			if apierrors.IsNotFound(err) {
				return nil
			}
			if err == nil {
				err = fmt.Errorf("it is being deleted, held by %v", left.Finalizers)
			}
		}
		if time.Since(began) > goneWithin {
			return fmt.Errorf(
				"%s %s/%s is left: %w. It goes when Chaos Mesh's controller runs: kubectl --namespace %s get pods",
				shot.Kind, s.Service.Namespace, shot.Name, err, s.Lab.Namespace,
			)
		}
		time.Sleep(250 * time.Millisecond)
	}
}
