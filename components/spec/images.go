package spec

import (
	"maps"
	"regexp"
	"slices"

	"github.com/opex-project/opex/internal/problem"
)

// Names of engine images, the keys of Images.
const (
	ImagePrometheus     = "prometheus"
	ImageOpenCost       = "opencost"
	ImageVPARecommender = "vpa-recommender"
	ImageMetricsServer  = "metrics-server"
	ImageVelero         = "velero"
	ImageVeleroPlugin   = "velero-plugin-for-aws"
	ImageChaosMesh      = "chaos-mesh"
	ImageChaosDaemon    = "chaos-daemon"
	ImageLoad           = "opex-load"
	ImageOpex           = "opex"
	ImagePause          = "pause"
)

// Images are those of the engines by name, instead of the pinned ones: for a registry of one's own.
type Images map[string]string

// pinnedImages are what the charts above name at their versions; metrics-server and Velero are ahead of their charts.
// The plugin's 1.14 goes with Velero 1.18 (its README).
var pinnedImages = Images{
	ImagePrometheus:     "quay.io/prometheus/prometheus:v3.14.0",
	ImageOpenCost:       "ghcr.io/opencost/opencost:1.120.1@sha256:b0701f9b54e43c9abee98f5784792a5b469ca8951e87da32b161c1fa539ab0e1",
	ImageVPARecommender: "registry.k8s.io/autoscaling/vpa-recommender:1.8.1",
	ImageMetricsServer:  "registry.k8s.io/metrics-server/metrics-server:v0.9.0",
	ImageVelero:         "docker.io/velero/velero:v1.18.3",
	ImageVeleroPlugin:   "docker.io/velero/velero-plugin-for-aws:v1.14.3",
	ImageChaosMesh:      "ghcr.io/chaos-mesh/chaos-mesh:v2.8.4",
	ImageChaosDaemon:    "ghcr.io/chaos-mesh/chaos-daemon:v2.8.4",
	ImagePause:          "registry.k8s.io/pause:3.10.1",
	ImageLoad:           "ghcr.io/opex-project/opex-load:0.1.0",
	ImageOpex:           "ghcr.io/opex-project/opex:0.1.0",
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
		if _, tag, _ := i.Split(name); tag == "" {
			found.Add(name, "%q has no tag, which the engine's chart needs; a digest may follow it", i[name])
		}
	}
	return found
}

// Of returns an engine's image: the given one, else the pinned one.
func (i Images) Of(name string) string {
	if image, given := i[name]; given {
		return image
	}
	return pinnedImages[name]
}

var imageParts = regexp.MustCompile(`^([^@]+?)(?::([^:/@]+))?(?:@(sha256:[a-f0-9]{64}))?$`)

// Split returns an image's repository, tag and digest; all are empty for what is no image.
func (i Images) Split(name string) (repository, tag, digest string) {
	parts := imageParts.FindStringSubmatch(i.Of(name))
	if parts == nil {
		return "", "", ""
	}
	return parts[1], parts[2], parts[3]
}
