package page

import (
	"fmt"
	"math"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// strip is one dot for the recovery of each kill.
type strip struct {
	plot
	Target *mark
	Points []point
}

func strips(id string, records []evidence.GameDay) []strip {
	target := float64(records[0].Objectives.Recovery)
	most := 0.0
	for _, r := range records {
		most = max(most, float64(r.Recovery))
	}
	end := most * 1.15
	if target < most*4 { // otherwise the dots would be one
		end = max(end, target*1.08)
	}
	if end == 0 {
		end = max(target, 1)
	}
	var found []strip
	for _, size := range sizes {
		s := strip{plot: newPlot(id+"s", size.class, size.width, 130, 16, 26, 28)}
		x := scale{from: 0, to: end, a: s.left, b: s.right}
		s.XTicks = xTicks(x, s.ticks())
		s.Title, s.Description = fmt.Sprintf("Recovery of %d kills", len(records)), spread(records)
		s.Target = &mark{
			"target", n(x.at(target)), n(x.at(target)), "end", "target " + diagnose.Human(evidence.Seconds(target)),
		}
		if target > end {
			s.Target = &mark{
				"target",
				n(s.right),
				n(s.right),
				"end",
				"target " + diagnose.Human(evidence.Seconds(target)) + ", " +
					"far to the right →",
			}
		}
		s.dots(records, x)
		found = append(found, s)
	}
	return found
}

// dots puts those that would cover each other on top of each other. A kill without recovery is a cross at the right
// end.
func (s *strip) dots(records []evidence.GameDay, x scale) {
	const size = 11.0
	stacked := map[int]int{}
	for i, r := range records {
		at, class := x.at(float64(r.Recovery)), "dot"
		if r.Recovery == 0 {
			at, class = s.right-8, "dot bad"
		}
		column := int(math.Round(at / size))
		y := s.bottom - 8 - size*float64(stacked[column])
		stacked[column]++
		d := fmt.Sprintf("M%s %sa5 5 0 1 0 10 0a5 5 0 1 0 -10 0", n(at-5), n(y))
		if class == "dot bad" {
			d = fmt.Sprintf("M%s %sl9 9m0 -9l-9 9", n(at-4.5), n(y-4.5))
		}
		s.Points = append(s.Points, point{class, d, fmt.Sprintf("kill %d: %s", i+1, recovery(r))})
	}
}

// spread sums up the recoveries. The 95th percentile is by nearest rank.
func spread(records []evidence.GameDay) string {
	var times []evidence.Seconds
	for _, r := range records {
		if r.Recovery > 0 {
			times = append(times, r.Recovery)
		}
	}
	if len(times) == 0 {
		return fmt.Sprintf("None of %d kills was recovered from.", len(records))
	}
	rank := func(p int) string { return diagnose.Human(evidence.Percentile(times, p)) }
	text := fmt.Sprintf("Recovery: least %s, median %s, P95 %s, most %s.", rank(0), rank(50), rank(95), rank(100))
	if missing := len(records) - len(times); missing > 0 {
		text += fmt.Sprintf(" Not recovered: %d of %d (×).", missing, len(records))
	}
	return text
}
