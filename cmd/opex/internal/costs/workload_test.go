package costs

import "testing"

func TestPricesAreToldFromMoneyOnlyAsFarAsRoundingAllows(t *testing.T) {
	mean := [2]float64{7, 8}
	cases := map[string]struct {
		was, is quantity
		want    [2]float64
	}{
		"a change that tells":          {quantity{1, 10, 1}, quantity{2, 10, 1}, [2]float64{0.1, 0.2}},
		"a small change of much money": {quantity{100, 1000, 3}, quantity{101, 1000, 3}, [2]float64{0.1, 0.101}},
		"what rounding may have made": {
			quantity{0.00156, 0.0492, 1}, quantity{0.00158, 0.0495, 1}, [2]float64{0.00314 / 0.0987, 0.00314 / 0.0987},
		},
		"too little money":    {quantity{0.00011, 0.003, 1}, quantity{0.0002, 0.003, 1}, mean},
		"too many roundings":  {quantity{0.01, 1, 100}, quantity{0.02, 1, 100}, mean},
		"nothing before":      {quantity{}, quantity{2, 10, 1}, mean},
		"nothing now":         {quantity{2, 10, 1}, quantity{}, mean},
		"money without hours": {quantity{2, 0, 1}, quantity{2, 10, 1}, mean},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := prices(c.was, c.is, mean); !near(got[0], c.want[0]) || !near(got[1], c.want[1]) {
				t.Errorf("prices %v, want %v", got, c.want)
			}
		})
	}
}

func TestFactorsMakeUpTheMoney(t *testing.T) {
	for name, c := range map[string]struct{ charged, hours, requested float64 }{
		"use within the request": {12, 6, 12}, "use above the request": {12, 6, 6}, "rounding": {11.9999, 6, 12}, "no request": {3, 6, 0},
	} {
		f := factors(c.charged, c.hours, c.requested, 0.5)
		if !near(value(f), c.charged/2) || f[above] < 0 {
			t.Errorf("%s: factors %v make %g, want %g", name, f, value(f), c.charged/2)
		}
	}
}
