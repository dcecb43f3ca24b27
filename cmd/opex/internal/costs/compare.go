package costs

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

// Change is the difference between two windows, and what made it.
type Change struct {
	Before Window `json:"before"`
	// all money of the window before is times this, to be of as many hours of data; 1 where both have as many
	Scale    float64      `json:"scale"`
	Was      float64      `json:"was"`
	Is       float64      `json:"is"`
	Amount   float64      `json:"amount"` // money: + is more than before
	Lines    []LineChange `json:"lines"`  // largest change first
	Drivers  []Driver     `json:"drivers"`
	Headline string       `json:"headline"`
}

// LineChange is the change of one line.
type LineChange struct {
	Name   string  `json:"name"`
	Was    float64 `json:"was"`
	Is     float64 `json:"is"`
	Amount float64 `json:"amount"`
}

// sameLength is the greatest relative difference of hours of data that is not made good.
const sameLength = 0.01

// Compare tells what changed from one window to the other.
func Compare(was, is *Spending, outputs stack.Outputs, by string) (*Change, error) {
	group, err := grouper(by, outputs)
	if err != nil {
		return nil, err
	}
	hours := is.Covered.Hours()
	change := &Change{Before: was.Window, Scale: hours / was.Covered.Hours()}
	if math.Abs(change.Scale-1) <= sameLength {
		change.Scale = 1
	}
	before, after := workloads(was, group, change.Scale), workloads(is, group, 1)
	lines := map[string]*LineChange{}
	add := func(name string, was, is float64) {
		if lines[name] == nil {
			lines[name] = &LineChange{Name: name}
		}
		line := lines[name]
		line.Was, line.Is = line.Was+was, line.Is+is
		line.Amount = line.Is - line.Was
		change.Was, change.Is = change.Was+was, change.Is+is
	}
	means := meanPrices(before, after)
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for _, key := range slices.SortedFunc(maps.Keys(keys), func(a, b workloadKey) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.name, b.name))
	}) {
		c := comparison{key, before[key], after[key], means, hours}
		change.Drivers = append(change.Drivers, c.drivers()...)
		add(key.line, c.was.Total(), c.is.Total())
	}
	if was.IdleKnown && is.IdleKnown {
		idle := was.Idle.times(change.Scale)
		add(opencost.Idle, idle.Total(), is.Idle.Total())
		change.Drivers = append(change.Drivers, idleDriver(idle, is.Idle))
	}
	change.Drivers = byAmount(change.Drivers)
	change.Amount = change.Is - change.Was
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		change.Lines = append(change.Lines, *lines[name])
	}
	slices.SortStableFunc(
		change.Lines, func(a, b LineChange) int { return cmp.Compare(math.Abs(b.Amount), math.Abs(a.Amount)) },
	)
	change.Headline = change.headline(by, outputs.Cost.Currency)
	return change, nil
}

// notes say how the windows were made comparable.
func (c *Change) notes(was *Spending) []string {
	var notes []string
	for _, note := range was.Notes {
		notes = append(notes, "window before: "+note)
	}
	if c.Scale != 1 {
		notes = append(
			notes,
			fmt.Sprintf(
				"window before: it has data of %s; its money is shown times %.3f, for as many hours as the window now",
				short(was.Covered.Hours()), c.Scale,
			),
		)
	}
	return notes
}

// steady is the relative change that is called none.
const steady = 0.005

// headline is the answer in one sentence.
func (c *Change) headline(by, currency string) string {
	total := fmt.Sprintf("%+.*f %s (%+.0f%%)", decimals(c.Amount), c.Amount, currency, 100*ratio(c.Amount, c.Was))
	if math.Abs(c.Amount) <= max(steady*c.Was, rounding) {
		return "costs stayed the same: " + total
	}
	var priced float64
	var dearest Driver
	for _, d := range c.Drivers {
		if slices.Contains([]string{CauseCPUPrice, CauseMemoryPrice, CauseStoragePrice}, d.Cause) {
			priced += d.Amount
			if d.Amount*sign(c.Amount) > dearest.Amount*sign(c.Amount) {
				dearest = d
			}
		}
	}
	if 2*priced/c.Amount >= 1 {
		return fmt.Sprintf(
			"prices drove %.0f%% of %s: %s %s", 100*priced/c.Amount, total, dearest.Workload, dearest.Detail,
		)
	}
	var top LineChange // that went furthest in the direction of the whole
	for _, line := range c.Lines {
		if line.Amount*sign(c.Amount) > top.Amount*sign(c.Amount) {
			top = line
		}
	}
	for _, d := range c.Drivers {
		if d.Line == top.Name && d.Amount*sign(c.Amount) > 0 {
			text := fmt.Sprintf("%s drove %.0f%% of %s: ", c.who(by, top.Name), 100*top.Amount/c.Amount, total)
			return text + strings.TrimSpace(d.Workload+" "+d.Detail)
		}
	}
	return "costs changed by " + total
}

func (c *Change) who(by, name string) string {
	switch name {
	case opencost.Idle:
		return "idle capacity"
	case opencost.Unallocated:
		return "money without " + by
	}
	return by + " " + name
}

func sign(x float64) float64 { return math.Copysign(1, x) }
