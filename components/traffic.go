package components

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// serviceTraffic lets every pod of the cluster, Prometheus and ingress controllers among them, reach the service's port,
// and the service reach DNS and its database. Policies add up: one that calls others brings a policy of its own.
func serviceTraffic(s ServiceSpec, l labels) *networkingv1.NetworkPolicySpecArgs {
	egress := networkingv1.NetworkPolicyEgressRuleArray{networkingv1.NetworkPolicyEgressRuleArgs{
		To: networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
			NamespaceSelector: &metav1.LabelSelectorArgs{
				MatchLabels: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String("kube-system")},
			},
		}},
		Ports: networkingv1.NetworkPolicyPortArray{policyPort("UDP", pulumi.Int(53)), policyPort("TCP", pulumi.Int(53))},
	}}
	if s.Database != nil {
		egress = append(egress, networkingv1.NetworkPolicyEgressRuleArgs{
			To:    podsOf(l, componentDatabase),
			Ports: networkingv1.NetworkPolicyPortArray{policyPort("TCP", pulumi.String(postgresPortName))},
		})
	}
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: &metav1.LabelSelectorArgs{MatchLabels: l.selector(componentAPI)},
		PolicyTypes: pulumi.StringArray{pulumi.String("Ingress"), pulumi.String("Egress")},
		Ingress: networkingv1.NetworkPolicyIngressRuleArray{networkingv1.NetworkPolicyIngressRuleArgs{
			From: networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
				NamespaceSelector: &metav1.LabelSelectorArgs{}, // all
			}},
			Ports: networkingv1.NetworkPolicyPortArray{policyPort("TCP", pulumi.String(httpPortName))},
		}},
		Egress: egress,
	}
}

// databaseTraffic lets only the service's pods reach its database, which itself calls nobody. Backups come in by exec,
// which no policy sees.
func databaseTraffic(l labels) *networkingv1.NetworkPolicySpecArgs {
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: &metav1.LabelSelectorArgs{MatchLabels: l.selector(componentDatabase)},
		PolicyTypes: pulumi.StringArray{pulumi.String("Ingress"), pulumi.String("Egress")},
		Ingress: networkingv1.NetworkPolicyIngressRuleArray{networkingv1.NetworkPolicyIngressRuleArgs{
			From:  podsOf(l, componentAPI),
			Ports: networkingv1.NetworkPolicyPortArray{policyPort("TCP", pulumi.String(postgresPortName))},
		}},
	}
}

func podsOf(l labels, component string) networkingv1.NetworkPolicyPeerArray {
	return networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
		PodSelector: &metav1.LabelSelectorArgs{MatchLabels: l.selector(component)},
	}}
}

// policyPort takes a number or the name of a container's port.
func policyPort(protocol string, port pulumi.Input) networkingv1.NetworkPolicyPortArgs {
	return networkingv1.NetworkPolicyPortArgs{Protocol: pulumi.String(protocol), Port: port}
}
