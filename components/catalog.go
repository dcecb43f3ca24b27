package components

import (
	"maps"
	"regexp"
	"slices"

	"github.com/opex-project/opex/internal/problem"
)

// chart is an official Helm chart at a pinned version.
type chart struct{ name, version, repository string }

// All charts, and where each version's number was seen.
var (
	// Chart.yaml of prometheus-community/helm-charts, August 2026. Its appVersion is v3.14.0.
	prometheusChart = chart{"prometheus", "29.27.0", "https://prometheus-community.github.io/helm-charts"}
	// Chart.yaml of opencost/opencost-helm-chart, April 2026. Its appVersion is 1.120.1.
	openCostChart = chart{"opencost", "2.5.17", "https://opencost.github.io/opencost-helm-chart"}
	// Chart.yaml in the Go module k8s.io/autoscaler/vertical-pod-autoscaler v1.8.1. Its appVersion is 1.8.1.
	verticalPodAutoscalerChart = chart{"vertical-pod-autoscaler", "0.13.0", "https://kubernetes.github.io/autoscaler"}
	// Chart.yaml of vmware-tanzu/helm-charts, June 2026. Its appVersion is 1.18.1.
	veleroChart = chart{"velero", "12.1.0", "https://vmware-tanzu.github.io/helm-charts"}
	// Release 2.8.4 of chaos-mesh/chaos-mesh, September 2026; Chart.yaml in its Go module is stamped at release.
	chaosMeshChart = chart{"chaos-mesh", "2.8.4", "https://charts.chaos-mesh.org"}
	// Chart.yaml in the Go module sigs.k8s.io/metrics-server v0.9.0.
	metricsServerChart = chart{"metrics-server", "3.13.1", "https://kubernetes-sigs.github.io/metrics-server/"}
)

// Names of engine images, the keys of Images.
const (
	imagePrometheus     = "prometheus"
	imageOpenCost       = "opencost"
	imageVPARecommender = "vpa-recommender"
	imageMetricsServer  = "metrics-server"
	imageVelero         = "velero"
	imageVeleroPlugin   = "velero-plugin-for-aws"
	imageChaosMesh      = "chaos-mesh"
	imageChaosDaemon    = "chaos-daemon"
	imageLoad           = "opex-load"
	imageOpex           = "opex"
	imagePause          = "pause"
)

// Images are those of the engines by name, instead of the pinned ones: for a registry of one's own.
type Images map[string]string

// pinnedImages are what the charts above name at their versions; metrics-server and Velero are ahead of their charts. The plugin's
// 1.14 goes with Velero 1.18 (its README).
var pinnedImages = Images{
	imagePrometheus:     "quay.io/prometheus/prometheus:v3.14.0",
	imageOpenCost:       "ghcr.io/opencost/opencost:1.120.1@sha256:b0701f9b54e43c9abee98f5784792a5b469ca8951e87da32b161c1fa539ab0e1",
	imageVPARecommender: "registry.k8s.io/autoscaling/vpa-recommender:1.8.1",
	imageMetricsServer:  "registry.k8s.io/metrics-server/metrics-server:v0.9.0",
	imageVelero:         "docker.io/velero/velero:v1.18.3",
	imageVeleroPlugin:   "docker.io/velero/velero-plugin-for-aws:v1.14.3",
	imageChaosMesh:      "ghcr.io/chaos-mesh/chaos-mesh:v2.8.4",
	imageChaosDaemon:    "ghcr.io/chaos-mesh/chaos-daemon:v2.8.4",
	imagePause:          "registry.k8s.io/pause:3.10.1",
	imageLoad:           "ghcr.io/opex-project/opex-load:0.1.0",
	imageOpex:           "ghcr.io/opex-project/opex:0.1.0",
}

// Problems returns all that is wrong with images, by name.
func (i Images) Problems() problem.List {
	var found problem.List
	for _, name := range slices.Sorted(maps.Keys(i)) {
		if _, known := pinnedImages[name]; !known {
			found.Add(name, "is no image of an engine; those are %v", slices.Sorted(maps.Keys(pinnedImages)))
			continue
		}
		checkImage(&found, name, i[name])
		if _, tag, _ := i.split(name); tag == "" {
			found.Add(name, "%q has no tag, which the engine's chart needs; a digest may follow it", i[name])
		}
	}
	return found
}

// of returns an engine's image: the given one, else the pinned one.
func (i Images) of(name string) string {
	if image, given := i[name]; given {
		return image
	}
	return pinnedImages[name]
}

var imageParts = regexp.MustCompile(`^([^@]+?)(?::([^:/@]+))?(?:@(sha256:[a-f0-9]{64}))?$`)

// split returns an image's repository, tag and digest; all are empty for what is no image.
func (i Images) split(name string) (repository, tag, digest string) {
	parts := imageParts.FindStringSubmatch(i.of(name))
	if parts == nil {
		return "", "", ""
	}
	return parts[1], parts[2], parts[3]
}

// imageValues is an image as most charts want it: they join the two with a colon.
type imageValues struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"` // a digest may follow it
}

func (i Images) values(name string) imageValues {
	repository, tag, digest := i.split(name)
	if digest != "" {
		tag += "@" + digest
	}
	return imageValues{repository, tag}
}
