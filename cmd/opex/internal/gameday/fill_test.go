package gameday

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

func TestTheWindowsOfALoadThatBrokeOffEndWithIt(t *testing.T) {
	for name, c := range map[string]struct {
		lasted                time.Duration // of the load, which began 15 s before the kill; the recovery took 1.5 s
		before, during, after float64       // seconds of the windows
		recovered             evidence.Seconds
	}{
		"to the end":          {30 * time.Second, 15, 1.5, 13.5, 1.5},
		"within the recovery": {16 * time.Second, 15, 1, 0, 0}, // what came then, nobody asked for
		"before the kill":     {9 * time.Second, 9, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			told := story{
				killed:    kill,
				recovered: at(1500),
				victims:   []*corev1.Pod{{}},
				moments:   map[string]time.Time{},
			}
			var r evidence.GameDay
			fill(&r, told, load.List{}, load.Totals{Began: at(-15000), Lasted: c.lasted}, load.Plan{Rate: 200})
			length := func(w evidence.Window) float64 { return float64(w.To - w.From) }
			if length(r.Before) != c.before || length(r.During) != c.during || length(r.After) != c.after ||
				r.Recovery != c.recovered {
				t.Errorf(
					"before %g s, during %g s, after %g s, recovered in %g s, want %+v", length(r.Before),
					length(r.During), length(r.After), float64(r.Recovery), c,
				)
			}
		})
	}
}

func TestTheFirstGoodAnswerIsThatAfterTheLastBadOne(t *testing.T) {
	sample := func(ms, took, status int) load.Sample {
		return load.Sample{Due: at(ms), Latency: time.Duration(took) * time.Millisecond, Status: status}
	}
	fine := load.List{sample(-5, 1, 200), sample(5, 1, 200)}
	for name, c := range map[string]struct {
		samples load.List
		want    time.Time
	}{
		"none was bad":         {fine, kill},
		"a bad one before":     {append(load.List{sample(-9, 1, 500)}, fine...), kill},
		"bad ones for a while": {append(fine, sample(10, 1, 0), sample(15, 1, 200), sample(20, 1, 503), sample(25, 9, 200), sample(30, 1, 200)), at(31)},
		"bad to the end":       {append(fine, sample(10, 1, 0)), time.Time{}},
		"a 404 is an answer":   {append(fine, sample(10, 1, 404)), kill},
	} {
		t.Run(name, func(t *testing.T) {
			if got := firstGood(c.samples, at(-1000), kill, at(1000)); !got.Equal(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
