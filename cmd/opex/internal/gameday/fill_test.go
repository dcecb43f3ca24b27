package gameday

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/chaosmesh"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

func TestTheWindowsOfALoadThatBrokeOffEndWithIt(t *testing.T) {
	for name, c := range map[string]struct {
		lasted        time.Duration // of the load, which began 15 s before the kill; the recovery took 1.5 s
		before, after float64       // seconds of the windows
	}{
		"to the end":          {30 * time.Second, 15, 13.5},
		"within the recovery": {16 * time.Second, 15, 0},
		"before the kill":     {9 * time.Second, 15, 0},
	} {
		t.Run(name, func(t *testing.T) {
			told := story{killed: kill, recovered: at(1500), victims: []*corev1.Pod{{}}, moments: map[string]time.Time{}}
			var r evidence.GameDay
			(&Site{}).fill(t.Context(), &r, told, chaosmesh.Experiment{}, nil, load.Totals{Began: at(-15000), Lasted: c.lasted}, load.Plan{Rate: 200})
			if before, after := float64(r.Before.To-r.Before.From), float64(r.After.To-r.After.From); before != c.before || after != c.after {
				t.Errorf("before are %g s and after %g s, want %g and %g", before, after, c.before, c.after)
			}
		})
	}
}
