package size

import (
	"fmt"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// The types below are the keys of the charts' values that are set here.

type recommenderValues struct {
	Updater                  platform.Enabled                 `json:"updater"`
	AdmissionController      platform.Enabled                 `json:"admissionController"`
	CRDs                     *crdValues                       `json:"crds,omitempty"`
	Recommender              recommender                      `json:"recommender"`
	PodSecurityContext       platform.PodSecurityValues       `json:"podSecurityContext"`
	ContainerSecurityContext platform.ContainerSecurityValues `json:"containerSecurityContext"`
}

// crdValues says whether the release brings its kinds. False: they are there, and are somebody else's.
type crdValues struct {
	Enabled bool `json:"enabled"`
}

type recommender struct {
	Enabled             bool                    `json:"enabled"`
	Replicas            int                     `json:"replicas"`
	PodDisruptionBudget platform.Enabled        `json:"podDisruptionBudget"`
	Image               platform.ImageValues    `json:"image"`
	PodLabels           map[string]string       `json:"podLabels"`
	Resources           platform.ResourceValues `json:"resources"`
	ExtraArgs           []string                `json:"extraArgs"`
}

func newRecommenderValues(e SizeAdvisorArgs) recommenderValues {
	values := recommenderValues{
		Recommender: recommender{
			Enabled:   true,
			Replicas:  1, // advice can wait; a PodDisruptionBudget would block drains for it
			Image:     platform.ImageOf(e.Images, spec.ImageVPARecommender),
			PodLabels: e.Labels(Namespace),
			Resources: platform.NewResourceValues("25m", "64Mi", "500m", "512Mi"),
			ExtraArgs: []string{
				fmt.Sprintf("--pod-recommendation-min-cpu-millicores=%d", floorMillicores),
				fmt.Sprintf("--pod-recommendation-min-memory-mb=%d", floorMiB),
				"--memory-saver=true", // tracks only pods that a VerticalPodAutoscaler selects
			},
		},
		PodSecurityContext:       platform.PodSecurityOf(platform.Nobody),
		ContainerSecurityContext: platform.RestrictedContainer,
	}
	if e.ForeignCRDs {
		values.CRDs = &crdValues{Enabled: false}
	}
	return values
}

type metricsServerValues struct {
	Image     platform.ImageValues    `json:"image"`
	PodLabels map[string]string       `json:"podLabels"`
	Resources platform.ResourceValues `json:"resources"`
}

func newMetricsServerValues(e SizeAdvisorArgs) metricsServerValues {
	return metricsServerValues{
		Image:     platform.ImageOf(e.Images, spec.ImageMetricsServer),
		PodLabels: e.Labels("metrics-server"),
		Resources: platform.NewResourceValues("50m", "100Mi", "500m", "400Mi"),
	}
}
