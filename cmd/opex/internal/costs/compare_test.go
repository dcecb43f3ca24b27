package costs

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// changing is a world whose loads differ between the last 24 hours and what was before.
func changing(before, after []load) *world {
	w := newWorld()
	w.loads = func(window Window) []load {
		if window.End.Equal(now) {
			return after
		}
		return before
	}
	return w
}

func compare(t *testing.T, w *world, before Window) *Change {
	t.Helper()
	is := lastHours(24)
	change, err := Compare(mustLoad(t, w, before), mustLoad(t, w, is), outputs(), "team")
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func with(l load, change func(*load)) load {
	change(&l)
	return l
}

func TestDriversNameWhatDroveTheChange(t *testing.T) {
	cases := map[string]struct {
		before, after []load
		cause         string
		headline      string
	}{
		"replicas": {[]load{taskAPI, shop}, []load{with(taskAPI, func(l *load) { l.pods = 6 }), shop}, CauseReplicas,
			"team product drove 100% of +0.90000 USD (+35%): staging/deployment:task-api ran 6.0 pods instead of 3.0"},
		"cpu request": {
			[]load{taskAPI, shop}, []load{taskAPI, with(shop, func(l *load) { l.cpu = 1 })}, CauseCPURequest,
			"team commerce drove 100% of +0.96000 USD (+37%): shop/deployment:shop requested 1000m CPU per pod instead of 500m",
		},
		"memory request": {[]load{taskAPI}, []load{with(taskAPI, func(l *load) { l.memory = 4 })}, CauseMemoryRequest,
			"staging/deployment:task-api requested 4096Mi of memory per pod instead of 512Mi"},
		"use above request": {[]load{taskAPI}, []load{with(taskAPI, func(l *load) { l.cpuUse = 1 })}, CauseCPUUse,
			"used 750m CPU per pod above its request instead of 0m"},
		"new": {
			[]load{taskAPI}, []load{taskAPI, shop}, CauseNew,
			"team commerce drove 100% of +1.2000 USD (+87%): shop/deployment:shop is new, with 2.0 pods",
		},
		"gone": {[]load{taskAPI, shop}, []load{taskAPI}, CauseGone,
			"team commerce drove 100% of -1.2000 USD (-47%): shop/deployment:shop is gone; it ran 2.0 pods"},
		"storage": {[]load{taskDB}, []load{with(taskDB, func(l *load) { l.storage = 120 })}, CauseStorage,
			"staging/statefulset:task-api-db had 120.0 GiB of volumes instead of 12.0"},
		"a label that came later": {
			[]load{with(shop, func(l *load) { l.team = "" })}, []load{with(shop, func(l *load) { l.pods = 3 })},
			CauseNew, "team commerce drove",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			change := compare(t, changing(c.before, c.after), lastHours(24).Previous())
			if len(change.Drivers) == 0 || change.Drivers[0].Cause != c.cause ||
				!strings.Contains(change.Headline, c.headline) {
				t.Errorf("headline %q\ndrivers %+v", change.Headline, change.Drivers)
			}
		})
	}
}

func TestTheSameCostsHaveNoDriver(t *testing.T) {
	change := compare(t, newWorld(taskAPI, taskDB, shop, coreDNS), lastHours(24).Previous())
	if !strings.HasPrefix(change.Headline, "costs stayed the same") {
		t.Error(change.Headline)
	}
	for _, d := range change.Drivers {
		if math.Abs(d.Amount) > 1e-9 {
			t.Errorf("driver %+v", d)
		}
	}
}

func TestAPriceChangeIsSeenThoughOpenCostRepricesThePast(t *testing.T) {
	w := newWorld(taskAPI, shop)
	w.cpu = 2 * cpuPrice
	w.prices = func(at time.Time) float64 {
		if at.Equal(now) {
			return 2 * cpuPrice
		}
		return cpuPrice
	}
	change := compare(t, w, lastHours(24).Previous()) // the rest is idle money, which has no hours to price
	if want := "prices drove 88% of"; !strings.HasPrefix(change.Headline, want) ||
		!strings.Contains(change.Headline, "paid 0.080000 an hour for a CPU instead of 0.040000") {
		t.Errorf("headline %q", change.Headline)
	}
	if was := mustLoad(t, w, lastHours(24).Previous()); len(was.Notes) != 1 ||
		!strings.Contains(was.Notes[0], "cpu 0.040000, now 0.080000") {
		t.Errorf("notes %q", was.Notes)
	}
}

func TestWindowsOfUnequalLengthAreMadeComparableAndItIsSaid(t *testing.T) {
	w := newWorld(taskAPI, shop)
	before := Window{now.Add(-30 * time.Hour), now.Add(-24 * time.Hour)}
	was := mustLoad(t, w, before)
	change := compare(t, w, before)
	if !near(change.Scale, 4) || !near(change.Was, change.Is) {
		t.Errorf("scale %g, was %g, is %g", change.Scale, change.Was, change.Is)
	}
	if notes := strings.Join(change.notes(was), "\n"); !strings.Contains(
		notes, "it has data of 6.0 h; its money is shown times 4.000",
	) {
		t.Errorf("notes %q", notes)
	}
}

