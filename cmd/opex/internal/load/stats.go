package load

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Window sums up the requests that were due in [from, to). Zero is the moment from which the window's times count.
func Window(samples []Sample, from, to, zero time.Time) evidence.Window {
	w := evidence.Window{From: evidence.InSeconds(from.Sub(zero)), To: evidence.InSeconds(to.Sub(zero)),
		Status: map[string]int{}, TransportErrors: map[string]int{}}
	var latencies []time.Duration
	for _, s := range samples {
		if s.Due.Before(from) || !s.Due.Before(to) {
			continue
		}
		w.Requests++
		latencies = append(latencies, s.Latency)
		if s.Write {
			w.Writes++
		}
		if s.Lateness > LateLimit {
			w.Late++
		}
		switch {
		case s.Status == 0:
			w.TransportErrors[s.Failure]++
			continue
		case s.Status >= http.StatusInternalServerError:
			w.ServerErrors++
		}
		w.Status[strconv.Itoa(s.Status)]++
	}
	slices.Sort(latencies)
	w.P50, w.P95, w.P99, w.Max = percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 99), percentile(latencies, 100)
	return w
}

// Curve sums up the requests in slots of evidence.SlotWidth, empty ones between them included.
func Curve(samples []Sample, zero time.Time) []evidence.Slot {
	slots := map[int][]Sample{}
	first, last := math.MaxInt, math.MinInt
	for _, s := range samples {
		at := int(math.Floor(float64(s.Due.Sub(zero)) / float64(evidence.SlotWidth)))
		slots[at] = append(slots[at], s)
		first, last = min(first, at), max(last, at)
	}
	var curve []evidence.Slot
	for at := first; at <= last && len(samples) > 0; at++ {
		slot := evidence.Slot{At: evidence.InSeconds(time.Duration(at) * evidence.SlotWidth), Requests: len(slots[at])}
		var latencies []time.Duration
		for _, s := range slots[at] {
			latencies = append(latencies, s.Latency)
			switch {
			case s.Status == 0:
				slot.TransportErrors++
			case s.Status >= http.StatusInternalServerError:
				slot.ServerErrors++
			}
		}
		slices.Sort(latencies)
		slot.P50, slot.P95, slot.Max = percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 100)
		curve = append(curve, slot)
	}
	return curve
}

// percentile is the nearest rank of sorted latencies: the least that p of 100 do not exceed. Of none it is 0.
func percentile(sorted []time.Duration, p int) evidence.Seconds {
	if len(sorted) == 0 {
		return 0
	}
	rank := (p*len(sorted) + 99) / 100
	return evidence.Latency(sorted[max(rank, 1)-1])
}
