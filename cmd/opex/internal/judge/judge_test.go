package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

var kill = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// window is one in which all was well.
func window(from, to evidence.Seconds, n int) evidence.Window {
	return evidence.Window{
		From:     from,
		To:       to,
		Requests: n,
		Status:   map[string]int{"200": n},
		P50:      0.003,
		P95:      0.006,
		P99:      0.008,
		Max:      0.01,
	}
}

// good is a record in which all is well.
func good() evidence.GameDay {
	return evidence.GameDay{
		Version: evidence.GameDayVersion, Namespace: "staging", KilledAt: kill, Replicas: 3, Recovery: 1.5, Victim: evidence.Pod{Name: "shop-1"},
		Experiment: evidence.Experiment{
			AllInjected: true,
			Targets:     []string{"staging/shop-1"},
		}, Objectives: evidence.ChaosTarget{Recovery: 30, P95: 0.5},
		Timeline: []evidence.Moment{{Name: evidence.MomentVictimGone}, {Name: evidence.MomentRecovered, At: 1.5}},
		Load:     evidence.LoadRun{Rate: 200, Requests: 5800},
		Before:   window(-15, 0, 3000), During: window(0, 1.5, 300), After: window(1.5, 14, 2500),
		Writes: evidence.Writes{Acknowledged: 10, Found: 10},
	}
}

// silence is a window in which so many got no answer.
func silence(w *evidence.Window, n int) {
	w.TransportErrors, w.Slow = map[string]int{"timeout": n}, n
	w.Status = map[string]int{"200": w.Requests - n}
	if n > w.Requests/20 {
		w.P95 = evidence.Never
	}
}

