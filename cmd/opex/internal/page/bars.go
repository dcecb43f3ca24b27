package page

import (
	"fmt"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
)

// bars are the phases of a recovery, one below the other.
type bars struct {
	plot
	Rows []bar
}

type bar struct {
	Name, NameX, NameY, NameAnchor string
	Class, X, Y, W                 string
	Text, TextX, TextY, TextAnchor string
}

// barsOf draws the phases: names beside the bars on a screen, above them on a phone.
func barsOf(id string, d diagnose.Diagnosis) []bars {
	var said []string
	for _, p := range d.Phases {
		said = append(said, p.Name+" "+diagnose.Human(p.Took))
	}
	var found []bars
	for _, size := range sizes {
		left, row := 140.0, 26
		if size.class == "narrow" {
			left, row = 4, 40
		}
		b := bars{plot: newPlot(id+"b", size.class, size.width, len(d.Phases)*row+30, left, 0, 26)}
		b.Title = "Phases of the recovery of " + d.Service
		b.Description = strings.Join(said, ", ") + "."
		x := scale{from: 0, to: max(float64(d.Took), 0.001), a: b.left, b: b.right}
		b.XTicks = xTicks(x, b.ticks())
		for i, p := range d.Phases {
			b.Rows = append(b.Rows, b.row(p, x, float64(i*row), size.class == "narrow"))
		}
		found = append(found, b)
	}
	return found
}

func (b bars) row(p diagnose.Phase, x scale, top float64, above bool) bar {
	from, to := x.at(float64(p.From)), x.at(float64(p.From+p.Took))
	text := diagnose.Human(p.Took)
	if remark := p.Remark(); remark != "" {
		text += ", " + remark
	}
	r := bar{
		Name:       p.Name,
		NameX:      n(b.left - 8),
		NameY:      n(top + 16),
		NameAnchor: "end",
		Class:      "bar",
		X:          n(from),
		Y:          n(top + 5),
		W:          n(max(to-from, 1.5)),
		Text:       text,
		TextX:      n(to + 6),
		TextY:      n(top + 16),
		TextAnchor: "start",
	}
	if p.Took > p.Usual {
		r.Class = "bar slow"
	}
	width := 7 * float64(len(text)) // about
	if to+6+width > b.right {
		r.TextX, r.TextAnchor = n(from-6), "end"
	}
	if above {
		r.NameX, r.NameAnchor, r.Y = n(b.left), "start", n(top+20)
		r.TextX, r.TextY, r.TextAnchor = n(b.right), n(top+16), "end"
		r.Text = fmt.Sprint(text)
	} else if to+6+width > b.right && from-6-width < b.left { // as long as the whole row: its figure stands above
		r.TextX, r.TextY, r.TextAnchor = n(b.right), n(top+3), "end"
	}
	return r
}
