// Package crons reckons with cron expressions, the same in the program, which refuses a schedule that is too slow, and
// in the command, which looks at what the cluster has.
package crons

import (
	"math"
	"time"

	"github.com/netresearch/go-cron"
)

// Parse reads a cron expression of five fields as Velero does, with Velero's own parser (v1.18.3,
// pkg/controller/schedule_controller.go).
func Parse(text string) (cron.Schedule, error) { return cron.ParseStandard(text) }

// LongestGap is the longest time between two times of a schedule, over the year and a day that follow; the greatest
// duration there is for one that ends.
func LongestGap(of cron.Schedule, from time.Time) time.Duration {
	var longest time.Duration
	at := of.Next(from.UTC())
	for end := at.AddDate(1, 0, 1); at.Before(end); {
		next := of.Next(at)
		if at.IsZero() || next.IsZero() {
			return math.MaxInt64
		}
		longest, at = max(longest, next.Sub(at)), next
	}
	return longest
}
