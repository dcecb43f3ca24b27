package load

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// BenchmarkGenerator is how well the generator keeps its times, against a service on the same machine that answers at
// once: one iteration is three seconds of load. Lateness is from a request's time until it was sent.
func BenchmarkGenerator(b *testing.B) {
	for _, rate := range []int{200, 1000, 5000} {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) {
			server := httptest.NewServer(&service{records: map[string]string{}})
			defer server.Close()
			var late []time.Duration
			requests, dropped := 0, 0
			for range b.N {
				a, err := Command(
					b.Context(), Plan{URL: server.URL, Rate: rate, Limit: time.Minute, Reads: []string{"/records"}},
					here,
				)
				if err != nil {
					b.Fatal(err)
				}
				if err := a.Begin(b.Context()); err != nil {
					b.Fatal(err)
				}
				time.Sleep(3 * time.Second)
				totals, err := a.Stop(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range told(a) {
					late = append(late, s.Lateness)
				}
				requests, dropped = requests+totals.Requests, dropped+totals.Dropped
				if err := a.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(late)
			at := func(p float64) float64 { return float64(late[int(p*float64(len(late)-1))].Microseconds()) / 1000 }
			b.ReportMetric(float64(requests)/float64(b.N)/3, "requests/s")
			b.ReportMetric(at(0.5), "ms-late-p50")
			b.ReportMetric(at(0.99), "ms-late-p99")
			b.ReportMetric(at(1), "ms-late-max")
			b.ReportMetric(float64(dropped), "dropped")
		})
	}
}
