package chaos

import (
	"strings"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// The types below are the keys of the chart's values that are set here.

type chaosMeshValues struct {
	CustomLabels      map[string]string     `json:"customLabels"`
	ClusterScoped     bool                  `json:"clusterScoped"`
	EnableProfiling   bool                  `json:"enableProfiling"`
	ControllerManager chaosControllerValues `json:"controllerManager"`
	ChaosDaemon       chaosDaemonValues     `json:"chaosDaemon"`
	Dashboard         chaosDashboardValues  `json:"dashboard"`
	DNSServer         created               `json:"dnsServer"`
}

type created struct {
	Create bool `json:"create"`
}

type chaosImageValues struct {
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
}

type chaosControllerValues struct {
	ReplicaCount          int                     `json:"replicaCount"`
	LeaderElection        platform.Enabled        `json:"leaderElection"`
	EnableFilterNamespace bool                    `json:"enableFilterNamespace"`
	TargetNamespace       string                  `json:"targetNamespace"`
	ChaosdSecurityMode    bool                    `json:"chaosdSecurityMode"`
	PodChaos              podChaosValues          `json:"podChaos"`
	Image                 chaosImageValues        `json:"image"`
	Resources             platform.ResourceValues `json:"resources"`
}

type podChaosValues struct {
	PodFailure struct {
		PauseImage string `json:"pauseImage"`
	} `json:"podFailure"`
}

type chaosDaemonValues struct {
	Image      chaosImageValues        `json:"image"`
	Runtime    string                  `json:"runtime"`
	SocketPath string                  `json:"socketPath"`
	Resources  platform.ResourceValues `json:"resources"`
}

type chaosDashboardValues struct {
	Create       bool `json:"create"`
	SecurityMode bool `json:"securityMode"`
}

func newChaosMeshValues(a ChaosLabArgs) chaosMeshValues {
	podChaos := podChaosValues{}
	podChaos.PodFailure.PauseImage = a.Images.Of(spec.ImagePause) // the chart's own is a tag that moves
	return chaosMeshValues{
		CustomLabels: a.Labels(chaosName),
		// Rights in the target alone, and the filter besides.
		ClusterScoped: false,
		ControllerManager: chaosControllerValues{
			ReplicaCount: 1, EnableFilterNamespace: true, TargetNamespace: a.Target,
			PodChaos:  podChaos,
			Image:     chaosImage(a.Images, spec.ImageChaosMesh),
			Resources: platform.NewResourceValues("25m", "128Mi", "500m", "512Mi"),
		},
		ChaosDaemon: chaosDaemonValues{
			Image: chaosImage(a.Images, spec.ImageChaosDaemon), Runtime: "containerd", SocketPath: a.RuntimeSocket,
			Resources: platform.NewResourceValues("10m", "64Mi", "500m", "512Mi"),
		},
		// With its security mode on, objects cannot be deleted in the foreground, as Pulumi does (chaos-mesh issue
		// 5079).
		Dashboard: chaosDashboardValues{},
	}
}

// chaosImage is an image as this chart takes it, in three parts.
func chaosImage(images spec.Images, name string) chaosImageValues {
	v := platform.ImageOf(images, name)
	registry, repository, _ := strings.Cut(v.Repository, "/")
	return chaosImageValues{registry, repository, v.Tag}
}
