package cost

import (
	"net/netip"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// addressOf is the spec of a Service for pods with a named port.
func addressOf(selector map[string]string, portName string, port int) *corev1.ServiceSpecArgs {
	return &corev1.ServiceSpecArgs{
		Type:     pulumi.String("ClusterIP"),
		Selector: pulumi.ToStringMap(selector),
		Ports: corev1.ServicePortArray{&corev1.ServicePortArgs{
			Name: pulumi.String(portName), Port: pulumi.Int(port), TargetPort: pulumi.String(portName),
		}},
	}
}

// governing is the spec of the headless Service that gives a StatefulSet's pods their names.
func governing(selector map[string]string) *corev1.ServiceSpecArgs {
	address := addressOf(selector, postgresPortName, postgresPort)
	address.ClusterIP = pulumi.String("None")
	address.PublishNotReadyAddresses = pulumi.Bool(true) // the name is there before the pod is ready
	return address
}

// nodeLocalDNS is where NodeLocal DNSCache listens on each node (its default): pods that use it ask there and not a
// pod.
const nodeLocalDNS = "169.254.20.10/32"

// serviceTraffic lets in what the service's spec names, every pod of the cluster where it names nothing, and the API
// server, whose proxy the command opex uses. It lets out to DNS, to the service's own database, and to what the spec
// names. Everything else is refused.
func serviceTraffic(a appArgs) *networkingv1.NetworkPolicySpecArgs {
	http := networkingv1.NetworkPolicyPortArray{port("TCP", pulumi.String(platform.HTTPPortName))}
	ingress := networkingv1.NetworkPolicyIngressRuleArray{}
	from := slices.Concat(a.service.Traffic.From, a.Callers)
	if len(a.service.Traffic.From) == 0 {
		from = []spec.Peer{{Namespace: spec.AnyNamespace}}
	}
	for _, rule := range from {
		ingress = append(ingress, ingressRule(http, peerOf(rule)))
	}
	if len(a.ControlPlane) > 0 {
		ingress = append(ingress, ingressRule(http, blocks(a.ControlPlane)...))
	}
	dns := &networkingv1.NetworkPolicyEgressRuleArgs{
		To: networkingv1.NetworkPolicyPeerArray{
			&networkingv1.NetworkPolicyPeerArgs{
				NamespaceSelector: platform.Selector(map[string]string{namespaceName: "kube-system"}),
			},
			block(nodeLocalDNS),
		},
		Ports: networkingv1.NetworkPolicyPortArray{port("UDP", pulumi.Int(53)), port("TCP", pulumi.Int(53))},
	}
	egress := networkingv1.NetworkPolicyEgressRuleArray{dns}
	if a.service.Database != nil {
		egress = append(egress, &networkingv1.NetworkPolicyEgressRuleArgs{
			To:    networkingv1.NetworkPolicyPeerArray{podsOf(a.labels, platform.ComponentDatabase)},
			Ports: networkingv1.NetworkPolicyPortArray{port("TCP", pulumi.String(postgresPortName))},
		})
	}
	for _, rule := range a.service.Traffic.To {
		egress = append(egress, &networkingv1.NetworkPolicyEgressRuleArgs{
			To: networkingv1.NetworkPolicyPeerArray{peerOf(rule)}, Ports: portsOf(rule),
		})
	}
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: *platform.Selector(a.labels.Identity(platform.ComponentAPI)),
		PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		Ingress:     ingress,
		Egress:      egress,
	}
}

// databaseTraffic lets only the service's pods of the same namespace reach its database, which itself calls nobody: a
// restored copy in another namespace cannot reach the live one. Backups come in by exec, which no policy sees.
func databaseTraffic(l platform.Labels) *networkingv1.NetworkPolicySpecArgs {
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: *platform.Selector(l.Identity(platform.ComponentDatabase)),
		PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		Ingress: networkingv1.NetworkPolicyIngressRuleArray{ingressRule(
			networkingv1.NetworkPolicyPortArray{
				port("TCP", pulumi.String(postgresPortName)),
			},
			podsOf(l, platform.ComponentAPI),
		)},
	}
}

const namespaceName = "kubernetes.io/metadata.name" // a label that each namespace has

func ingressRule(
	ports networkingv1.NetworkPolicyPortArray, from ...networkingv1.NetworkPolicyPeerInput,
) *networkingv1.NetworkPolicyIngressRuleArgs {
	return &networkingv1.NetworkPolicyIngressRuleArgs{From: networkingv1.NetworkPolicyPeerArray(from), Ports: ports}
}

func podsOf(l platform.Labels, component string) *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{PodSelector: platform.Selector(l.Identity(component))}
}

// peerOf is one side of a rule: addresses, or pods. Pods without a namespace are those of the service's own.
func peerOf(rule spec.Peer) *networkingv1.NetworkPolicyPeerArgs {
	if rule.CIDR != "" {
		return &networkingv1.NetworkPolicyPeerArgs{
			IpBlock: &networkingv1.IPBlockArgs{
				Cidr:   pulumi.String(rule.CIDR),
				Except: pulumi.ToStringArray(rule.Except),
			},
		}
	}
	peer := &networkingv1.NetworkPolicyPeerArgs{}
	switch rule.Namespace {
	case "":
	case spec.AnyNamespace:
		peer.NamespaceSelector = &metav1.LabelSelectorArgs{}
	default:
		peer.NamespaceSelector = platform.Selector(map[string]string{namespaceName: rule.Namespace})
	}
	if len(rule.Pods) > 0 {
		peer.PodSelector = platform.Selector(rule.Pods)
	}
	return peer
}

func portsOf(rule spec.Peer) networkingv1.NetworkPolicyPortArray {
	var ports networkingv1.NetworkPolicyPortArray
	for _, number := range rule.Ports {
		ports = append(ports, port("TCP", pulumi.Int(number)))
	}
	return ports
}

func blocks(cidrs []string) []networkingv1.NetworkPolicyPeerInput {
	cidrs = slices.SortedFunc(slices.Values(cidrs), func(a, b string) int {
		return netip.MustParsePrefix(a).Addr().Compare(netip.MustParsePrefix(b).Addr())
	})
	var peers []networkingv1.NetworkPolicyPeerInput
	for _, cidr := range cidrs {
		peers = append(peers, block(cidr))
	}
	return peers
}

func block(cidr string) *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{IpBlock: &networkingv1.IPBlockArgs{Cidr: pulumi.String(cidr)}}
}

// port takes a number or the name of a container's port.
func port(protocol string, number pulumi.Input) *networkingv1.NetworkPolicyPortArgs {
	return &networkingv1.NetworkPolicyPortArgs{Protocol: pulumi.String(protocol), Port: number}
}
