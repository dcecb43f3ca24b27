package vpa

import (
	"fmt"
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Floor is the least that the recommender gives to a pod.
type Floor map[corev1.ResourceName]resource.Quantity

// ParseFloor reads the two quantities that a stack's outputs give.
func ParseFloor(cpu, memory string) (Floor, error) {
	floor := Floor{}
	for kind, text := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fmt.Errorf(
				"the recommender's floor of %s is %q, which is no quantity: outputs of another version", kind, text,
			)
		}
		floor[kind] = quantity
	}
	return floor, nil
}

// Least is what a container's recommendation is at least, in whole millicores or bytes: a pod's floor is shared equally
// by the containers that the recommender tracks, which are those that it recommends for, injected sidecars among them;
// and cut to whole units (GetRecommendedPodResources in recommender/logic/recommender.go of VPA v1.8.1).
func (f Floor) Least(kind corev1.ResourceName, containers int) int64 {
	return int64(math.Trunc(float64(Amount(kind, f[kind])) * (1 / float64(max(1, containers)))))
}

// Amount is a quantity in the recommender's own units: whole millicores of cpu, or bytes of memory.
func Amount(kind corev1.ResourceName, q resource.Quantity) int64 {
	if kind == corev1.ResourceCPU {
		return q.MilliValue()
	}
	return q.Value()
}

// tinyAfter is how many days of samples have to stand behind a recommendation at the floor until it is believed: then
// the service is tiny.
const tinyAfter = 1

// Silent says that a container's recommendation of a resource is no information: its need is not known, or is at the
// floor, where there is no sample yet or too little use to measure, and no day of history that says so. The history is
// nil where there is none.
func (f Floor) Silent(kind corev1.ResourceName, r Recommendation, containers int, history *Checkpoint) bool {
	need, is := r.Uncapped[kind]
	if !is {
		need, is = r.Target[kind]
	}
	return !is || Amount(kind, need) <= f.Least(kind, containers) && (history == nil || history.Days() < tinyAfter)
}
