package load

import (
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

var zero = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sample is a request that was due so many milliseconds after zero.
func sample(due, latency, status int, failure string) Sample {
	return Sample{
		Due:     zero.Add(time.Duration(due) * time.Millisecond),
		Latency: time.Duration(latency) * time.Millisecond,
		Status:  status,
		Failure: failure,
	}
}

func TestAWindowHoldsWhatWasDueInIt(t *testing.T) {
	w := Window(List{
		sample(
			-1, 9000, 200, "",
		), sample(0, 10, 200, ""), sample(500, 600, 503, ""), sample(900, 1, 0, FailureRefused), sample(1000, 9000, 500, ""),
	}, zero, zero.Add(time.Second), zero, 500*time.Millisecond)
	if w.Requests != 3 || w.ServerErrors != 1 || w.TransportErrors[FailureRefused] != 1 || w.Status["200"] != 1 || w.Status["503"] != 1 ||
		w.P50 != 0.6 || w.P95 != evidence.Never || w.Max != 0.6 || w.From != 0 ||
		w.To != 1 ||
		w.Slow != 2 {
		t.Errorf("%+v", w)
	}
}

// A request that is refused after a millisecond is no quick answer.
func TestWhatGetsNoAnswerIsSlowerThanAnything(t *testing.T) {
	for _, c := range []struct {
		unanswered int
		want       evidence.Seconds
	}{{0, 0.005}, {5, 0.005}, {6, evidence.Never}, {100, evidence.Never}} {
		var all List
		for i := range 100 {
			one := sample(i, 5, 200, "")
			if i < c.unanswered {
				one = sample(i, 1, 0, FailureRefused)
			}
			all = append(all, one)
		}
		if w := Window(all, zero, zero.Add(time.Second), zero, time.Second); w.P95 != c.want || w.Slow != c.unanswered {
			t.Errorf("with %d of 100 without an answer P95 is %v, want %v", c.unanswered, w.P95, c.want)
		}
	}
}

func TestTheCurveHasEmptySlotsWhereNothingWasSent(t *testing.T) {
	_, curve := Curve(
		List{sample(-150, 1, 200, ""), sample(150, 5, 500, ""), sample(160, 700, 0, FailureReset)}, at(-1000), at(1000),
		zero,
	)
	if len(curve) != 4 || curve[0].At != -0.2 || curve[1].Requests != 0 || curve[3].Requests != 2 ||
		curve[3].ServerErrors != 1 ||
		curve[3].TransportErrors != 1 ||
		curve[3].Max != 0.005 {
		t.Errorf("%+v", curve)
	}
	if _, none := Curve(List{}, at(0), at(1000), zero); none != nil {
		t.Error("of nothing there is a curve")
	}
}

func at(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }

func TestTheCurveOfALongLoadIsCoarser(t *testing.T) {
	var all List
	for s := -600; s < 900; s++ {
		all = append(all, sample(1000*s+5, 3, 200, ""))
	}
	width, curve := Curve(all, at(-600_000), at(900_000), zero)
	if n := len(curve); n > evidence.MostSlots || n < evidence.MostSlots/2 || width != 2600*time.Millisecond {
		t.Errorf("%d slots of %s", n, width)
	}
	requests := 0
	for _, slot := range curve {
		requests += slot.Requests
	}
	if requests != 1500 {
		t.Errorf("%d requests are in it, want 1500", requests)
	}
}

func TestWhatWasUnderWayAtATimeIsCut(t *testing.T) {
	samples := List{
		sample(-10, 5, 0, FailureReset), sample(-10, 20, 0, FailureReset), sample(-10, 20, 200, ""),
		sample(5, 2000, 0, FailureTimeout), sample(40, 1, 0, FailureRefused), sample(45, 1, 0, FailureUnreachable),
	}
	if n := Cut(samples, at(0), at(41)); n != 2 {
		t.Errorf("cut: %d, want the one that was reset and the one that hung", n)
	}
	for to, want := range map[int]int{40: 0, 41: 1, 46: 2} {
		if n := Unconnected(samples, at(0), at(to)); n != want {
			t.Errorf("without a connection before %d ms: %d, want %d", to, n, want)
		}
	}
}

func TestEightBytesHoldARequest(t *testing.T) {
	for _, want := range []Sample{{Latency: 1230 * time.Microsecond, Status: 201, Write: true}, {Latency: 2 * time.Second, Lateness: 250 * time.Millisecond, Failure: FailureOther},
		{Latency: 40 * time.Minute, Status: 999}, {Failure: FailureRefused, Write: true}} {
		if got := pack(want).sample(); got != want || pack(want) == (packed{}) {
			t.Errorf("%+v became %+v", want, got)
		}
	}
}
