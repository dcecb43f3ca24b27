package load

import (
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

var zero = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sample is a request that was due so many milliseconds after zero.
func sample(due, latency, status int, failure string) Sample {
	return Sample{Due: zero.Add(time.Duration(due) * time.Millisecond), Latency: time.Duration(latency) * time.Millisecond, Status: status, Failure: failure}
}

func TestAWindowHoldsWhatWasDueInIt(t *testing.T) {
	w := Window([]Sample{
		sample(-1, 9000, 200, ""), sample(0, 10, 200, ""), sample(500, 20, 503, ""), sample(900, 2000, 0, FailureTimeout), sample(1000, 9000, 500, ""),
	}, zero, zero.Add(time.Second), zero)
	if w.Requests != 3 || w.ServerErrors != 1 || w.TransportErrors[FailureTimeout] != 1 || w.Status["200"] != 1 || w.Status["503"] != 1 ||
		w.P50 != 0.02 || w.P95 != 2 || w.Max != 2 || w.From != 0 || w.To != 1 {
		t.Errorf("%+v", w)
	}
}

func TestPercentilesAreNearestRanks(t *testing.T) {
	for n, want := range map[int][3]evidence.Seconds{1: {0.001, 0.001, 0.001}, 2: {0.001, 0.002, 0.002}, 100: {0.05, 0.095, 0.099}, 200: {0.1, 0.19, 0.198}} {
		var latencies []time.Duration
		for i := range n {
			latencies = append(latencies, time.Duration(i+1)*time.Millisecond)
		}
		if got := [3]evidence.Seconds{percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 99)}; got != want {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
	if percentile(nil, 95) != 0 {
		t.Error("of none it is not 0")
	}
}

func TestTheCurveHasEmptySlotsWhereNothingWasSent(t *testing.T) {
	curve := Curve([]Sample{sample(-150, 1, 200, ""), sample(150, 5, 500, ""), sample(160, 7, 0, FailureReset)}, zero)
	if len(curve) != 4 || curve[0].At != -0.2 || curve[1].Requests != 0 || curve[3].Requests != 2 || curve[3].ServerErrors != 1 || curve[3].TransportErrors != 1 ||
		curve[3].Max != 0.007 {
		t.Errorf("%+v", curve)
	}
	if Curve(nil, zero) != nil {
		t.Error("of nothing there is a curve")
	}
}
