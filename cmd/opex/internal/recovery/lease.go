package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/internal/contract"
)

// A holder that did not renew for as long as the Lease lasts is dead.
const (
	leaseLasts  = 60 * time.Second
	leaseRenews = 15 * time.Second
)

// hold takes the Lease that keeps two drills, or two restores, of a service apart, and renews it. The context that it returns ends
// when the Lease is lost. Release gives it back.
func (s *Site) hold(ctx context.Context, kind string) (held context.Context, release func(context.Context) error, err error) {
	leases := s.Cluster.Client.CoordinationV1().Leases(s.Vault.Namespace)
	name := s.lease(kind)
	who, seconds := holder(), int32(leaseLasts/time.Second)
	now := metav1.NowMicro()
	want := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Vault.Namespace, Labels: map[string]string{contract.LabelManagedBy: "opex"}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &who, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now},
	}
	have, err := leases.Create(ctx, want, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		old, getErr := leases.Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(getErr): // given back this moment
			have, err = leases.Create(ctx, want, metav1.CreateOptions{})
		case getErr != nil:
			return nil, nil, getErr
		case alive(old, time.Now()):
			return nil, nil, refuse(s.heldBy(kind, old))
		default:
			s.Say("the %s that %s began at %s died; its Lease is taken over", kind, deref(old.Spec.HolderIdentity), since(old.Spec.AcquireTime))
			want.ResourceVersion = old.ResourceVersion // whoever comes second is refused
			have, err = leases.Update(ctx, want, metav1.UpdateOptions{})
		}
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return nil, nil, refuse(fmt.Sprintf("another %s of %s began this moment (Lease %s/%s)", kind, s.Name, s.Vault.Namespace, name))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lease %s/%s, which keeps two of a kind apart: %w", s.Vault.Namespace, name, err)
	}

	held, lose := context.WithCancelCause(ctx)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for renewed := time.Now(); ; {
			select {
			case <-stop:
				return
			case <-time.After(leaseRenews):
			}
			now := metav1.NowMicro()
			have.Spec.RenewTime = &now
			next, err := leases.Update(context.WithoutCancel(ctx), have, metav1.UpdateOptions{})
			switch {
			case err == nil:
				have, renewed = next, time.Now()
			case apierrors.IsConflict(err), apierrors.IsNotFound(err), time.Since(renewed) > leaseLasts:
				lose(fmt.Errorf("the Lease %s/%s is lost, so another %s may have begun: %w", s.Vault.Namespace, name, kind, err))
				return
			}
		}
	}()
	return held, func(ctx context.Context) error {
		close(stop)
		<-stopped
		lose(errors.New("the Lease was given back"))
		err := leases.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion}})
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return nil // it is no longer this one's
		}
		return err
	}, nil
}

func (s *Site) lease(kind string) string { return "opex-" + kind + "-" + s.Name }

// checkLease says who runs the same now. It takes nothing: hold does.
func (s *Site) checkLease(ctx context.Context, kind string) []string {
	lease, err := s.Cluster.Client.CoordinationV1().Leases(s.Vault.Namespace).Get(ctx, s.lease(kind), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && !alive(lease, time.Now()):
		return nil
	case err != nil:
		return []string{err.Error()}
	}
	return []string{s.heldBy(kind, lease)}
}

func (s *Site) heldBy(kind string, lease *coordinationv1.Lease) string {
	return fmt.Sprintf("another %s of %s runs: %s, since %s (Lease %s/%s). Wait for its end; if it is dead, its Lease is free %s after its last sign of life",
		kind, s.Name, deref(lease.Spec.HolderIdentity), since(lease.Spec.AcquireTime), lease.Namespace, lease.Name, Human(leaseLasts))
}

func alive(lease *coordinationv1.Lease, now time.Time) bool {
	return lease.Spec.RenewTime != nil && now.Sub(lease.Spec.RenewTime.Time) < leaseLasts
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
