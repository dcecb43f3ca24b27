package evidence

import (
	"testing"
	"time"
)

func TestSecondsKeepMilliseconds(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 12729 * time.Millisecond, 31 * 24 * time.Hour} {
		if got := InSeconds(d).Duration(); got != d {
			t.Errorf("%s became %s", d, got)
		}
	}
}
