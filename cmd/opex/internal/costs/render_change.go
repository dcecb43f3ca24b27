package costs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

func (c *Change) lines(by string) table.Table {
	t := table.Table{
		Header: []string{strings.ToUpper(by), "BEFORE", "NOW", "CHANGE", "SHARE OF CHANGE"},
		Right:  []int{1, 2, 3, 4},
	}
	places := decimals(max(c.Was, c.Is))
	for _, line := range append(slices.Clone(c.Lines), LineChange{"total", c.Was, c.Is, c.Amount}) {
		t.Rows = append(
			t.Rows,
			[]string{line.Name, amount(line.Was, places), amount(line.Is, places), signed(line.Amount, places),
				percent(ratio(line.Amount, c.Amount))},
		)
	}
	return t
}

// Drivers are shown one by one up to a number, and down to a part of the largest; the others are summed up.
const (
	mostDrivers    = 12
	smallestDriver = 0.01
)

func (c *Change) drivers(by string) table.Table {
	t := table.Table{Header: []string{"CHANGE", strings.ToUpper(by), "WORKLOAD", "CAUSE", "WHAT"}, Right: []int{0}}
	places := decimals(max(c.Was, c.Is))
	var others float64
	var smaller int
	for i, d := range c.Drivers {
		if i >= mostDrivers ||
			math.Abs(d.Amount) < max(smallestDriver*math.Abs(c.Drivers[0].Amount), math.Pow10(-places)/2) {
			others, smaller = others+d.Amount, smaller+1
			continue
		}
		t.Rows = append(t.Rows, []string{signed(d.Amount, places), d.Line, d.Workload, d.Cause, d.Detail})
	}
	if smaller > 0 {
		t.Rows = append(
			t.Rows, []string{signed(others, places), "", "", "smaller ones", fmt.Sprintf("%d together", smaller)},
		)
	}
	return t
}

func signed(value float64, places int) string {
	text := amount(value, places)
	if !strings.HasPrefix(text, "-") {
		return "+" + text
	}
	return text
}