// TestDriversAddUpToTheChange holds with random figures, whatever OpenCost rounds.
func TestDriversAddUpToTheChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	spending := func(window Window) *Spending {
		s := &Spending{Window: window, Covered: window, IdleKnown: true}
		s.Idle = Money{CPU: random.Float64() - 0.2, Memory: random.Float64()}
		for range random.IntN(30) {
			hours := random.Float64() * 24
			if random.IntN(10) == 0 {
				hours = 0
			}
			s.Rows = append(s.Rows, Row{
				Namespace: "n", Controller: string(rune('a' + random.IntN(8))), Labels: map[string]string{"team": string(rune('x' + random.IntN(3)))},
				Hours: hours, CPUHours: random.ExpFloat64(), CPURequestHours: random.ExpFloat64(), MemoryHours: random.ExpFloat64(),
				MemoryRequestHours: random.ExpFloat64(), StorageHours: random.ExpFloat64() * float64(random.IntN(2)),
				Money: Money{
					random.ExpFloat64() * float64(random.IntN(2)), random.ExpFloat64() / 1e4, random.ExpFloat64(),
					random.ExpFloat64(), random.ExpFloat64(),
				},
			})
		}
		return s
	}
	for i := range 2000 {
		is := lastHours(1 + random.IntN(48))
		was, now := spending(is.Previous()), spending(is)
		change, err := Compare(was, now, outputs(), "team")
		if err != nil {
			t.Fatal(err)
		}
		var drivers, lines float64
		for _, d := range change.Drivers {
			drivers += d.Amount
		}
		for _, l := range change.Lines {
			lines += l.Amount
		}
		if want := now.Total() - was.Total(); !near(drivers, want) || !near(lines, want) || !near(change.Amount, want) {
			t.Fatalf("case %d: drivers add up to %g, lines to %g, the change is %g", i, drivers, lines, want)
		}
	}
}

// exact is a random window in which all money is a quantity times a price.
func exact(random *rand.Rand, window Window) *Spending {
	s := &Spending{Window: window, Covered: window, IdleKnown: true, Idle: Money{CPU: random.Float64()}}
	dearer := func() float64 { return 1 + 0.5*float64(random.IntN(3)) }
	for i := range 1 + random.IntN(6) {
		cpuPrice, memoryPrice, storagePrice := cpuPrice*dearer(), memoryPrice*dearer(), storagePrice*dearer()
		for range 1 + random.IntN(3) {
			r := Row{
				Namespace: "n", Controller: string(rune('a' + i)), Labels: map[string]string{"team": "x"}, Hours: 1 + 23*random.Float64(),
				CPURequestHours: 100 * random.Float64(), MemoryRequestHours: 1000 * random.Float64(), StorageHours: 1e5 * (1 + random.Float64()),
			}
			r.CPUHours = max(r.CPURequestHours, 50+100*random.Float64())
			r.MemoryHours = max(r.MemoryRequestHours, 500+1000*random.Float64())
			r.Money = Money{
				r.CPUHours * cpuPrice, r.MemoryHours * memoryPrice, r.StorageHours * storagePrice, random.Float64(),
				random.Float64(),
			}
			s.Rows = append(s.Rows, r)
		}
	}
	return s
}

// rounded is the same, as OpenCost answers it.
func rounded(s *Spending) *Spending {
	c := *s
	c.Rows = nil
	for _, r := range s.Rows {
		for _, figure := range []*float64{&r.CPU, &r.Memory, &r.Storage, &r.Network, &r.Other, &r.CPUHours, &r.MemoryHours} {
			*figure = math.Round(*figure/rounding) * rounding
		}
		c.Rows = append(c.Rows, r)
	}
	return &c
}

// TestOnlyRoundingIsLeftWithoutACause keeps the other causes honest: the sum alone would come right whatever they said.
func TestOnlyRoundingIsLeftWithoutACause(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	left := func(was, is *Spending) (sum float64) {
		change, err := Compare(was, is, outputs(), "team")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range change.Drivers {
			if d.Cause == CauseRounding {
				sum += math.Abs(d.Amount)
			}
		}
		return sum
	}
	for i := range 2000 {
		was, is := exact(random, lastHours(24).Previous()), exact(random, lastHours(24))
		if got := left(was, is); got > 1e-9 {
			t.Fatalf("case %d: %g is left of exact figures", i, got)
		}
		// Each row has three resources, each with a rounded cost and rounded hours.
		if got, most := left(rounded(was), rounded(is)), 6*rounding*float64(len(was.Rows)+len(is.Rows)); got > most {
			t.Fatalf("case %d: %g is left of rounded figures, rounding makes %g at most", i, got, most)
		}
	}
}

func TestIdleMoneyThatIsNotKnownDrivesNothing(t *testing.T) {
	before := Window{now.Add(-24*time.Hour - 3*time.Minute), now.Add(-24 * time.Hour)}
	change := compare(t, newWorld(taskAPI), before)
	for _, d := range change.Drivers {
		if d.Cause == CauseIdle {
			t.Errorf("driver %+v", d)
		}
	}
	if !near(change.Was, change.Is) {
		t.Errorf("was %g, is %g", change.Was, change.Is)
	}
}

func TestShapleyPrefersNoOrder(t *testing.T) {
	product := func(f []float64) float64 { return f[0] * f[1] }
	shares := shapley([]float64{2, 3}, []float64{4, 6}, product)
	if !near(shares[0], 9) || !near(shares[1], 9) {
		t.Errorf("shares %v, want 9 for each of two factors that doubled 6 to 24", shares)
	}
	if shares := shapley([]float64{2, 3}, []float64{2, 6}, product); shares[0] != 0 || !near(shares[1], 6) {
		t.Errorf("shares %v: a factor that stayed gets nothing", shares)
	}
}
