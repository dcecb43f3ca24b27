package lease

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/opex-project/opex/cmd/opex/internal/refusal"
)

// short is a Lease's duration in tests.
const short = 1200 * time.Millisecond

func claim(client *fake.Clientset) Claim {
	return Claim{Client: client, Namespace: "velero", Name: "opex-drill-shop", What: "drill of shop", Duration: short}
}

// held is a Lease that somebody renewed so long ago, by one's own clock.
func held(ago time.Duration) *coordinationv1.Lease {
	at, who, seconds := metav1.NewMicroTime(time.Now().Add(-ago)), "process 7 on elsewhere", int32(1)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "opex-drill-shop", Namespace: "velero", ResourceVersion: "1"},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       &who,
			LeaseDurationSeconds: &seconds,
			AcquireTime:          &at,
			RenewTime:            &at,
		},
	}
}

func isRefused(err error) bool {
	var refused refusal.Refused
	return errors.As(err, &refused)
}

func quiet(string) {}

func TestALeaseThatIsFreeIsHeldAndGoesWithItsHolder(t *testing.T) {
	client := fake.NewClientset()
	ctx, release, err := claim(client).Hold(t.Context(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if taken := claim(client).Taken(t.Context()); len(taken) != 1 ||
		!strings.Contains(taken[0], "another drill of shop runs: process ") {
		t.Errorf("taken by %v", taken)
	}
	if _, _, err := claim(client).Hold(t.Context(), quiet); !isRefused(err) {
		t.Errorf("a second one is not refused: %v", err)
	}
	time.Sleep(2 * short) // it is renewed meanwhile
	if ctx.Err() != nil {
		t.Errorf("lost: %v", ctx.Err())
	}
	for range 2 {
		if err := release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left, _ := claim(client).get(t.Context()); left != nil || ctx.Err() == nil {
		t.Errorf("after its end there is %v", left)
	}
}

// Its holder's clock is 61 s behind, and it lives.
func TestAHolderIsNotDeadForItsClock(t *testing.T) {
	for name, skew := range map[string]time.Duration{"behind": 61 * time.Second, "ahead": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(held(skew))
			end := make(chan struct{})
			var renewing sync.WaitGroup
			renewing.Go(func() {
				for version := 2; ; version++ {
					select {
					case <-end:
						return
					case <-time.After(short / 4):
					}
					lease := held(skew)
					lease.ResourceVersion = string(rune('0' + version%10))
					_, _ = client.CoordinationV1().Leases("velero").Update(t.Context(), lease, metav1.UpdateOptions{})
				}
			})
			if _, _, err := claim(client).Hold(t.Context(), quiet); !isRefused(err) ||
				!strings.Contains(err.Error(), "process 7 on elsewhere") {
				t.Errorf("it is %v", err)
			}
			close(end)
			renewing.Wait()
			if lease, err := claim(client).get(t.Context()); err != nil || holder(lease) != "process 7 on elsewhere" {
				t.Errorf("it was taken: %v, %v", lease, err)
			}
		})
	}
}

func TestTheLeaseOfADeadHolderIsTakenOverOnceItWasWatched(t *testing.T) {
	client := fake.NewClientset(held(time.Hour))
	began := time.Now()
	said := ""
	_, release, err := claim(client).Hold(t.Context(), func(line string) { said = line })
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < time.Second || !strings.Contains(said, "process 7 on elsewhere") {
		t.Errorf("taken over after %s, and said was %q", took, said)
	}
	if err := release(t.Context()); err != nil {
		t.Error(err)
	}
}

// The API server renews, and its answer is lost on the way.
func TestALostAnswerLosesNoLease(t *testing.T) {
	client := fake.NewClientset()
	var lost atomic.Int32
	client.PrependReactor("update", "leases", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if lost.Add(1) > 2 {
			return false, nil, nil
		}
		update := action.(clienttesting.UpdateAction)
		_ = client.Tracker().Update(update.GetResource(), update.GetObject(), update.GetNamespace())
		return true, nil, errors.New("connection reset by peer")
	})
	ctx, release, err := claim(client).Hold(t.Context(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * short)
	if ctx.Err() != nil || lost.Load() < 3 {
		t.Errorf("after %d renewals it is %v", lost.Load(), ctx.Err())
	}
	if err := release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALeaseThatCannotBeRenewedEndsWhatItStandsFor(t *testing.T) {
	client := fake.NewClientset()
	ctx, release, err := claim(client).Hold(t.Context(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	client.PrependReactor(
		"*", "leases",
		func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no answer") },
	)
	select {
	case <-ctx.Done():
	case <-time.After(3 * short):
		t.Error("it goes on without its Lease")
	}
	if err := release(t.Context()); err == nil {
		t.Error("whether the Lease is gone is not known, and nobody says so")
	}
}

func TestOfManyAtOnceOneHolds(t *testing.T) {
	client := fake.NewClientset()
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _, err := claim(client).Hold(t.Context(), quiet)
			switch {
			case err == nil:
				won.Add(1)
			case !isRefused(err):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d hold it", won.Load())
	}
}
