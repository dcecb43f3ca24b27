package sabotage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
)

// Around the kill of a Game Day.
const (
	around     = gameday.MinAround + time.Second
	calmWithin = 2 * time.Minute // until one may begin
	cutAfter   = "6"             // seconds: recovered, and still counted by SC-009; SC-010 looks at the recovery alone
	cutFor     = "0.4"           // seconds
	lockAfter  = "0.5"           // seconds: the dead pod gets no new connections any more, and a recovery takes longer
	lockedFor  = "1.3"           // seconds: most of a recovery, and less than a request may take
	silentFor  = "5"             // seconds: more than a request may take
)

// gameDay holds a Game Day with something going wrong beside it, which is told of the kill. Its record is deleted
// again.
func gameDay(
	wrong func(ctx context.Context, s *Site, killed <-chan struct{}) error,
) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		day, err := gameday.Open(s.Cluster, s.Outputs, s.Name, io.Discard)
		if err != nil {
			return err
		}
		if err := s.calm(ctx, day); err != nil {
			return err
		}
		// the last to be looked at
		s.later("the service's pods", func(ctx context.Context) error { return s.whole(ctx, day) })
		beside, end := context.WithCancel(ctx)
		defer end()
		killed, done := make(chan struct{}), make(chan error, 1)
		go s.watch(beside, killed)
		go func() { done <- wrong(beside, s, killed) }()
		// Its records bear the mark, and are not for keeping: none of the real ones makes room for them.
		records, err := day.Run(
			ctx, gameday.Options{Repeat: 1, Steady: around, After: around, Passing: map[string]string{mark: made}},
			func(evidence.GameDay) error { return nil },
		)
		end()
		problem := <-done
		for _, r := range records {
			at := s.objects(configMaps, s.Outputs.Chaos.Namespace)
			s.later(at.name(r.Name()), func(ctx context.Context) error { return s.remove(ctx, at, r.Name()) })
		}
		if ctx.Err() == nil {
			if err := disturbed(records); err != nil {
				return err
			}
		}
		if len(records) > 0 { // what then went wrong with it is in the record
			err = nil
		}
		if problem != nil {
			err = errors.Join(err, fmt.Errorf("beside the Game Day: %w", problem))
		}
		return err
	}
}

// disturbed says that a Game Day measured nothing, whatever was broken beside it.
func disturbed(records []evidence.GameDay) error {
	for _, r := range records {
		if r.KilledAt.IsZero() {
			return fmt.Errorf("%w: there was no kill: %s", errDisturbed, strings.Join(r.Reasons, "; "))
		}
		if starved := judge.Starved(r); starved != "" {
			return fmt.Errorf("%w: %s", errDisturbed, starved)
		}
	}
	return nil
}

// calm waits until a Game Day may begin: a service needs a moment after the one before.
func (s *Site) calm(ctx context.Context, day *gameday.Site) error {
	for began := time.Now(); ; {
		_, err := day.May(ctx)
		if err == nil || time.Since(began) > calmWithin || !sleep(ctx, time.Second) {
			return err
		}
	}
}

// whole waits until the service has all its pods again.
func (s *Site) whole(ctx context.Context, day *gameday.Site) error {
	if err := s.retryPods(ctx); err != nil {
		return err
	}
	for {
		if _, err := day.AllReady(ctx); err == nil || !sleep(ctx, time.Second) {
			return err
		}
	}
}

// retryPods has the pods that were refused asked for at once, until they are there: left alone, the ReplicaSet
// controller waits twice as long after each refusal. A change of the ReplicaSet wakes it.
func (s *Site) retryPods(ctx context.Context) error {
	sets := s.Cluster.Client.AppsV1().ReplicaSets(s.Service.Namespace)
	for {
		found, err := sets.List(
			ctx,
			metav1.ListOptions{
				LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Service.Selector}),
			},
		)
		if err != nil {
			return err
		}
		missing := 0
		for _, set := range found.Items {
			if set.Spec.Replicas == nil || set.Status.Replicas >= *set.Spec.Replicas {
				continue
			}
			missing++
			for _, value := range []string{`"now"`, `null`} {
				patch := `{"metadata":{"annotations":{"opex-sabotage/retry":` + value + `}}}`
				if _, err := sets.Patch(ctx, set.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
					return err
				}
			}
		}
		if missing == 0 {
			return nil
		}
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("%d ReplicaSets miss pods: %w", missing, ctx.Err())
		}
	}
}

// watch closes the channel as soon as a pod of the service goes, of those that were there: that is the kill, and the
// experiment is there some time before it.
func (s *Site) watch(ctx context.Context, killed chan<- struct{}) {
	var before []string
	for {
		now, err := s.pods(ctx)
		switch {
		case err != nil:
		case before == nil:
			before = now
		case slices.ContainsFunc(before, func(name string) bool { return !slices.Contains(now, name) }):
			close(killed)
			return
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return
		}
	}
}

// errDisturbed marks a Game Day that something else than its breach went wrong with: it is held again.
var errDisturbed = errors.New("no clean Game Day")
