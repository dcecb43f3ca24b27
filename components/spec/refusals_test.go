package spec_test

import (
	"strings"
	"testing"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/components/spec/spectest"
)

func TestMistypedTrafficIsRefused(t *testing.T) {
	from := func(p spec.Peer) spec.Traffic { return spec.Traffic{From: []spec.Peer{p}} }
	to := func(p spec.Peer) spec.Traffic { return spec.Traffic{To: []spec.Peer{p}} }
	for name, c := range map[string]struct {
		traffic spec.Traffic
		says    string
	}{
		"nobody":                  {from(spec.Peer{}), "traffic.from[0]: names nobody"},
		"addresses in words":      {from(spec.Peer{CIDR: "the office"}), `traffic.from[0].cidr: "the office" is not a range of addresses`},
		"an address alone":        {from(spec.Peer{CIDR: "10.0.0.7"}), `traffic.from[0].cidr: "10.0.0.7" is not a range of addresses; want one such as 10.0.0.0/16, or 10.0.0.7/32`},
		"bits beyond the mask":    {from(spec.Peer{CIDR: "10.0.1.7/16"}), "want 10.0.0.0/16, or 10.0.1.7/32 for a single address"},
		"addresses and pods":      {from(spec.Peer{CIDR: "10.0.0.0/16", Namespace: "shops"}), "traffic.from[0]: names addresses and pods"},
		"a port of others":        {from(spec.Peer{Namespace: "shops", Ports: []int{80}}), "traffic.from[0].ports: are given"},
		"an impossible namespace": {from(spec.Peer{Namespace: "My Shops"}), `traffic.from[0].namespace: "My Shops"`},
		"an impossible label":     {from(spec.Peer{Pods: map[string]string{"a/b/c": "x"}}), "traffic.from[0].pods.a/b/c: "},
		"no port":                 {to(spec.Peer{CIDR: "10.0.0.0/16"}), "traffic.to[0].ports: is missing"},
		"a port that is none":     {to(spec.Peer{CIDR: "10.0.0.0/16", Ports: []int{0}}), "traffic.to[0].ports[0]: is 0, allowed are 1 to 65535"},
		"an exception elsewhere":  {to(spec.Peer{CIDR: "10.0.0.0/16", Except: []string{"10.1.0.0/24"}, Ports: []int{443}}), "traffic.to[0].except[0]: is 10.1.0.0/24, which does not lie in cidr"},
		"an exception of nothing": {to(spec.Peer{Namespace: "shops", Except: []string{"10.1.0.0/24"}, Ports: []int{443}}), "traffic.to[0].except: is given without cidr"},
		"what is allowed":         {from(spec.Peer{Namespace: "ingress-nginx", Pods: map[string]string{"app": "controller"}}), ""},
		"a single address":        {to(spec.Peer{CIDR: "10.0.0.7/32", Ports: []int{443}}), ""},
		"an address of version 6": {to(spec.Peer{CIDR: "2001:db8::/64", Ports: []int{443}}), ""},
		"all but a part":          {to(spec.Peer{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8"}, Ports: []int{443}}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			service := spectest.Shop()
			service.Traffic = c.traffic
			refuses(t, strings.Join(service.WithDefaults().Problems().Lines(), "\n"), c.says)
		})
	}
}

func TestMistypedChartsAndNodesAreRefused(t *testing.T) {
	charts := func(name string, c spec.Chart) string {
		return strings.Join(spec.Charts{name: c}.Problems().Lines(), "\n")
	}
	refuses(t, charts("grafana", spec.Chart{}), "grafana: is not a chart of an engine; those are chaos-mesh, ")
	refuses(
		t, charts("velero", spec.Chart{Repository: "ftp://mirror"}),
		`velero.repository: is "ftp://mirror", want https://host/path or oci://host/path`,
	)
	refuses(t, charts("velero", spec.Chart{Timeout: "1s"}), `velero.timeout: is "1s", want a duration from 1m to 1h`)
	refuses(t, charts("velero", spec.Chart{Repository: "oci://mirror.example.com/charts", Timeout: "10m"}), "")
	nodes := func(toleration spec.Toleration) string {
		return strings.Join(spec.Nodes{Tolerations: []spec.Toleration{toleration}}.Problems().Lines(), "\n")
	}
	refuses(
		t, nodes(spec.Toleration{Key: "pool", Operator: "Exists", Value: "x"}),
		`tolerations[0].operator: is "Exists" with value "x"`,
	)
	refuses(
		t, nodes(spec.Toleration{Key: "pool", Operator: "Equal", Effect: "Never"}),
		`tolerations[0].effect: is "Never", allowed are NoSchedule`,
	)
	refuses(t, nodes(spec.Toleration{Key: "pool", Operator: "Exists"}), "")
}

func TestACurrencyWithoutPricesIsRefused(t *testing.T) {
	c := spec.Cost{Currency: "EUR"}
	c.SetDefaults()
	refuses(t, strings.Join(c.Problems().Lines(), "\n"), "currency: is EUR, and there are no prices")
	c.Currency = "USD"
	refuses(t, strings.Join(c.Problems().Lines(), "\n"), "")
}

func refuses(t *testing.T, found, says string) {
	t.Helper()
	if says == "" && found != "" || !strings.Contains(found, says) {
		t.Errorf("found is %q, want %q", found, says)
	}
}
