package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// addressOf is the spec of a Service for pods with a named port.
func addressOf(selector map[string]string, portName string, port int) pulumi.Map {
	return pulumi.Map{
		"type":     pulumi.String("ClusterIP"),
		"selector": pulumi.ToStringMap(selector),
		"ports": pulumi.Array{pulumi.Map{
			"name": pulumi.String(portName), "port": pulumi.Int(port), "targetPort": pulumi.String(portName),
		}},
	}
}

// The next two are specs of NetworkPolicies.

// serviceTraffic lets every pod of the cluster, Prometheus and ingress controllers among them, and the control plane reach the
// service's port, and the service reach DNS and its database. Policies add up: one that calls others brings a policy of its own.
func serviceTraffic(s ServiceSpec, l labels, controlPlane pulumi.StringArrayInput) pulumi.Map {
	egress := pulumi.Array{pulumi.Map{
		"to":    pulumi.Array{pulumi.Map{"namespaceSelector": matching(map[string]string{"kubernetes.io/metadata.name": "kube-system"})}},
		"ports": pulumi.Array{policyPort("UDP", pulumi.Int(53)), policyPort("TCP", pulumi.Int(53))},
	}}
	if s.Database != nil {
		egress = append(egress, pulumi.Map{
			"to":    podsOf(l, componentDatabase),
			"ports": pulumi.Array{policyPort("TCP", pulumi.String(postgresPortName))},
		})
	}
	return pulumi.Map{
		"podSelector": matching(l.identity(componentAPI)),
		"policyTypes": pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		"ingress": pulumi.Array{pulumi.Map{
			"from":  podsAnd(controlPlane),
			"ports": pulumi.Array{policyPort("TCP", pulumi.String(httpPortName))},
		}},
		"egress": egress,
	}
}

// databaseTraffic lets only the service's pods reach its database, which itself calls nobody. Backups come in by exec,
// which no policy sees.
func databaseTraffic(l labels) pulumi.Map {
	return pulumi.Map{
		"podSelector": matching(l.identity(componentDatabase)),
		"policyTypes": pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		"ingress": pulumi.Array{pulumi.Map{
			"from":  podsOf(l, componentAPI),
			"ports": pulumi.Array{policyPort("TCP", pulumi.String(postgresPortName))},
		}},
	}
}

// podsAnd are all pods of the cluster, and addresses that are no pod's.
func podsAnd(cidrs pulumi.StringArrayInput) pulumi.Input {
	pods := pulumi.Map{"namespaceSelector": pulumi.Map{}} // all
	if cidrs == nil {
		return pulumi.Array{pods}
	}
	return cidrs.ToStringArrayOutput().ApplyT(func(cidrs []string) []any {
		peers := []any{map[string]any{"namespaceSelector": map[string]any{}}}
		for _, cidr := range cidrs {
			peers = append(peers, map[string]any{"ipBlock": map[string]any{"cidr": cidr}})
		}
		return peers
	})
}

func podsOf(l labels, component string) pulumi.Array {
	return pulumi.Array{pulumi.Map{"podSelector": matching(l.identity(component))}}
}

// matching is a label selector.
func matching(labels map[string]string) pulumi.Map {
	return pulumi.Map{"matchLabels": pulumi.ToStringMap(labels)}
}

// policyPort takes a number or the name of a container's port.
func policyPort(protocol string, port pulumi.Input) pulumi.Map {
	return pulumi.Map{"protocol": pulumi.String(protocol), "port": port}
}
