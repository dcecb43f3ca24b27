package page

import (
	"fmt"
	"math"
	"strconv"
)

// scale turns values into places on an axis.
type scale struct {
	from, to float64 // values
	a, b     float64 // places
	log      bool
}

func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		from, to, v = math.Log(from), math.Log(to), math.Log(max(v, s.from))
	}
	if to == from {
		return s.a
	}
	return s.a + (v-from)/(to-from)*(s.b-s.a)
}

// ticks are round values: 1, 2 or 5 times a power of ten, about as many as are wanted.
func (s scale) ticks(wanted int) []float64 {
	if s.log {
		return logTicks(s.from, s.to, wanted)
	}
	raw := (s.to - s.from) / float64(wanted)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{2, 2.5, 2} { // 2, 5, 10
		if step >= raw {
			break
		}
		step *= factor
	}
	var found []float64
	for i := math.Ceil(s.from/step - 1e-9); i*step <= s.to+1e-9*step; i++ {
		found = append(found, i*step)
	}
	return found
}

func logTicks(from, to float64, wanted int) []float64 {
	for _, factors := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		var found []float64
		for exponent := math.Floor(math.Log10(from)); math.Pow(10, exponent) <= to; exponent++ {
			for _, factor := range factors {
				if v := factor * math.Pow(10, exponent); v >= from*0.999 && v <= to*1.001 {
					found = append(found, v)
				}
			}
		}
		if len(found) <= wanted+2 || len(factors) == 1 {
			return found
		}
	}
	return nil
}

// n writes a place, to a tenth.
func n(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// trim writes a tick's value without needless zeros.
func trim(v float64) string {
	return strconv.FormatFloat(math.Round(v*1000)/1000+0, 'f', -1, 64) // + 0: there is no negative zero for people
}

type tick struct{ At, TextAt, Anchor, Text string }

// yTicks are of latencies.
func yTicks(s scale, wanted int) []tick {
	var found []tick
	for _, v := range s.ticks(wanted) {
		text := trim(v) + " s"
		if v < 1 {
			text = fmt.Sprintf("%s ms", trim(v*1000))
		}
		found = append(found, tick{At: n(s.at(v)), TextAt: n(s.at(v) + 4), Text: text})
	}
	return found
}

// edge is how near to an end of the axis a text in the middle of its tick would be cut off.
const edge = 14

// xTicks are of seconds.
func xTicks(s scale, wanted int) []tick {
	var found []tick
	for _, v := range s.ticks(wanted) {
		t := tick{At: n(s.at(v)), Anchor: "middle", Text: trim(v) + " s"}
		switch {
		case s.at(v) > s.b-edge:
			t.Anchor = "end"
		case s.at(v) < s.a+edge:
			t.Anchor = "start"
		}
		found = append(found, t)
	}
	return found
}
