package page

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
)

// plot is what all pictures share: a size, the frame in it, and ticks.
type plot struct {
	ID, Class, Title, Description string

	Width, Height            int
	Left, Right, Top, Bottom string
	PlotWidth, PlotHeight    string
	TickX, TickY, TickTextY  string
	MarkY                    string
	XTicks, YTicks           []tick
	left, right, top, bottom float64
}

// sizes are those of a screen and of a phone: text keeps its size, so a picture is drawn for each.
var sizes = []struct {
	class string
	width int
}{{"wide", 960}, {"narrow", 350}}

func newPlot(id, class string, width, height int, left, top, bottom float64) plot {
	p := plot{
		ID:     id + class[:1],
		Class:  class,
		Width:  width,
		Height: height,
		left:   left,
		right:  float64(width) - 12,
		top:    top,
		bottom: float64(height) - bottom,
	}
	p.Left, p.Right, p.Top, p.Bottom = n(p.left), n(p.right), n(p.top), n(p.bottom)
	p.PlotWidth, p.PlotHeight = n(p.right-p.left), n(p.bottom-p.top)
	p.TickX, p.TickY, p.TickTextY, p.MarkY = n(p.left-6), n(p.bottom+4), n(p.bottom+17), n(p.top-6)
	return p
}

// ticks is how many fit in a row.
func (p plot) ticks() int { return max(3, int(p.right-p.left)/75) }

// chart is latency over time.
type chart struct {
	plot
	Band          *band
	Target        *tick
	P50, P95, Max string
	Marks         []mark
	Lanes         []lane
	Legend        []legend
	LegendY       string
	LaneX         string
}

type band struct{ X, W string }

type mark struct{ Class, At, TextAt, Anchor, Text string }

type lane struct {
	Name, TextAt string
	Points       []point
}

type point struct{ Class, D, Text string }

type legend struct{ Class, D, X, Text string }

// logRatio is from when on latencies are drawn on a logarithmic axis: otherwise the usual ones would be a flat line.
const logRatio = 20

func charts(id string, r evidence.GameDay) []chart {
	var found []chart
	for _, size := range sizes {
		c := chart{plot: newPlot(id+"c", size.class, size.width, 380, 70, 54, 84), LegendY: "16"}
		slots := merge(r.Curve, int(c.right-c.left)/2)
		c.draw(r, slots)
		found = append(found, c)
	}
	return found
}

// slotWidth is the width of a record's slots.
func slotWidth(r evidence.GameDay) evidence.Seconds {
	return cmp.Or(r.Slot, evidence.InSeconds(evidence.SlotWidth))
}

// merge makes slots wider until there are few enough. The highest of each figure stays, so that no peak is hidden.
func merge(slots []evidence.Slot, most int) []evidence.Slot {
	by := (len(slots) + most - 1) / most
	if by <= 1 {
		return slots
	}
	var found []evidence.Slot
	for i := 0; i < len(slots); i += by {
		sum := slots[i]
		for _, s := range slots[i+1 : min(i+by, len(slots))] {
			sum.Requests += s.Requests
			sum.ServerErrors += s.ServerErrors
			sum.TransportErrors += s.TransportErrors
			sum.P50, sum.P95, sum.Max = max(sum.P50, s.P50), max(sum.P95, s.P95), max(sum.Max, s.Max)
		}
		found = append(found, sum)
	}
	return found
}

