package gameday

import (
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

func sortSightings(all []sighting) {
	slices.SortStableFunc(all, func(a, b sighting) int { return a.at.Compare(b.at) })
}

// recovered is when all replicas served again for good.
func (a tale) recovered() (time.Duration, bool) {
	last := a.serves[len(a.serves)-1]
	return last.from, last.from < a.ends && last.to >= a.ends
}

// truth of one criterion: what users got. Neither: it hangs on milliseconds, or cannot be known.
type truth struct{ missed, well bool }

func both(a, b truth) truth { return truth{a.missed || b.missed, a.well && b.well} }

// recovery is the truth of SC-008.
func (a tale) recovery() truth {
	limit := time.Duration(float64(objective.Recovery) * float64(time.Second))
	when, ok := a.recovered()
	return truth{missed: !ok || when > limit, well: ok && when+ms(1)+a.lag <= limit}
}

// few is how many requests may be under way on a pod: what half of the answers before the kill take, as a Poisson
// process sends them.
func (a tale) few(all requests) int {
	var took []time.Duration
	for _, s := range all.List {
		if due(s) < 0 {
			took = append(took, s.Latency)
		}
	}
	usual := evidence.Percentile(took, 50).Seconds() * float64(a.rate) / float64(a.replicas)
	return int(math.Ceil(usual+3*math.Sqrt(usual))) + 1
}

// fewRefused is how many connections a dead pod may refuse: of the clients that were connected to it each connects anew,
// and comes back to it with the chance of one pod in all.
func (a tale) fewRefused() int {
	if a.replicas == 1 {
		return 0
	}
	usual := float64(clients) / float64(a.replicas*(a.replicas-1))
	return int(math.Ceil(usual + 3*math.Sqrt(usual)))
}

// answers is the truth of SC-009. Who was asked is behind the Service's one address: a few requests without an answer
// just when a pod is killed may have been under way on it, or not. That cannot be known.
func (a tale) answers(all requests) truth {
	well, unsure, refused := !a.lostWrite, 0, 0
	for i, s := range all.List {
		switch {
		case s.Status >= 500:
			well = false
		case s.Status != 0 || all.inCut[i]:
		case !a.graceful && s.Failure == load.FailureRefused && due(s) < ms(1002)+a.lag && due(s) > -ms(101):
			refused++
		case !a.graceful && s.Failure != load.FailureRefused && due(s) < ms(102)+a.lag && due(s)+s.Latency > -ms(100):
			unsure++
		default:
			well = false
		}
	}
	if well && unsure+refused > 0 && unsure <= a.few(all) && refused <= a.fewRefused() {
		return truth{}
	}
	return truth{missed: !well || unsure+refused > 0, well: well && unsure+refused == 0}
}

// latency is the truth of SC-010: what is never answered is slower than anything.
func (a tale) latency(all requests) truth {
	until, ok := a.recovered()
	if !ok {
		until = a.ends
	}
	t := truth{well: true}
	for _, w := range []span{{a.begins, 0}, {0, until}, {until, a.ends}} {
		exact, shifted := slowIn(all, w), slowIn(all, span{max(w.from+a.lag, a.begins), min(w.to+a.lag, a.ends)})
		t = both(t, truth{missed: exact && shifted, well: !exact && !shifted})
	}
	return t
}

// slowIn says that the 95th percentile of what was due in a window is over the objective.
func slowIn(all requests, w span) bool {
	n, slow := 0, 0
	for _, s := range all.List {
		if w.holds(due(s)) {
			n++
			if s.Status == 0 || s.Latency.Seconds() > float64(objective.P95) {
				slow++
			}
		}
	}
	return slow > n-(95*n+99)/100
}

// clear says that nothing kept it from being measured.
func (a tale) clear() bool {
	return a.second == 0 && !a.watchEnds && !a.dropped && !a.late && a.clockError <= ms(100)
}

// covered says that the load lasts long enough, and has requests enough in the recovery.
func (a tale) covered() bool {
	when, ok := a.recovered()
	return ok && a.ends-when-a.lag >= ms(10_001) && (when-a.lag).Seconds()*float64(a.rate) > 201 &&
		(!a.graceful || a.ends > ms(5001)+a.lag)
}

// confront wants the verdict to be that of the truth.
func (a tale) confront(t *rapid.T) {
	all := a.requests()
	r := a.record(all.List)
	what := both(both(a.recovery(), a.answers(all)), a.latency(all))
	switch {
	case r.Verdict == evidence.Proven && (what.missed || !a.clear()):
		t.Fatalf(
			"PROVEN, though users were failed: SC-008 %+v SC-009 %+v SC-010 %+v, %+v\nduring %+v\nafter %+v",
			a.recovery(), a.answers(all), a.latency(all), a, r.During, r.After,
		)
	case r.Verdict == evidence.Failed && what.well:
		t.Fatalf("FAILED, though all was well: %q, %+v", r.Reasons, a)
	case r.Verdict != evidence.Proven && what.well && a.clear() && a.covered():
		t.Fatalf("not PROVEN, though all was well and measured: %q, %+v", r.Reasons, a)
	}
}
