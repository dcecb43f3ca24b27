package cost

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// The types below are the keys of the prometheus chart's values that are set here.

type prometheusValues struct {
	AlertManager     platform.Enabled             `json:"alertmanager"`
	KubeStateMetrics platform.Enabled             `json:"kube-state-metrics"`
	NodeExporter     platform.Enabled             `json:"prometheus-node-exporter"`
	PushGateway      platform.Enabled             `json:"prometheus-pushgateway"`
	ConfigMapReload  prometheusReload             `json:"configmapReload"`
	Server           prometheusServer             `json:"server"`
	ScrapeConfigs    map[string]scrapeConfig      `json:"scrapeConfigs"`
	ServerFiles      map[string]platform.RuleFile `json:"serverFiles"`
}

type prometheusReload struct {
	Prometheus platform.Enabled `json:"prometheus"`
}

type prometheusServer struct {
	Image                      platform.ImageValues             `json:"image"`
	Global                     map[string]string                `json:"global"`
	Retention                  string                           `json:"retention"`
	PersistentVolume           prometheusVolume                 `json:"persistentVolume"`
	PodLabels                  map[string]string                `json:"podLabels"`
	PodAnnotations             map[string]string                `json:"podAnnotations"`
	Resources                  platform.ResourceValues          `json:"resources"`
	SecurityContext            platform.PodSecurityValues       `json:"securityContext"`
	ContainerSecurityContext   platform.ContainerSecurityValues `json:"containerSecurityContext"`
	ReadinessProbeInitialDelay int                              `json:"readinessProbeInitialDelay"` // seconds
	TerminationGracePeriod     int                              `json:"terminationGracePeriodSeconds"`
}

type prometheusVolume struct {
	Enabled      bool          `json:"enabled"`
	Size         spec.Quantity `json:"size"`
	StorageClass string        `json:"storageClass,omitempty"`
}

// scrapeConfig is one of Prometheus' own, and whether the chart's is in use. The chart's jobs keep what is not set.
type scrapeConfig struct {
	Enabled              *bool           `json:"enabled,omitempty"`
	HonorLabels          bool            `json:"honor_labels,omitempty"`
	MetricsPath          string          `json:"metrics_path,omitempty"`
	StaticConfigs        []staticTargets `json:"static_configs,omitempty"`
	KubernetesSDConfigs  []podDiscovery  `json:"kubernetes_sd_configs,omitempty"`
	RelabelConfigs       []relabel       `json:"relabel_configs,omitempty"`
	MetricRelabelConfigs []relabel       `json:"metric_relabel_configs,omitempty"`
}

type staticTargets struct {
	Targets []string `json:"targets"`
}

type podDiscovery struct {
	Role       string              `json:"role"`
	Namespaces map[string][]string `json:"namespaces"`
	Selectors  []discoverySelector `json:"selectors"`
}

type discoverySelector struct {
	Role  string `json:"role"`
	Label string `json:"label"`
}

type relabel struct {
	SourceLabels []string `json:"source_labels,omitempty"`
	Action       string   `json:"action,omitempty"`
	Regex        string   `json:"regex,omitempty"`
	TargetLabel  string   `json:"target_label,omitempty"`
	Replacement  string   `json:"replacement,omitempty"`
}

// ScrapeOf returns how a service's pods are scraped, or nothing where they give no metrics.
func ScrapeOf(s spec.Service, namespace string) []platform.Scrape {
	if s.MetricsPath == "" {
		return nil
	}
	return []platform.Scrape{{
		Service: s.Name, Namespace: namespace, Selector: platform.LabelsOf(s, "").Identity(platform.ComponentAPI),
		PortName: platform.HTTPPortName, Path: s.MetricsPath,
	}}
}

// chartJobs are the jobs of the chart that neither OpenCost nor a service needs.
var chartJobs = []string{
	"prometheus", "kubernetes-api-servers", "kubernetes-service-endpoints", "kubernetes-service-endpoints-slow",
	"prometheus-pushgateway", "kubernetes-services", "kubernetes-pods", "kubernetes-pods-slow",
}