func (c *chart) draw(r evidence.GameDay, slots []evidence.Slot) {
	x := scale{from: float64(slots[0].At), to: float64(slots[len(slots)-1].At + slotWidth(r)), a: c.left, b: c.right}
	y := latencies(r, slots, c.bottom, c.top)
	c.XTicks, c.YTicks = xTicks(x, c.ticks()), yTicks(y, 6)
	// Below the plot come two lanes of marks, then the axis.
	axis := c.bottom + 46
	c.TickY, c.TickTextY = n(axis), n(axis+15)
	c.P50 = line(x, y, slots, slotWidth(r), func(s evidence.Slot) evidence.Seconds { return s.P50 })
	c.P95 = line(x, y, slots, slotWidth(r), func(s evidence.Slot) evidence.Seconds { return s.P95 })
	c.Max = line(x, y, slots, slotWidth(r), func(s evidence.Slot) evidence.Seconds { return s.Max })
	if at := y.at(float64(r.Objectives.P95)); r.Objectives.P95 > 0 && at > c.top {
		c.Target = &tick{At: n(at), TextAt: n(at - 5), Text: "P95 target " + human.Latency(r.Objectives.P95)}
	}
	c.LaneX = n(c.left + 8)
	c.Lanes = []lane{
		c.lane("5xx", 16, x, slots, slotWidth(r), func(s evidence.Slot) int { return s.ServerErrors }, square),
		c.lane(
			"no answer", 35, x, slots, slotWidth(r), func(s evidence.Slot) int { return s.TransportErrors }, triangle,
		),
	}
	if !r.KilledAt.IsZero() {
		c.Marks = append(c.Marks, mark{"mark", n(x.at(0)), n(x.at(0)), "end", "kill"})
	}
	if r.Recovery > 0 {
		at := x.at(float64(r.Recovery))
		m := mark{"mark dashed", n(at), n(at + 2), "start", "recovered " + diagnose.Human(r.Recovery)}
		if at > c.right-120 {
			m.TextAt, m.Anchor = n(c.right), "end"
			c.Marks[0].TextAt = n(x.at(0) - 4)
		}
		c.Marks = append(c.Marks, m)
		c.Band = &band{n(x.at(0)), n(at - x.at(0))}
	}
	at := c.left
	for _, l := range []struct{ class, text string }{{"p50", "P50"}, {"p95", "P95"}, {"max", "max"}} {
		c.Legend = append(c.Legend, legend{l.class, fmt.Sprintf("M%s 12h26", n(at)), n(at + 32), l.text})
		at += 84
	}
	c.Title = "Latency of " + r.Service + " around the kill"
	c.Description = fmt.Sprintf(
		"P50, P95 and the longest answer from %s s before to %s s after the kill. Until recovered: P50 "+
			"%s, P95 %s, longest %s. "+
			"Answers of 500 and above: %d. Requests without an answer: %s.",
		trim(-x.from),
		trim(x.to),
		human.Latency(r.During.P50),
		human.Latency(r.During.P95),
		human.Latency(r.During.Max),
		r.ServerErrors(),
		judge.Kinds(r.During.TransportErrors),
	)
}

// latencies is the axis of latencies. It holds the target, unless that is far above all.
func latencies(r evidence.GameDay, slots []evidence.Slot, bottom, top float64) scale {
	low, high := 0.0, 0.0
	for _, s := range slots {
		if s.Requests == 0 {
			continue
		}
		if p := float64(s.P50); p > 0 && (low == 0 || p < low) {
			low = p
		}
		high = max(high, float64(s.Max))
	}
	if low == 0 {
		low = 0.001
	}
	high = max(high, low)
	if high > logRatio*low {
		return scale{from: low / 1.5, to: max(high, float64(r.Objectives.P95)) * 1.5, a: bottom, b: top, log: true}
	}
	return scale{from: 0, to: high * 1.1, a: bottom, b: top}
}

// line leaves a gap where nothing was asked.
func line(
	x, y scale, slots []evidence.Slot, width evidence.Seconds, value func(evidence.Slot) evidence.Seconds,
) string {
	var path strings.Builder
	pen := "M"
	for _, s := range slots {
		if s.Requests == 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%s %s", pen, n(x.at(float64(s.At+width/2))), n(y.at(float64(value(s)))))
		pen = "L"
	}
	return path.String()
}

func (c *chart) lane(
	name string,
	below float64,
	x scale,
	slots []evidence.Slot,
	width evidence.Seconds,
	count func(evidence.Slot) int,
	shape func(x,
		y float64) (class, d string),
) lane {
	l := lane{Name: name, TextAt: n(c.bottom + below + 4)}
	for _, s := range slots {
		if count(s) == 0 {
			continue
		}
		class, d := shape(x.at(float64(s.At+width/2)), c.bottom+below)
		l.Points = append(
			l.Points,
			point{class, d, fmt.Sprintf("%d of %d requests at %s s", count(s), s.Requests, trim(float64(s.At)))},
		)
	}
	return l
}

func square(x, y float64) (class, d string) {
	return "server", fmt.Sprintf("M%s %sh8v8h-8z", n(x-4), n(y-4))
}

func triangle(x, y float64) (class, d string) {
	return "transport", fmt.Sprintf("M%s %sl5 9h-10z", n(x), n(y-5))
}
