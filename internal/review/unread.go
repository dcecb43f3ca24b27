package review

import (
	"fmt"
	"slices"
	"strings"
)

// cloudNative is the group of CloudNativePG. A rule knows its Cluster, and none the pods of one.
const cloudNative = "postgresql.cnpg.io"

// podless are kinds of others that rules look at or that make no pods. The empty kind stands for all of a group.
var podless = map[string][]string{
	"velero.io": {
		"",
	}, "chaos-mesh.org": {""}, "litmuschaos.io": {""}, "keda.sh": {"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"},
	"autoscaling.k8s.io": {
		"",
	}, "snapshot.storage.k8s.io": {""}, "gateway.networking.k8s.io": {"GatewayClass", "HTTPRoute", "GRPCRoute", "TLSRoute",
		"TCPRoute", "UDPRoute", "ReferenceGrant"}, "metrics.k8s.io": {""}, "argoproj.io": {"Rollout", "AnalysisTemplate", "ClusterAnalysisTemplate", "AppProject"},
	"apps.openshift.io": {
		"DeploymentConfig",
	}, "route.openshift.io": {""}, "security.openshift.io": {""}, "image.openshift.io": {""},
	"monitoring.coreos.com": {
		"ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe", "ScrapeConfig", "AlertmanagerConfig",
	},
	"cert-manager.io": {
		"",
	}, "acme.cert-manager.io": {""}, "trust.cert-manager.io": {""}, "external-secrets.io": {""}, "bitnami.com": {"SealedSecret"},
	"networking.istio.io": {
		"",
	}, "security.istio.io": {""}, "telemetry.istio.io": {""}, "traefik.io": {""}, "traefik.containo.us": {""},
	"projectcontour.io": {
		"",
	}, "cilium.io": {""}, "projectcalico.org": {""}, "crd.projectcalico.org": {""}, "linkerd.io": {""}, "policy.linkerd.io": {""},
	"kyverno.io": {
		"",
	}, "wgpolicyk8s.io": {""}, "constraints.gatekeeper.sh": {""}, "templates.gatekeeper.sh": {""}, "metallb.io": {""},
	"grafana.integreatly.org": {
		"GrafanaDashboard", "GrafanaDatasource", "GrafanaFolder",
	}, "source.toolkit.fluxcd.io": {""},
	"notification.toolkit.fluxcd.io": {
		"",
	}, "image.toolkit.fluxcd.io": {""}, "kustomize.config.k8s.io": {""}, cloudNative: {"Backup",
		"ScheduledBackup", "ImageCatalog", "ClusterImageCatalog", "Database", "Publication", "Subscription"},
}

// makesUnknownPods says whether an object may make pods, or objects that make them, which no rule knows: that of an
// operator, a chart.
func makesUnknownPods(o Object) bool {
	group := o.Group()
	if builtIn(group) {
		return false
	}
	kinds, known := podless[group]
	return !known || kinds[0] != "" && !slices.Contains(kinds, o.Kind())
}

// builtIn says whether a group is one of the API server's own. Those of add-ons end with k8s.io, too, and are in
// podless.
func builtIn(group string) bool {
	if _, is := podless[group]; is {
		return false
	}
	return slices.Contains([]string{"", "apps", "batch", "autoscaling", "policy", "extensions"}, group) ||
		strings.HasSuffix(group, ".k8s.io")
}

// reaches says whether what an object makes may be in a namespace.
func (o Object) reaches(namespace string) bool {
	into := []string{o.declared()}
	// Flux, Argo CD, a Release of Pulumi
	for _, field := range []string{"spec.targetNamespace", "spec.destination.namespace", "namespace"} {
		if n := text(o.get(field)); n != "" {
			into = append(into, n)
		}
	}
	return slices.ContainsFunc(into, func(n string) bool { return near(n, namespace) })
}

// unknownIn are the objects in the namespaces whose pods no rule knows. No namespace: all.
func (s *world) unknownIn(namespaces []string) []Object {
	return keep(s.unread, func(o Object) bool {
		return len(namespaces) == 0 || slices.ContainsFunc(namespaces, o.reaches)
	})
}

// unreadKinds are lines, one for each kind that no rule can judge, and why.
func unreadKinds(s *world) (lines []string) {
	count, first := map[string]int{}, map[string]Object{}
	for _, o := range s.unread {
		line := o.Unread
		if line == "" {
			line = fmt.Sprintf("no rule knows the pods that %s of %s may make", o.Kind(), text(o.Fields["apiVersion"]))
		}
		if count[line]++; count[line] == 1 {
			first[line] = o
		}
	}
	for _, line := range sorted(count) {
		o, more := first[line], ""
		if n := count[line]; n > 1 {
			more = fmt.Sprintf(" and %d more", n-1)
		}
		lines = append(lines, fmt.Sprintf("%s%s (%s): %s", o, more, o.Source, line))
	}
	return lines
}
