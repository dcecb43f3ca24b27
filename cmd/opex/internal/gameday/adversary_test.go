package gameday

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// The adversary invents Game Days whose truth is known by construction, shows the judge what watches and a load
// generator would have seen of them, and wants no PASS where users were failed and no FAIL where they were not. A
// finding is shrunk to the smallest tale that shows it.
//
//	go test ./internal/gameday -run Adversary -rapid.checks=1000000
func TestTheAdversaryFindsNoWrongVerdict(t *testing.T) {
	for name, g := range map[string]genre{
		"outages":        {outages: true},
		"dips":           {dips: true},
		"low rates":      {outages: true, slow: true},
		"refusals":       {refusals: true},
		"pods and clock": {dips: true, seconds: true, lags: true, measures: true},
		"everything":     {outages: true, dips: true, slow: true, refusals: true, seconds: true, lags: true, measures: true, graceful: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { g.draw(rt).confront(rt) })
		})
	}
}

// genre is what may happen in tales.
type genre struct{ outages, dips, slow, refusals, seconds, lags, measures, graceful bool }

// objective is that of all tales.
var objective = evidence.ChaosTarget{Recovery: 5, P95: 0.5}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// tale is a Game Day as it truly was. Times count from the kill.
type tale struct {
	rate, replicas int
	graceful       bool
	begins, ends   time.Duration // of the load
	serves         []span        // of the replacement
	second         time.Duration // when another pod goes; 0: none does
	troubles       []trouble
	lag            time.Duration // of the watches
	watchEnds      bool
	dropped, late  bool
	clockError     time.Duration
	lostWrite      bool
}

type span struct{ from, to time.Duration }

func (s span) holds(at time.Duration) bool { return at >= s.from && at < s.to }

// trouble is what clients meet at one replica, or at all of them.
type trouble struct {
	span
	replica int // -1: all
	how     string
	latency time.Duration
}

// Kinds of trouble.
const (
	silent  = "silent"  // no answer until the client gives up
	refuses = "refuses" // no answer, at once
	errs    = "errs"    // 503, at once
	slow    = "slow"
)

func (g genre) draw(t *rapid.T) tale {
	milli := func(name string, from, to int) time.Duration { return ms(rapid.IntRange(from, to).Draw(t, name)) }
	rare := func(name string, may bool) bool { return may && rapid.IntRange(0, 7).Draw(t, name) == 7 }
	rates := []int{50, 200}
	if g.slow {
		rates = []int{10, 20, 50, 200}
	}
	a := tale{rate: rapid.SampledFrom(rates).Draw(t, "rate"), replicas: rapid.IntRange(2, 4).Draw(t, "replicas"),
		graceful: g.graceful &&
			rapid.Bool().Draw(t, "graceful"),
		begins: -milli("steady", 10_000, 12_000), ends: milli("ends", 13_000, 20_000)}
	back := milli("back", 300, 7000)
	a.serves = []span{{back, time.Hour}}
	if g.dips && rapid.Bool().Draw(t, "dips") {
		from := back + milli("holds", 10, 5000)
		a.serves[0].to = from
		if again := from + milli("away", 50, 9000); again < a.ends {
			a.serves = append(a.serves, span{again, time.Hour})
		}
	}
	var hows []string
	if g.outages {
		hows = append(hows, silent, errs, slow)
	}
	if g.refusals {
		hows = append(hows, refuses)
	}
	if len(hows) > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "troubles") {
			from := milli("from", int(a.begins.Milliseconds()), int(a.ends.Milliseconds()))
			a.troubles = append(
				a.troubles,
				trouble{span{from, from + milli("for", 20, 12_000)}, rapid.IntRange(-1, a.replicas).Draw(t, "replica"),
					rapid.SampledFrom(hows).Draw(t, "how"), milli("latency", 100, 1900)},
			)
		}
	}
	if rare("second", g.seconds) {
		a.second = milli("second at", 1, 9000)
	}
	if g.lags && rapid.Bool().Draw(t, "lags") {
		a.lag = milli("lag", 1, 400)
	}
	a.watchEnds = rare("watch ends", g.lags)
	a.dropped = rare("dropped", g.measures)
	a.late = rare("late", g.measures)
	a.lostWrite = rare("lost write", g.measures)
	if rare("clock", g.measures) {
		a.clockError = milli("clock error", 1, 300)
	}
	return a
}
