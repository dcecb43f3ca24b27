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
	"github.com/opex-project/opex/cmd/opex/internal/load"
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
	// Passing are labels of the experiments and records, for who deletes them again should the Game Day die; nil where records are kept.
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
func (s *Site) kill(ctx context.Context, generator *load.Generator, run evidence.Run, o Options) (evidence.GameDay, error) {
	record := s.record(run, time.Now())
	var declared chaosmesh.Schedule
	var err error
	if record.Interlock, declared, err = s.interlock(ctx); err != nil {
		return record, err
	}
	after := context.WithoutCancel(ctx) // what was begun is ended whatever happens
	watching, stopWatching := context.WithCancel(after)
	defer stopWatching()
	observer, err := observe(watching, s.Cluster.Config, s.Service.Namespace, labels.SelectorFromSet(s.Service.Selector).String(), s.address)
	if err != nil {
		return record, err
	}
	plan := s.plan(o)
	attack, err := generator.Attack(ctx, plan)
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
	shot := chaosmesh.Experiment{Kind: declared.Kind, Name: s.shotName(fmt.Sprintf("%s-%d", run.ID, run.Index))}
	created := time.Now()
	var notRecovered error
	if problem == nil {
		var spec map[string]any
		spec, record.Experiment.Grace = shotSpec(declared.Experiment, observer, o.Graceful)
		record.Experiment.Name, record.Experiment.CreatedAt = shot.Name, created.UTC()
		if _, problem = s.Chaos.Create(ctx, shot.Kind, shot.Name, o.labels(), spec, false); problem == nil {
			if problem = s.recover(ctx, observer, attack, created, shot); errors.Is(problem, errNotRecovered) {
				problem, notRecovered = nil, problem
			}
			problem = errors.Join(problem, s.pause(ctx, o.After))
			shot = s.last(after, shot) // before it is let go, and not at once: Chaos Mesh tells what it did some time after it
		}
		problem = errors.Join(problem, s.remove(after, shot)) // a create that seemed to fail may have succeeded
	}

	// The end, in this order: the load, then what became of the writes.
	totals, err := attack.Stop(after)
	problem = errors.Join(problem, err)
	if err == nil {
		s.Say("looking for each acknowledged write")
		record.Writes, err = attack.Check(after)
		problem = errors.Join(problem, err)
	}
	if err := s.tidy(ctx, attack.Close); err != nil {
		problem = errors.Join(problem, err)
		record.Writes = s.sweep(after, attack.Written())
	}
	seen, _, broken := observer.so()
	problem = errors.Join(problem, broken)
	s.fill(after, &record, tell(seen, created, s.Service.Replicas, s.Service.Container), shot, attack.Samples(), totals, plan)
	judge(&record, problem, notRecovered)
	record.FinishedAt = time.Now().UTC()
	return record, nil
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
	plan := load.Plan{URL: s.Service.URL, Rate: l.Rate, Reads: l.Reads, WriteShare: l.WriteShare, Timeout: load.DefaultTimeout,
		Limit: o.Steady + s.limit + o.After + time.Minute}
	if o.Rate > 0 {
		plan.Rate = o.Rate
	}
	if l.Write != nil {
		plan.Write = &load.Write{Path: l.Write.Path, Body: []byte(l.Write.Body)}
	}
	return plan
}

// steady is the hypothesis: the objectives hold while nothing is wrong. Where they do not, a kill would prove nothing.
func (s *Site) steady(attack *load.Attack, o *observer) error {
	now := time.Now()
	samples := attack.Samples()
	if len(samples) == 0 {
		return errors.New("no steady state, so nothing was killed: not one answer came")
	}
	w := load.Window(samples, samples[0].Due, now, now)
	var wrong []string
	if w.ServerErrors > 0 {
		wrong = append(wrong, fmt.Sprintf("%d answers of 500 and above", w.ServerErrors))
	}
	for _, kind := range slices.Sorted(maps.Keys(w.TransportErrors)) {
		wrong = append(wrong, fmt.Sprintf("%d requests without an answer (%s)", w.TransportErrors[kind], kind))
	}
	if w.P95 > evidence.Latency(s.p95) {
		wrong = append(wrong, fmt.Sprintf("P95 is %s, the objective %s", millis(w.P95), s.p95))
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

// recover waits until all is as before, and says why it will not be.
func (s *Site) recover(ctx context.Context, o *observer, attack *load.Attack, created time.Time, shot chaosmesh.Experiment) error {
	limit := time.NewTimer(s.limit)
	defer limit.Stop()
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
		switch {
		case broken != nil:
			return broken
		case !story.recovered.IsZero():
			return nil
		case story.killed.IsZero() && time.Since(created) > shotWithin:
			last := s.last(ctx, shot)
			return fmt.Errorf("nothing was killed within %s; Chaos Mesh says selected: %v, injected: %v, targets: %v %s", shotWithin, last.Selected, last.AllInjected,
				last.Targets, strings.Join(last.Failures, "; "))
		case s.isHopeless(attack, created):
			return fmt.Errorf("%w: most requests still fail %s after the kill, so it was ended early", errNotRecovered, time.Since(created).Round(time.Second))
		}
		select {
		case <-next:
		case <-look.C:
		case <-ctx.Done():
			return interrupted(ctx)
		case <-limit.C:
			return fmt.Errorf("%w within %s (limit of the stack's config)", errNotRecovered, s.limit)
		}
	}
}

// isHopeless says that the service stays broken for most of its users after the time in which it should have recovered.
func (s *Site) isHopeless(attack *load.Attack, created time.Time) bool {
	now := time.Now()
	if now.Sub(created) < s.recovery+hopeless {
		return false
	}
	w := load.Window(attack.Samples(), now.Add(-hopeless), now, now)
	failed := w.ServerErrors
	for _, n := range w.TransportErrors {
		failed += n
	}
	return w.Requests > 0 && failed*2 > w.Requests
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
			return fmt.Errorf("%s %s/%s is left: %w. It goes when Chaos Mesh's controller runs: kubectl --namespace %s get pods", shot.Kind, s.Service.Namespace,
				shot.Name, err, s.Lab.Namespace)
		}
		time.Sleep(250 * time.Millisecond)
	}
}
