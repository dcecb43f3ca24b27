package rightsize

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

// The recommender's own examples (CreatePodResourceRecommender in recommender/logic/recommender.go of VPA v1.8.1): 12
// hours of history widen the upper bound 3 times, a day 2 times, a week 1.14 times.
func TestConfidenceIsTheRecommendersOwn(t *testing.T) {
	cases := map[string]struct {
		history  time.Duration
		samples  int
		level    string
		widening float64
		text     string
	}{
		"half a day":              {12 * time.Hour, 720, "low", 3, "low (12h)"},
		"just less than a day":    {24*time.Hour - time.Second, 1440, "low", 2, "low (23h)"},
		"a day":                   {24 * time.Hour, 1440, "medium", 2, "medium (24h)"},
		"a day of three pods":     {24 * time.Hour, 3 * 1440, "medium", 2, "medium (24h)"},
		"a week with few samples": {7 * 24 * time.Hour, 720, "low", 3, "low (12h)"},
		"a week":                  {7 * 24 * time.Hour, 7 * 1440, "medium", 1.14, "medium (7d)"},
		"eight days":              {8 * 24 * time.Hour, 8 * 1440, "high", 1.125, "high (8d)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := newConfidence(&vpa.Checkpoint{FirstSample: now.Add(-c.history), LastSample: now, Samples: c.samples})
			if got.Level != c.level || got.String() != c.text || math.Abs(got.widening()-c.widening) > 0.005 ||
				(got.doubt() == "") != (c.level != "low") {
				t.Errorf("got %s, widened %.3f times; want %s, %.3f times", got, got.widening(), c.text, c.widening)
			}
		})
	}
}

func TestConfidenceWithoutHistoryIsNeverMoreThanLow(t *testing.T) {
	if got := newConfidence(nil); got.Level != "unknown" || got.String() != "unknown" || got.doubt() == "" {
		t.Errorf("without a checkpoint: %s", got)
	}
	if got := newConfidence(&vpa.Checkpoint{Samples: 9000}); got.Level != "low" || *got.Days != 0 ||
		!strings.HasPrefix(got.doubt(), "a single sample") {
		t.Errorf("without samples: %s", got)
	}
	backwards := &vpa.Checkpoint{FirstSample: now, LastSample: now.Add(-time.Hour), Samples: 9}
	if got := newConfidence(backwards); got.Level != "low" || *got.Days != 0 {
		t.Errorf("of a clock that ran backwards: %s", got)
	}
}
