// Package lease keeps two commands of a kind apart, wherever they run, by a Lease in the cluster.
package lease

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/internal/contract"
)

// A holder that did not renew for as long as the Lease lasts is dead.
const (
	lasts  = 60 * time.Second
	renews = 15 * time.Second
)

// Claim is what may be done once at a time. Rights: create, get, update and delete on leases in the namespace.
type Claim struct {
	Client          kubernetes.Interface
	Namespace, Name string // of the Lease
	What            string // for people: drill of task-api
}

// Hold takes the Lease and renews it. The context that it returns ends when the Lease is lost. Release gives it back. It is
// refusal.Refused where somebody else has it; say is told of a holder that died.
func (c Claim) Hold(ctx context.Context, say func(string)) (held context.Context, release func(context.Context) error, err error) {
	leases := c.Client.CoordinationV1().Leases(c.Namespace)
	who, seconds := holder(), int32(lasts/time.Second)
	now := metav1.NowMicro()
	want := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: c.Name, Namespace: c.Namespace, Labels: map[string]string{contract.LabelManagedBy: "opex"}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &who, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now},
	}
	have, err := leases.Create(ctx, want, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		old, getErr := leases.Get(ctx, c.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(getErr): // given back this moment
			have, err = leases.Create(ctx, want, metav1.CreateOptions{})
		case getErr != nil:
			return nil, nil, getErr
		case alive(old, time.Now()):
			return nil, nil, refusal.Of(c.heldBy(old))
		default:
			say(fmt.Sprintf("the %s that %s began at %s died; its Lease is taken over", c.What, deref(old.Spec.HolderIdentity), since(old.Spec.AcquireTime)))
			want.ResourceVersion = old.ResourceVersion // whoever comes second is refused
			have, err = leases.Update(ctx, want, metav1.UpdateOptions{})
		}
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return nil, nil, refusal.Of(fmt.Sprintf("another %s began this moment (Lease %s/%s)", c.What, c.Namespace, c.Name))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lease %s/%s, which keeps two of a kind apart: %w", c.Namespace, c.Name, err)
	}

	held, lose := context.WithCancelCause(ctx)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for renewed := time.Now(); ; {
			select {
			case <-stop:
				return
			case <-time.After(renews):
			}
			now := metav1.NowMicro()
			have.Spec.RenewTime = &now
			next, err := leases.Update(context.WithoutCancel(ctx), have, metav1.UpdateOptions{})
			switch {
			case err == nil:
				have, renewed = next, time.Now()
			case apierrors.IsConflict(err), apierrors.IsNotFound(err), time.Since(renewed) > lasts:
				lose(fmt.Errorf("the Lease %s/%s is lost, so another %s may have begun: %w", c.Namespace, c.Name, c.What, err))
				return
			}
		}
	}()
	return held, func(ctx context.Context) error {
		close(stop)
		<-stopped
		lose(errors.New("the Lease was given back"))
		err := leases.Delete(ctx, c.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion}})
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return nil // it is no longer this one's
		}
		return err
	}, nil
}

// Taken says who has the Lease now, or nothing. It takes nothing: Hold does.
func (c Claim) Taken(ctx context.Context) []string {
	lease, err := c.Client.CoordinationV1().Leases(c.Namespace).Get(ctx, c.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && !alive(lease, time.Now()):
		return nil
	case err != nil:
		return []string{err.Error()}
	}
	return []string{c.heldBy(lease)}
}

func (c Claim) heldBy(lease *coordinationv1.Lease) string {
	return fmt.Sprintf("another %s runs: %s, since %s (Lease %s/%s). Wait for its end; if it is dead, its Lease is free %.0f s after its last sign of life",
		c.What, deref(lease.Spec.HolderIdentity), since(lease.Spec.AcquireTime), lease.Namespace, lease.Name, lasts.Seconds())
}

func alive(lease *coordinationv1.Lease, now time.Time) bool {
	return lease.Spec.RenewTime != nil && now.Sub(lease.Spec.RenewTime.Time) < lasts
}

func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}

func deref(text *string) string {
	if text == nil {
		return "somebody"
	}
	return *text
}

func since(at *metav1.MicroTime) string {
	if at == nil {
		return "an unknown time"
	}
	return at.UTC().Format(time.RFC3339)
}
