package recovery

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

func TestARestoreWhoseHooksVeleroForgotIsNoFailureWhereTheDatabaseWasLoaded(t *testing.T) {
	completed := time.Date(2026, 11, 23, 18, 47, 5, 0, time.UTC)
	pod := func(ready corev1.ConditionStatus) []corev1.Pod {
		return []corev1.Pod{
			{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}}},
		}
	}
	pod0 := pod(corev1.ConditionTrue)
	pod0[0].Status.Conditions[0].LastTransitionTime.Time = completed
	for name, c := range map[string]struct {
		attempted int
		databases []corev1.Pod
		after     time.Duration
		missing   bool
	}{
		"the hook ran":                     {1, pod(corev1.ConditionFalse), time.Hour, false},
		"forgotten, and loaded":            {0, pod0, time.Hour, false},
		"forgotten, and about to be ready": {0, pod(corev1.ConditionFalse), 5 * time.Second, false},
		"none ran":                         {0, pod(corev1.ConditionFalse), 31 * time.Second, true},
		"none ran, and there is no pod":    {0, nil, 31 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := hookMissing(velero.Restore{HooksAttempted: c.attempted, Completed: completed}, c.databases, completed.Add(c.after)); got != c.missing {
				t.Errorf("missing is %v", got)
			}
		})
	}
}
