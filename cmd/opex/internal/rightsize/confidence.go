package rightsize

import (
	"fmt"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

// Confidence says how much history a recommendation rests on.
//
// The recommender has a measure of its own, in days: vpa.Checkpoint.Days. By it, it widens the bounds: lower by (1 +
// 0.001/days)^-2, upper by 1 + 1/days (CreatePodResourceRecommender in recommender/logic/recommender.go of VPA v1.8.1).
// Here it is read from the checkpoints and not computed back from the bounds' width: the bounds are other percentiles
// of usage than the target (0.5 and 0.95, against 0.9) and are cut to the policy, so a wide gap can be a short history
// or an uneven load, and a narrow one a policy. For the same reason nothing is ever derived from the upper bound: after
// an hour it is 25 times what the history says.
type Confidence struct {
	Level string   `json:"level"` // low, medium, high or unknown
	Days  *float64 `json:"days"`  // of history; nil where there is no checkpoint
}

// Days of history from which on a level holds. Less than one has not seen each hour of a day. The peaks of memory are
// kept per day for eight days (DefaultMemoryAggregationIntervalCount in recommender/model/aggregations_config.go),
// which also is each weekday once.
const (
	mediumDays = 1
	highDays   = 8
)

func newConfidence(checkpoint *vpa.Checkpoint) Confidence {
	if checkpoint == nil {
		return Confidence{Level: "unknown"}
	}
	days := checkpoint.Days()
	level := "low"
	switch {
	case days >= highDays:
		level = "high"
	case days >= mediumDays:
		level = "medium"
	}
	return Confidence{Level: level, Days: &days}
}

// widening is the factor on the upper bound.
func (c Confidence) widening() float64 { return 1 + 1 / *c.Days }

// doubt says why a recommendation is not yet to be relied on; empty where it is.
func (c Confidence) doubt() string {
	switch {
	case c.Days == nil:
		return "no checkpoint of its history: how much there is, is not known"
	case *c.Days >= mediumDays:
		return ""
	case *c.Days == 0:
		return "a single sample: wait for a day before you lower anything"
	}
	return fmt.Sprintf(
		"%s of history, less than a day: a daily peak may be missing, so wait before you lower anything. "+
			"Its upper bounds are widened %.0f times for that alone",
		age(c.history()),
		c.widening(),
	)
}

func (c Confidence) history() time.Duration { return time.Duration(*c.Days * 24 * float64(time.Hour)) }

func (c Confidence) String() string {
	if c.Days == nil {
		return c.Level
	}
	return fmt.Sprintf("%s (%s)", c.Level, age(c.history()))
}

// age writes a duration in its largest unit, as kubectl does.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