func TestEachFigureOfAKillIsJudged(t *testing.T) {
	type change func(*evidence.GameDay)
	never := func(r *evidence.GameDay) {
		r.Recovery, r.During.To, r.After, r.Timeline = 0, 36, evidence.Window{}, r.Timeline[:1]
	}
	for name, c := range map[string]struct {
		change change
		want   [3]Verdict // of the three criteria
		says   string     // one of them
	}{
		"all is well":                {func(*evidence.GameDay) {}, [3]Verdict{Pass, Pass, Pass}, "1.5s of 30s"},
		"too slow":                   {func(r *evidence.GameDay) { r.Recovery, r.Timeline[1].At = 31, 31 }, [3]Verdict{Fail, Pass, Pass}, "a recovery took 31s, and the objective is 30s"},
		"never back":                 {never, [3]Verdict{Fail, Unproven, Pass}, "not all replicas served again to the end, 36 s after the kill"},
		"ended before the objective": {func(r *evidence.GameDay) { never(r); r.During.To = 20 }, [3]Verdict{Unproven, Unproven, Pass}, "not recovered when the load ended, 20 s after the kill"},
		"a recovery that did not hold": {func(r *evidence.GameDay) {
			r.Dips = []evidence.Dip{{From: 1.5, To: 9}}
			r.Recovery, r.Timeline[1].At = 9, 9
		}, [3]Verdict{Pass, Pass, Pass}, "9s of 30s; it had been back before, and was away again 1.5 s after the kill"},
		"a timeline that says otherwise":      {func(r *evidence.GameDay) { r.Recovery = 0.5 }, [3]Verdict{Unproven, Pass, Pass}, "does not say when all replicas were there again"},
		"a victim that stays":                 {func(r *evidence.GameDay) { r.Timeline = r.Timeline[1:] }, [3]Verdict{Unproven, Pass, Pass}, "shop-1 was still being ended"},
		"a 5xx and silence":                   {func(r *evidence.GameDay) { r.During.ServerErrors = 1; silence(&r.After, 20) }, [3]Verdict{Pass, Fail, Pass}, "1 of 5800 answers were 500 or above; 20 of 5800 requests got no answer"},
		"a 5xx before":                        {func(r *evidence.GameDay) { r.Before.ServerErrors = 1 }, [3]Verdict{Pass, Fail, Pass}, "1 of 5800 answers were 500 or above"},
		"a 5xx during the recovery":           {func(r *evidence.GameDay) { r.During.ServerErrors = 1 }, [3]Verdict{Pass, Fail, Pass}, "1 of 5800 answers"},
		"a 5xx after":                         {func(r *evidence.GameDay) { r.After.ServerErrors = 1 }, [3]Verdict{Pass, Fail, Pass}, "1 of 5800 answers"},
		"a lost write":                        {func(r *evidence.GameDay) { r.Writes.Lost, r.Writes.Found = []string{"/tasks/7"}, 9 }, [3]Verdict{Pass, Fail, Pass}, "1 of 10 acknowledged writes were lost: /tasks/7"},
		"nobody answered before":              {func(r *evidence.GameDay) { silence(&r.Before, 1) }, [3]Verdict{Pass, Fail, Pass}, "1 of 5800 requests got no answer (1 timeout)"},
		"nobody answered after":               {func(r *evidence.GameDay) { silence(&r.After, 2500) }, [3]Verdict{Pass, Fail, Fail}, "2500 of 5800 requests got no answer"},
		"one unanswered after":                {func(r *evidence.GameDay) { silence(&r.After, 1) }, [3]Verdict{Pass, Fail, Pass}, "1 of 5800 requests got no answer"},
		"under way on the victim":             {func(r *evidence.GameDay) { silence(&r.During, 2); r.Cut.Unanswered = 2 }, [3]Verdict{Pass, Pass, Pass}, "2 requests without an answer (2 timeout)"},
		"more than can be under way":          {func(r *evidence.GameDay) { silence(&r.During, 5); r.Cut.Unanswered = 5 }, [3]Verdict{Pass, Fail, Pass}, "5 of them were under way when the pod was killed, of which 3 may be"},
		"refused by the dead pod":             {func(r *evidence.GameDay) { silence(&r.During, 4); r.Cut.Refused, r.Load.Clients = 4, 24 }, [3]Verdict{Pass, Pass, Pass}, "4 requests without an answer"},
		"refused by more than chance":         {func(r *evidence.GameDay) { silence(&r.During, 12); r.Cut.Refused, r.Load.Clients = 12, 24 }, [3]Verdict{Pass, Fail, Pass}, "12 were refused at its address, of which 10 may be"},
		"refused by a record without clients": {func(r *evidence.GameDay) { silence(&r.During, 1); r.Cut.Refused = 1 }, [3]Verdict{Pass, Fail, Pass}, "1 were refused at its address, of which 0 may be"},
		"one with grace":                      {func(r *evidence.GameDay) { silence(&r.During, 1); r.Cut.Unanswered = 1; r.Experiment.Grace = 35 }, [3]Verdict{Pass, Fail, Pass}, "a graceful end costs none"},
		"slow answers":                        {func(r *evidence.GameDay) { r.During.P95, r.During.Slow = 0.6, 16 }, [3]Verdict{Pass, Pass, Fail}, "P95 during the recovery was 600 ms, and the objective is 500ms"},
		"slow answers before":                 {func(r *evidence.GameDay) { r.Before.P95, r.Before.Slow = 0.6, 151 }, [3]Verdict{Pass, Pass, Fail}, "P95 before the kill was 600 ms"},
		"slow answers after":                  {func(r *evidence.GameDay) { r.After.P95, r.After.Slow = 0.75, 126 }, [3]Verdict{Pass, Pass, Fail}, "P95 after the recovery was 750 ms"},
		"refused at once":                     {func(r *evidence.GameDay) { silence(&r.During, 16); r.Cut.Unanswered = 16 }, [3]Verdict{Pass, Fail, Fail}, "more than 5 of 100 of 300 requests during the recovery got no answer"},
		"too few requests":                    {func(r *evidence.GameDay) { r.During.Requests = 150 }, [3]Verdict{Pass, Pass, Unproven}, "150 requests were due during the recovery, want 200: --rate 134 or --repeat 2 would do"},
		"few, and most were slow":             {func(r *evidence.GameDay) { r.During.Requests = 20; silence(&r.During, 12) }, [3]Verdict{Pass, Fail, Fail}, "more than 5 of 100 of 20 requests"},
		"few, and so many that none of what is missing could matter": {func(r *evidence.GameDay) { r.During.Requests = 190 }, [3]Verdict{Pass, Pass, Pass}, ""},
		"a P95 of nothing":        {func(r *evidence.GameDay) { r.During.P95 = 0 }, [3]Verdict{Pass, Pass, Unproven}, "a P95 of 0"},
		"no load during it":       {func(r *evidence.GameDay) { r.During = evidence.Window{To: 1.5} }, [3]Verdict{Pass, Unproven, Unproven}, "no request was due"},
		"too short before":        {func(r *evidence.GameDay) { r.Before.From = -9 }, [3]Verdict{Pass, Unproven, Unproven}, "the load covers 9.0 s before the kill"},
		"too short afterwards":    {func(r *evidence.GameDay) { r.After.To = 11 }, [3]Verdict{Pass, Unproven, Unproven}, "9.5 s after the recovery"},
		"writes not looked for":   {func(r *evidence.GameDay) { r.Writes.Found, r.Writes.Unchecked = 8, 2 }, [3]Verdict{Pass, Unproven, Pass}, "of 10 acknowledged writes 8 were found"},
		"records left":            {func(r *evidence.GameDay) { r.Writes.Left = 2 }, [3]Verdict{Pass, Unproven, Pass}, "2 records of the load could not be deleted"},
		"answers that are errors": {func(r *evidence.GameDay) { r.During.Status = map[string]int{"404": 300} }, [3]Verdict{Pass, Unproven, Pass}, "0 of 300 answers were good ones"},
		"a watch that was cut off, and a recovery that may have been in time": {func(r *evidence.GameDay) { r.Recovery, r.Timeline[1].At, r.Blind = 31, 31, 3 }, [3]Verdict{Unproven, Pass, Unproven}, "between 28 s and 31 s"},
		"a watch that was cut off, and a recovery that was not":               {func(r *evidence.GameDay) { r.Recovery, r.Timeline[1].At, r.Blind = 36, 36, 3 }, [3]Verdict{Fail, Pass, Unproven}, "a recovery took 36s"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.change(&r)
			var got [3]Verdict
			said := ""
			for i, f := range Kills([]evidence.GameDay{r}, Of(r)) {
				got[i] = f.Verdict
				said += f.ID + ": " + f.Actual + "\n"
				if len(f.Facts) != 1 || f.ID != IDs[i] {
					t.Errorf("%s has %d facts", f.ID, len(f.Facts))
				}
			}
			if got != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%v, want %v:\n%s", got, c.want, said)
			}
		})
	}
}

