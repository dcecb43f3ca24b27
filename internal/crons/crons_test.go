package crons

import (
	"math"
	"testing"
	"time"
)

func TestLongestGapIsTheLongestOfAYear(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0 2 * * *":      day,
		"0 */6 * * *":    6 * time.Hour,
		"0 */5 * * *":    5 * time.Hour, // and four hours from 20:00 to 0:00
		"*/45 * * * *":   45 * time.Minute,
		"0 2 * * 1-5":    3 * day,  // over the weekend
		"0 2 1 * *":      31 * day, // January and July end with a long one
		"0 2 29 2 *":     math.MaxInt64,
		"0 0,1,13 * * *": 12 * time.Hour,
	} {
		parsed, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got := LongestGap(parsed, time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
		if text == "0 2 29 2 *" {
			if got < 365*day { // once in four years
				t.Errorf("%q: %s", text, got)
			}
		} else if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
