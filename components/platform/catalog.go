package platform

import "github.com/opex-project/opex/components/spec"

// Chart is an official Helm chart at a pinned version.
type Chart struct{ Name, Version, Repository string }

// All charts, and where each version was seen.
var (
	// Chart.yaml of prometheus-community/helm-charts, August 2026, which publishes each merge. Its appVersion is
	// v3.14.0.
	PrometheusChart = Chart{"prometheus", "29.27.0", "https://prometheus-community.github.io/helm-charts"}
	// A public user's lock file, which follows each published release, went from 2.5.14 to 2.5.19: what lies between
	// was tagged, and never published.
	OpenCostChart = Chart{"opencost", "2.5.19", "https://opencost.github.io/opencost-helm-chart"}
	// Chart.yaml in the Go module k8s.io/autoscaler/vertical-pod-autoscaler v1.8.1. Its appVersion is 1.8.1. Its
	// publication was not seen.
	VerticalPodAutoscalerChart = Chart{"vertical-pod-autoscaler", "0.13.0", "https://kubernetes.github.io/autoscaler"}
	// Chart.yaml of vmware-tanzu/helm-charts, June 2026. Its appVersion is 1.18.1.
	VeleroChart = Chart{"velero", "12.1.0", "https://vmware-tanzu.github.io/helm-charts"}
	// Release 2.8.4 of chaos-mesh/chaos-mesh, September 2026; Chart.yaml in its Go module is stamped at release.
	ChaosMeshChart = Chart{"chaos-mesh", "2.8.4", "https://charts.chaos-mesh.org"}
	// Chart.yaml in the Go module sigs.k8s.io/metrics-server v0.9.0.
	MetricsServerChart = Chart{"metrics-server", "3.13.1", "https://kubernetes-sigs.github.io/metrics-server/"}
)

// ImageValues is an image as most charts take it: they join the two with a colon.
type ImageValues struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"` // a digest may follow it
}

// ImageOf returns the values of an engine's image.
func ImageOf(images spec.Images, name string) ImageValues {
	repository, tag, digest := images.Split(name)
	if digest != "" {
		tag += "@" + digest
	}
	return ImageValues{repository, tag}
}
