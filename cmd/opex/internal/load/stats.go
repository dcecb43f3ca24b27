package load

import (
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Samples are what became of requests.
type Samples interface {
	// Between yields those that were due in [from, to), in the order of their times.
	Between(from, to time.Time) iter.Seq[Sample]
}

// List is Samples in a slice, in the order of their times.
type List []Sample

// Between is of Samples.
func (l List) Between(from, to time.Time) iter.Seq[Sample] {
	by := func(s Sample, at time.Time) int { return s.Due.Compare(at) }
	first, _ := slices.BinarySearchFunc(l, from, by)
	end, _ := slices.BinarySearchFunc(l, to, by)
	return slices.Values(l[first:max(first, end)])
}

// never is the latency of a request without an answer: slower than anything.
const never = time.Duration(1<<63 - 1)

// Window sums up the requests that were due in [from, to). Zero is the moment from which the window's times count, slow
// the latency up to which an answer is quick enough.
func Window(samples Samples, from, to, zero time.Time, slow time.Duration) evidence.Window {
	w := evidence.Window{From: evidence.InSeconds(from.Sub(zero)), To: evidence.InSeconds(to.Sub(zero)),
		Status: map[string]int{}, TransportErrors: map[string]int{}}
	statuses := map[int]int{}
	var latencies []time.Duration
	for s := range samples.Between(from, to) {
		w.Requests++
		if s.Write {
			w.Writes++
		}
		if s.Lateness > LateLimit {
			w.Late++
		}
		latency := s.Latency
		if s.Status == 0 {
			w.TransportErrors[s.Failure]++
			latency = never
		} else {
			statuses[s.Status]++
			w.Max = max(w.Max, evidence.Latency(s.Latency))
		}
		if latency > slow {
			w.Slow++
		}
		latencies = append(latencies, latency)
	}
	for status, n := range statuses {
		w.Status[strconv.Itoa(status)] = n
		if status >= http.StatusInternalServerError {
			w.ServerErrors += n
		}
	}
	w.P50, w.P95, w.P99 = percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 99)
	return w
}

func percentile(latencies []time.Duration, p int) evidence.Seconds {
	if d := evidence.Percentile(latencies, p); d != never {
		return evidence.Latency(d)
	}
	return evidence.Never
}

// Curve sums up the requests that were due in [from, to) in slots of one width, empty ones between them included. There
// are MostSlots at most: the longer the load, the wider they are.
func Curve(samples Samples, from, to, zero time.Time) (width time.Duration, curve []evidence.Slot) {
	width = evidence.SlotWidth
	if least := to.Sub(from) / (evidence.MostSlots - 2); least > width {
		width = (least + evidence.SlotWidth - 1) / evidence.SlotWidth * evidence.SlotWidth
	}
	slot := func(at time.Time) int {
		after := at.Sub(zero)
		if after < 0 {
			after -= width - 1 // rounded down
		}
		return int(after / width)
	}
	var latencies []time.Duration
	done := func() {
		if n := len(curve); n > 0 {
			last := &curve[n-1]
			last.P50, last.P95, last.Max = percentile(latencies, 50), percentile(
				latencies, 95,
			), percentile(latencies, 100)
			latencies = latencies[:0]
		}
	}
	first := slot(from)
	for s := range samples.Between(from, to) {
		if len(curve) == 0 {
			first = slot(s.Due)
		}
		for here := slot(s.Due) - first; len(curve) <= here; {
			done()
			curve = append(curve, evidence.Slot{At: evidence.InSeconds(time.Duration(first+len(curve)) * width)})
		}
		last := &curve[len(curve)-1]
		last.Requests++
		switch {
		case s.Status == 0:
			last.TransportErrors++
			continue
		case s.Status >= http.StatusInternalServerError:
			last.ServerErrors++
		}
		latencies = append(latencies, s.Latency)
	}
	done()
	return width, curve
}

// Misses are the requests without an answer, in the order of their times: all of them are counted, and the first are
// told of.
func Misses(samples Samples, from, to, zero time.Time) (misses []evidence.Miss) {
	for s := range samples.Between(from, to) {
		if s.Status != 0 {
			continue
		}
		if len(misses) == evidence.MostMisses {
			break
		}
		misses = append(
			misses,
			evidence.Miss{Due: evidence.InSeconds(s.Due.Sub(zero)), Sent: evidence.InSeconds(s.sent().Sub(zero)),
				Ended: evidence.InSeconds(s.ended().Sub(zero)), Kind: s.Failure, Write: s.Write, Said: s.Said},
		)
	}
	return misses
}

// longest is what a request takes at most, lateness and time limit together.
const longest = time.Minute

// Cut counts the requests without an answer that were under way in a time: sent before its end, and given up after its
// beginning. Those that got no connection are not among them.
func Cut(samples Samples, from, to time.Time) (n int) {
	for s := range samples.Between(from.Add(-longest), to) {
		if s.Status == 0 && !s.unconnected() && s.sent().Before(to) && !s.ended().Before(from) {
			n++
		}
	}
	return n
}

// Unconnected counts the requests that were sent in a time and got no connection.
func Unconnected(samples Samples, from, to time.Time) (n int) {
	for s := range samples.Between(from.Add(-longest), to) {
		if s.Status == 0 && s.unconnected() && s.sent().Before(to) && !s.sent().Before(from) {
			n++
		}
	}
	return n
}

func (s Sample) sent() time.Time  { return s.Due.Add(s.Lateness) }
func (s Sample) ended() time.Time { return s.Due.Add(s.Latency) }

// unconnected says that nobody was at the address: no pod has seen the request.
func (s Sample) unconnected() bool {
	return s.Failure == FailureRefused || s.Failure == FailureUnreachable
}