// What OpenCost reads of the kubelet (docs/decisions/0007-cost-and-size.md).
const (
	volumeMetrics    = "kubelet_volume_stats_.*"
	containerMetrics = "container_cpu_usage_seconds_total|container_cpu_cfs_(periods|throttled_periods)_total|container_memory_working_set_bytes|container_network_(receive|transmit)_bytes_total|container_fs_(usage|limit)_bytes"
)

func scrapeConfigs(scrapes []platform.Scrape) map[string]scrapeConfig {
	off := false
	jobs := map[string]scrapeConfig{}
	for _, name := range chartJobs {
		jobs[name] = scrapeConfig{Enabled: &off}
	}
	keep := func(names string) []relabel {
		return []relabel{{SourceLabels: []string{"__name__"}, Action: "keep", Regex: names}}
	}
	jobs["kubernetes-nodes"] = scrapeConfig{MetricRelabelConfigs: keep(volumeMetrics)}
	jobs["kubernetes-nodes-cadvisor"] = scrapeConfig{MetricRelabelConfigs: keep(containerMetrics)}
	jobs["opencost"] = scrapeConfig{
		HonorLabels: true, // its labels namespace and pod are those of what it tells about
		MetricsPath: "/metrics",
		StaticConfigs: []staticTargets{
			{Targets: []string{fmt.Sprintf("%s.%s.svc.cluster.local:%d", OpenCostName, OpenCostName, OpenCostPort)}},
		},
	}
	for _, s := range scrapes {
		var labels []string
		for _, key := range slices.Sorted(maps.Keys(s.Selector)) {
			labels = append(labels, key+"="+s.Selector[key])
		}
		jobs[s.Job()] = scrapeConfig{
			MetricsPath: s.Path,
			KubernetesSDConfigs: []podDiscovery{{
				Role: "pod", Namespaces: map[string][]string{"names": {s.Namespace}},
				Selectors: []discoverySelector{{Role: "pod", Label: strings.Join(labels, ",")}},
			}},
			RelabelConfigs: []relabel{
				{
					SourceLabels: []string{"__meta_kubernetes_pod_container_port_name"},
					Action:       "keep",
					Regex:        s.PortName,
				},
				{SourceLabels: []string{"__meta_kubernetes_namespace"}, TargetLabel: "namespace"},
				{SourceLabels: []string{"__meta_kubernetes_pod_name"}, TargetLabel: "pod"},
			},
		}
	}
	return jobs
}

func newPrometheusValues(args CostVisibilityArgs, rules []platform.RuleGroup) prometheusValues {
	var v prometheusValues
	v.ScrapeConfigs = scrapeConfigs(args.Scrapes)
	v.Server.Image = platform.ImageOf(args.Images, spec.ImagePrometheus)
	// As often as OpenCost's finest resolution, and twice, so that one lost scrape leaves no hole.
	v.Server.Global = map[string]string{"scrape_interval": "30s", "scrape_timeout": "10s", "evaluation_interval": "1m"}
	v.Server.Retention = args.Cost.Retention
	v.Server.PersistentVolume = prometheusVolume{
		Enabled:      true,
		Size:         args.Cost.StorageSize,
		StorageClass: args.Cost.StorageClass,
	}
	v.Server.PodLabels = args.Labels(prometheusName)
	// Without the reload sidecar, a new configuration reaches Prometheus with a new pod.
	v.Server.PodAnnotations = map[string]string{platform.ConfigDigestKey: platform.DigestOf(v.ScrapeConfigs, rules)}
	v.Server.Resources = platform.NewResourceValues("50m", "256Mi", "1", "1Gi")
	v.Server.SecurityContext = platform.PodSecurityOf(platform.Nobody)
	v.Server.ContainerSecurityContext = platform.RestrictedContainer
	v.Server.ReadinessProbeInitialDelay = 5
	v.Server.TerminationGracePeriod = 60
	v.ServerFiles = map[string]platform.RuleFile{"alerting_rules.yml": {Groups: rules}}
	return v
}