func TestWhatWasNotMeasuredProvesNothingEitherWay(t *testing.T) {
	for says, change := range map[string]func(*evidence.GameDay){
		"no pod was killed":                   func(r *evidence.GameDay) { r.KilledAt = time.Time{} },
		"interrupted":                         func(r *evidence.GameDay) { r.Problems = []string{"interrupted"} },
		"Chaos Mesh did not confirm the kill": func(r *evidence.GameDay) { r.Experiment.AllInjected = false },
		"says that it hit [staging/shop-12]":  func(r *evidence.GameDay) { r.Experiment.Targets = []string{"staging/shop-12"} },
		"shop-1 went, and Chaos Mesh says":    func(r *evidence.GameDay) { r.Experiment.Targets = append(r.Experiment.Targets, "staging/shop-2") },
		"also shop-3":                         func(r *evidence.GameDay) { r.AlsoGone = []string{"shop-3"} },
		"starved: 1 requests never sent":      func(r *evidence.GameDay) { r.Load.Dropped = 1 },
		"291 of 5800 sent late":               func(r *evidence.GameDay) { r.Load.Late = 291 },
		"16 of 300 in the recovery":           func(r *evidence.GameDay) { r.During.Late = 16 },
		"clock is known to within 200ms":      func(r *evidence.GameDay) { r.Load.ClockError = 0.2 },
		"an older opex recorded it":           func(r *evidence.GameDay) { r.Version = 1 },
	} {
		t.Run(says, func(t *testing.T) {
			for _, missed := range []bool{false, true} {
				r := good()
				if missed { // whatever the figures are
					r.Recovery, r.Timeline[1].At, r.During.P95 = 90, 90, 3
				}
				change(&r)
				for _, f := range Kills([]evidence.GameDay{r}, Of(r)) {
					if f.Verdict != Unproven || !strings.Contains(f.Actual, says) {
						t.Errorf("%s is %s: %s", f.ID, f.Verdict, f.Actual)
					}
				}
				Settle(&r)
				if r.Verdict != evidence.Unproven || len(r.Reasons) != 1 {
					t.Errorf("the record is %s: %q", r.Verdict, r.Reasons)
				}
			}
		})
	}
}

