package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/problem"
)

// Size describes how sizes are advised on. It is `opex:size`.
type Size struct {
	// Install the Vertical Pod Autoscaler's recommender, and let it look at every service. false: no advice.
	Enabled bool `json:"enabled"`
	// Install metrics-server, which the recommender samples. false where the cluster has one already.
	MetricsServer bool `json:"metricsServer"`
}

// SetDefaults fills what is unset.
func (s *Size) SetDefaults() { s.Enabled, s.MetricsServer = true, true }

// RightSizing describes how a workload's size is advised on.
type RightSizing struct {
	// Update mode of the VerticalPodAutoscaler. Any other than Off restarts or changes pods by itself, needs an updater
	// that this program does not install, and a reason; SC-003 stays red.
	Mode string `json:"mode"`
	// Why the mode is not Off, in three words or more. It stands on the object as the annotation
	// opex/update-mode-reason, where the review looks for it.
	Reason string `json:"reason"`
	// Least that is recommended for a container.
	Min Amounts `json:"min"`
	// Most that is recommended for a container.
	Max Amounts `json:"max"`

	// Resources, cpu or memory, by which a HorizontalPodAutoscaler of yours scales the pods. The number of pods is then
	// left to it; a preview warns that advice on them follows the number of pods, and any mode other than Off is
	// refused.
	HorizontallyScaledBy []string `json:"horizontallyScaledBy"`
}

// ScaledResources are what the recommender knows; GPUs it does not.
var ScaledResources = []string{"cpu", "memory"}

// updateModes are those of autoscaling.k8s.io/v1 in VPA 1.8; Auto is another name for Recreate there, and deprecated.
var updateModes = []string{"Off", "Initial", "Recreate", "InPlaceOrRecreate"}

// SetDefaults fills what is unset.
func (r *RightSizing) SetDefaults() {
	setDefault(&r.Mode, "Off")
	setDefault(&r.Min.CPU, "100m")
	setDefault(&r.Min.Memory, "128Mi")
	setDefault(&r.Max.CPU, "2000m")
	setDefault(&r.Max.Memory, "2Gi")
}

// problems returns all that is wrong; the bounds must hold the workload's own requests.
func (r RightSizing) problems(requests Amounts) problem.List {
	var found problem.List
	if !slices.Contains(updateModes, r.Mode) {
		found.Add("mode", "is %q, allowed are %s", r.Mode, strings.Join(updateModes, ", "))
	} else if r.Mode != "Off" && len(strings.Fields(r.Reason)) < 3 {
		found.Add("mode", "is %s, which changes pods while they serve. Off only advises; for any other mode, say in `reason` why", r.Mode)
	}
	for i, resource := range r.HorizontallyScaledBy {
		if !slices.Contains(ScaledResources, resource) {
			found.Add(
				fmt.Sprintf("horizontallyScaledBy[%d]", i), "is %q, allowed are %s", resource,
				strings.Join(ScaledResources, " and "),
			)
		} else if r.Mode != "Off" {
			found.Add("mode", "is %s, while a HorizontalPodAutoscaler scales the pods by %s: each would undo what the other does. Allowed is Off", r.Mode, resource)
		}
	}
	bounds := func(kind string, low, request, high Quantity) {
		least, okLeast := checkQuantity(&found, "min."+kind, low)
		most, okMost := checkQuantity(&found, "max."+kind, high)
		now, okNow := checkQuantity(&problem.List{}, kind, request) // it has a path of its own
		switch {
		case okLeast && okMost && least.Cmp(most) > 0:
			found.Add("min."+kind, "is %s, more than max.%s (%s)", low, kind, high)
		case okLeast && okNow && now.Cmp(least) < 0:
			found.Add(
				"min."+kind, "is %s, more than the request of %s: what runs now could never be recommended", low,
				request,
			)
		case okMost && okNow && now.Cmp(most) > 0:
			found.Add(
				"max."+kind, "is %s, less than the request of %s: what runs now could never be recommended", high,
				request,
			)
		}
	}
	bounds("cpu", r.Min.CPU, requests.CPU, r.Max.CPU)
	bounds("memory", r.Min.Memory, requests.Memory, r.Max.Memory)
	return found
}
