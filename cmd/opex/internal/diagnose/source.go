package diagnose

import (
	"slices"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Worst returns the kill to explain: one that did not recover, else the slowest. A record without a kill comes last.
func Worst(records []evidence.GameDay) evidence.GameDay {
	rank := func(r evidence.GameDay) evidence.Seconds {
		switch {
		case r.KilledAt.IsZero():
			return -1
		case r.Recovery == 0:
			return evidence.Seconds(1 << 30)
		}
		return r.Recovery
	}
	return slices.MaxFunc(records, func(a, b evidence.GameDay) int {
		switch {
		case rank(a) < rank(b):
			return -1
		case rank(a) > rank(b):
			return 1
		}
		return 0
	})
}
