package gameday

import (
	"fmt"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

// requests are those of the load as they truly went.
type requests struct {
	load.List
	inCut map[int]bool // those that were under way on the victim when it was killed
}

// clients take turns in each tale.
const clients = 24

func due(s load.Sample) time.Duration { return s.Due.Sub(at(0)) }

// requests are those of the load, each to one of the replicas that serve.
func (a tale) requests() requests {
	all := requests{make(load.List, 0, int((a.ends-a.begins).Seconds()*float64(a.rate))+1), map[int]bool{}}
	pace := time.Second / time.Duration(a.rate)
	random := uint32(12345) // the same each time, so that tales shrink
	serving := make([]int, 0, a.replicas+1)
	for due := a.begins; due < a.ends; due += pace {
		random = random*1664525 + 1013904223
		serving = serving[:0]
		for replica := range a.replicas {
			if replica == 0 && due >= 0 || replica == 1 && a.second > 0 && due >= a.second {
				continue
			}
			serving = append(serving, replica)
		}
		for _, s := range a.serves {
			if s.holds(due) {
				serving = append(serving, a.replicas)
			}
		}
		s, cut := a.request(due, serving, random>>8)
		if cut {
			all.inCut[len(all.List)] = true
		}
		all.List = append(all.List, s)
	}
	return all
}

func (a tale) request(due time.Duration, serving []int, random uint32) (s load.Sample, inCut bool) {
	s = load.Sample{Due: at(0).Add(due), Status: 200, Latency: ms(3) + time.Duration(random%5000)*time.Microsecond}
	none := func(failure string, after time.Duration) { s.Status, s.Failure, s.Latency = 0, failure, after }
	if len(serving) == 0 {
		none(load.FailureRefused, ms(1))
		return s, false
	}
	replica := serving[int(random>>4)%len(serving)]
	for _, t := range a.troubles {
		if !t.holds(due) || t.replica >= 0 && t.replica != replica {
			continue
		}
		switch t.how {
		case silent:
			none(load.FailureTimeout, load.DefaultTimeout)
		case refuses:
			none(load.FailureRefused, ms(1))
		case errs:
			s.Status, s.Latency = 503, ms(2)
		case slow:
			s.Latency = t.latency
		}
		return s, false
	}
	if inCut = replica == 0 && !a.graceful && due < 0 && due+s.Latency > 0; inCut {
		none(load.FailureReset, -due)
	}
	return s, inCut
}

// seen is what the watches tell.
func (a tale) seen() []sighting {
	names := make([]string, a.replicas)
	var all []sighting
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i)
		all = append(all, sighting{at: at(0).Add(a.begins), object: ready(names[i])})
	}
	note := func(when time.Duration, gone bool, pods ...any) {
		for _, object := range pods {
			s := sighting{at: at(0).Add(when + a.lag), gone: gone}
			switch object := object.(type) {
			case []string:
				s.object = endpoints(object...)
				s.gone = false
			case string:
				s.object = ready(object)
			case *discoveryv1.EndpointSlice:
				s.object = object
			}
			all = append(all, s)
		}
	}
	all = append(all, sighting{at: at(0).Add(a.begins), object: endpoints(names...)})
	rest := names[1:]
	if a.graceful {
		all = append(all, sighting{at: at(0).Add(a.lag), object: leaving("p0")})
	} else {
		note(0, true, "p0")
	}
	note(ms(1), false, rest)
	all = append(all, sighting{at: at(0).Add(ms(50) + a.lag), object: pod("new")})
	type change struct {
		at   time.Duration
		make func()
	}
	with := func(new bool, second bool) []string {
		now := append([]string{}, rest...)
		if second {
			now = now[1:]
		}
		if new {
			now = append(now, "new")
		}
		return now
	}
	for _, s := range a.serves {
		from, to := s.from, s.to
		note(from, false, "new", with(true, a.second > 0 && a.second <= from))
		if to < a.ends {
			all = append(all, sighting{at: at(0).Add(to + a.lag), object: pod("new")})
			note(to, false, with(false, a.second > 0 && a.second <= to))
		}
	}
	if a.second > 0 {
		all = append(all, sighting{at: at(0).Add(a.second + a.lag), gone: true, object: ready("p1")})
	}
	if a.graceful {
		all = append(all, sighting{at: at(0).Add(ms(5000) + a.lag), gone: true, object: leaving("p0")})
	}
	sortSightings(all)
	return all
}

// record is what a Game Day would have made of it, and its verdict.
func (a tale) record(samples load.List) evidence.GameDay {
	r := evidence.GameDay{
		Version:    evidence.GameDayVersion,
		Namespace:  "staging",
		Objectives: objective,
		Replicas:   a.replicas,
		Verdict:    evidence.Unproven,
		Experiment: evidence.Experiment{
			CreatedAt:   at(-100),
			AllInjected: true,
			Targets:     []string{"staging/p0"},
		},
		Writes: evidence.Writes{Acknowledged: 3, Found: 3},
	}
	if a.graceful {
		r.Experiment.Grace = 30
	}
	if a.lostWrite {
		r.Writes = evidence.Writes{Acknowledged: 3, Found: 2, Lost: []string{"/tasks/7"}}
	}
	totals := load.Totals{
		Began:      at(0).Add(a.begins),
		Lasted:     a.ends - a.begins,
		Requests:   len(samples),
		ClockError: a.clockError,
	}
	if a.dropped {
		totals.Dropped = 3
	}
	if a.late {
		totals.Late = len(samples) / 10
	}
	if a.watchEnds {
		r.Problems = []string{"the watch of pods ended"}
	}
	told := tell(until(a.seen(), at(0).Add(a.ends)), at(-100), a.replicas, "shop")
	fill(&r, told, samples, totals, load.Plan{Rate: a.rate, Clients: clients})
	judge.Settle(&r)
	return r
}
