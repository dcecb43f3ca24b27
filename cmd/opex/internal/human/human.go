// Package human writes durations for people.
package human

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Duration writes two units at most, and tenths of a second below ten: 2 h 5 min, 45 s, 1.4 s. What is longest of all
// is never.
func Duration(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	switch {
	case d == math.MaxInt64:
		return "never"
	case d < 0:
		return "-" + Duration(-d)
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Hour:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Second)
	}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%d %s", d/u.size, u.name)
		if i+1 < len(units) && d%u.size/units[i+1].size > 0 {
			text += fmt.Sprintf(" %d %s", d%u.size/units[i+1].size, units[i+1].name)
		}
		return text
	}
	return "0 s"
}

// Exact writes a duration as Go does, without parts that are zero: 24h, not 24h0m0s. Config is written so.
func Exact(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// Latency writes the time of an answer with as many digits as mean something.
func Latency(s evidence.Seconds) string {
	switch {
	case s == evidence.Never:
		return "no answer"
	case s >= 1:
		return fmt.Sprintf("%.2f s", float64(s))
	case s >= 0.1:
		return fmt.Sprintf("%.0f ms", float64(s)*1000)
	}
	return fmt.Sprintf("%.1f ms", float64(s)*1000)
}

// Count writes a number of things: 1 kill, 2 kills.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
