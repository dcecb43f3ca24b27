// Package lease keeps two commands of a kind apart, wherever they run, by a Lease in the cluster. Whether a holder
// lives is seen by whether it renews, and never by comparing its clock with one's own: client-go's leader election does
// so.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/internal/contract"
)

// DefaultDuration is how long a Lease has to go without a renewal, watched from here, until its holder is dead.
const DefaultDuration = 60 * time.Second

// Claim is what may be done once at a time. Rights: create, get, update and delete on leases in the namespace.
type Claim struct {
	Client          kubernetes.Interface
	Namespace, Name string        // of the Lease
	What            string        // for people: drill of task-api
	Duration        time.Duration // default: DefaultDuration
}

func (c Claim) duration() time.Duration {
	if c.Duration == 0 {
		return DefaultDuration
	}
	return c.Duration
}

// Hold takes the Lease and renews it. The context that it returns ends when the Lease is lost. Release gives it back.
// It is refusal.Refused where somebody else has it; say is told of a holder that seems dead, which is watched for the
// Lease's duration first.
func (c Claim) Hold(
	ctx context.Context, say func(string),
) (held context.Context, release func(context.Context) error, err error) {
	first, err := c.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	if c.recent(first) {
		return nil, nil, refusal.Of(c.heldBy(first))
	}
	if taken(first) {
		say(
			fmt.Sprintf(
				"the %s that %s began at %s seems dead: watching its Lease for %s", c.What, holder(first), since(first),
				c.duration(),
			),
		)
	}
	h, err := c.elect(ctx)
	if err != nil {
		return nil, nil, err
	}
	look := time.NewTicker(c.duration() / 30)
	defer look.Stop()
	for {
		select {
		case <-h.started:
			return h.held, h.release, nil
		case <-h.stopped:
			return nil, nil, context.Cause(h.held)
		case <-ctx.Done():
			return nil, nil, errors.Join(context.Cause(ctx), h.release(context.WithoutCancel(ctx)))
		case <-look.C:
		}
		now, err := c.get(ctx)
		// it lives, or somebody was quicker
		if err == nil && taken(now) && holder(now) != h.identity && renewed(first, now) {
			return nil, nil, errors.Join(refusal.Of(c.heldBy(now)), h.release(ctx))
		}
	}
}

// hold is one's own part of an election.
type hold struct {
	Claim
	identity string
	held     context.Context
	end      context.CancelFunc // ends the renewing
	started  chan struct{}
	stopped  chan struct{}
}

// elect stands for election in the background.
func (c Claim) elect(ctx context.Context) (*hold, error) {
	held, lose := context.WithCancelCause(ctx)
	// an interrupt does not end it: what was begun is cleaned up first
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	h := &hold{
		Claim:    c,
		identity: identity(),
		held:     held,
		end:      end,
		started:  make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Name: c.Name, Namespace: c.Namespace},
			Client:    c.Client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{
				Identity: h.identity,
			},
			Labels: map[string]string{contract.LabelManagedBy: "opex"},
		},
		LeaseDuration: c.duration(), RenewDeadline: c.duration() * 3 / 4, RetryPeriod: c.duration() / 12,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(h.started) },
			OnStoppedLeading: func() {
				lose(
					fmt.Errorf(
						"the Lease %s/%s is lost, or was given back: another %s may begin", c.Namespace, c.Name, c.What,
					),
				)
			},
		},
	})
	if err != nil {
		end()
		return nil, fmt.Errorf("lease %s/%s, which keeps two of a kind apart: %w", c.Namespace, c.Name, err)
	}
	go func() {
		defer close(h.stopped)
		elector.Run(running)
	}()
	return h, nil
}

// release ends the renewing and deletes the Lease, if it is one's own still. Twice is no error.
func (h *hold) release(ctx context.Context) error {
	h.end()
	<-h.stopped
	last, err := h.get(ctx)
	if err != nil || last == nil || holder(last) != h.identity {
		return err
	}
	err = h.Client.CoordinationV1().Leases(h.Namespace).Delete(
		ctx,
		h.Name,
		metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &last.UID, ResourceVersion: &last.ResourceVersion},
		},
	)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is no longer this one's
	}
	return err
}

// Taken says who has the Lease now, or nothing. It takes nothing: Hold does.
func (c Claim) Taken(ctx context.Context) []string {
	lease, err := c.get(ctx)
	switch {
	case err != nil:
		return []string{err.Error()}
	case c.recent(lease):
		return []string{c.heldBy(lease)}
	}
	return nil
}

// get returns the Lease; nil: there is none.
func (c Claim) get(ctx context.Context) (*coordinationv1.Lease, error) {
	lease, err := c.Client.CoordinationV1().Leases(c.Namespace).Get(ctx, c.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lease %s/%s, which keeps two of a kind apart: %w", c.Namespace, c.Name, err)
	}
	return lease, nil
}

func (c Claim) heldBy(lease *coordinationv1.Lease) string {
	return fmt.Sprintf(
		"another %s runs: %s, since %s (Lease %s/%s). Wait for its end; if it is dead, its Lease can be taken over %.0f s after its last sign of life",
		c.What, holder(lease), since(lease), c.Namespace, c.Name, c.duration().Seconds(),
	)
}

// recent says that a Lease was renewed a short while ago, by this clock: reason enough to refuse at once, and never to
// take it over.
func (c Claim) recent(lease *coordinationv1.Lease) bool {
	return taken(lease) && lease.Spec.RenewTime != nil && time.Since(lease.Spec.RenewTime.Time) < c.duration()
}

func taken(lease *coordinationv1.Lease) bool { return lease != nil && holder(lease) != "" }

// renewed says that a Lease changed.
func renewed(was, is *coordinationv1.Lease) bool {
	return was == nil || was.UID != is.UID || was.ResourceVersion != is.ResourceVersion
}

// identity is one's own, as nobody else has it: two containers may have process 1 on the same host name.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("process %d on %s, %.6s", os.Getpid(), host, rand.Text())
}

func holder(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func since(lease *coordinationv1.Lease) string {
	if lease.Spec.AcquireTime == nil {
		return "an unknown time"
	}
	return lease.Spec.AcquireTime.UTC().Format(time.RFC3339)
}