func TestARecordBearsTheWorstOfItsVerdicts(t *testing.T) {
	r := good()
	r.After.ServerErrors, r.During.Requests = 2, 20
	Settle(&r)
	if want := []string{"SC-009: 2 of", "SC-010: 20 requests were due"}; r.Verdict != evidence.Failed ||
		len(r.Reasons) != 2 ||
		!strings.HasPrefix(r.Reasons[0], want[0]) ||
		!strings.HasPrefix(r.Reasons[1], want[1]) {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
	r = good()
	if Settle(&r); r.Verdict != evidence.Proven || r.Reasons != nil {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
}

func TestKillsWithTooFewRequestsAreJudgedTogether(t *testing.T) {
	small := func(slow int) evidence.GameDay {
		r := good()
		r.Load.Rate = 20
		r.During = window(0, 1.5, 30)
		r.During.Slow = slow
		r.Before, r.After = window(-15, 0, 300), window(1.5, 14, 250)
		return r
	}
	for name, c := range map[string]struct {
		slow []int // of each kill
		want Verdict
		says string
	}{
		"one":                    {[]int{0}, Unproven, "30 requests were due during the recovery, want 200: --rate 134 or --repeat 7 would do"},
		"six":                    {[]int{0, 0, 0, 0, 0, 0}, Unproven, "180 requests"},
		"seven":                  {[]int{0, 0, 0, 0, 0, 0, 0}, Pass, "6.0 ms of 500ms"},
		"seven, of them 10 slow": {[]int{4, 4, 2, 0, 0, 0, 0}, Pass, ""},
		"seven, of them 11 slow": {[]int{4, 4, 3, 0, 0, 0, 0}, Fail, "of 210 requests during the recovery"},
		"all of one's slow":      {[]int{30}, Fail, "of 30 requests"},
	} {
		t.Run(name, func(t *testing.T) {
			var all []evidence.GameDay
			for _, slow := range c.slow {
				all = append(all, small(slow))
			}
			if f := Kills(all, Of(all[0]))[2]; f.Verdict != c.want || !strings.Contains(f.Actual, c.says) {
				t.Errorf("%s: %s", f.Verdict, f.Actual)
			}
			if c.want == Unproven && !GoOn(all) {
				t.Error("more kills would do, and none is to follow")
			}
		})
	}
}

func TestAnObjectiveOfTodayIsHeldAgainstRecordsOfYesterday(t *testing.T) {
	r := good()
	r.During.P95, r.During.Slow = 0.3, 0
	for p95, want := range map[time.Duration]Verdict{500 * time.Millisecond: Pass, 300 * time.Millisecond: Pass, 299 * time.Millisecond: Fail, time.Second: Pass} {
		if f := Kills([]evidence.GameDay{r}, Objectives{30 * time.Second, p95})[2]; f.Verdict != want {
			t.Errorf("within %s it is %s: %s", p95, f.Verdict, f.Actual)
		}
	}
}

func TestAVerdictOnThousandRecordsTakesNoSecond(t *testing.T) {
	all := make([]evidence.GameDay, 1000)
	for i := range all {
		all[i] = good()
	}
	began := time.Now()
	for _, f := range Kills(all, Of(all[0])) {
		if f.Verdict != Pass || len(f.Facts) != 1000 {
			t.Error(f.ID, f.Verdict, f.Actual)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if f := Kills(nil, Objectives{}); f[0].Verdict != Unproven || f[1].Verdict != Unproven || f[2].Verdict != Unproven {
		t.Errorf("of no kills: %s", fmt.Sprint(f))
	}
}
