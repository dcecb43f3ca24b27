package spec

import (
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/internal/problem"
)

// Traffic says who may reach a service, and whom it may reach.
type Traffic struct {
	// Who may reach the service's port: pods, an ingress controller, the addresses of a load balancer. Empty: every pod
	// of the cluster.
	From []Peer `json:"from"`
	// Whom the service may reach beside DNS and its own database. Empty: nobody.
	To []Peer `json:"to"`
}

// AnyNamespace stands for all namespaces.
const AnyNamespace = "*"

// Peer is one side of a rule: addresses, or pods by their namespace, their labels or both.
type Peer struct {
	// Namespace of the pods; * for all. Empty, with pods: the service's own.
	Namespace string `json:"namespace"`
	// Labels of the pods. Empty: all of the namespace.
	Pods map[string]string `json:"pods"`
	// Addresses, such as 10.0.0.0/16: a load balancer's subnets, or a database outside the cluster. Not together with
	// pods.
	CIDR string `json:"cidr"`
	// Addresses of cidr that are left out.
	Except []string `json:"except"`
	// TCP ports that the service may reach there. Required below to, and refused below from, where the service's port
	// is meant.
	Ports []int `json:"ports"`
}

func (t Traffic) problems() problem.List {
	var found problem.List
	for i, peer := range t.From {
		path := fmt.Sprintf("from[%d]", i)
		peer.check(&found, path)
		if len(peer.Ports) > 0 {
			found.Add(path+".ports", "are given, and only the service's own port can be reached: port is its key")
		}
	}
	for i, peer := range t.To {
		path := fmt.Sprintf("to[%d]", i)
		peer.check(&found, path)
		if len(peer.Ports) == 0 {
			found.Add(path+".ports", "is missing: want the TCP ports that the service may reach")
		}
	}
	return found
}

func (p Peer) check(found *problem.List, path string) {
	switch {
	case p.CIDR == "" && p.Namespace == "" && len(p.Pods) == 0:
		found.Add(path, "names nobody: want cidr, namespace, pods, or namespace and pods")
	case p.CIDR != "" && (p.Namespace != "" || len(p.Pods) > 0):
		found.Add(path, "names addresses and pods; want an entry for each")
	case p.CIDR == "" && len(p.Except) > 0:
		found.Add(path+".except", "is given without cidr")
	}
	if p.CIDR != "" {
		CheckCIDR(found, path+".cidr", p.CIDR)
	}
	for i, except := range p.Except {
		at := fmt.Sprintf("%s.except[%d]", path, i)
		CheckCIDR(found, at, except)
		whole, errWhole := netip.ParsePrefix(p.CIDR)
		part, errPart := netip.ParsePrefix(except)
		if errWhole == nil && errPart == nil && (!whole.Contains(part.Addr()) || part.Bits() <= whole.Bits()) {
			found.Add(at, "is %s, which does not lie in cidr %s", except, p.CIDR)
		}
	}
	if p.Namespace != "" && p.Namespace != AnyNamespace {
		if wrong := validation.IsDNS1123Label(p.Namespace); len(wrong) > 0 {
			found.Add(path+".namespace", "%q: %s", p.Namespace, wrong[0])
		}
	}
	found.AddAll(path+".pods.", labelProblems(p.Pods))
	for i, number := range p.Ports {
		if number < 1 || number > 65535 {
			found.Add(fmt.Sprintf("%s.ports[%d]", path, i), "is %d, allowed are 1 to 65535", number)
		}
	}
}

// CheckCIDR wants a range of addresses, as Kubernetes does: 10.0.1.7/16 is a mistake in one of its two halves.
func CheckCIDR(found *problem.List, path, value string) {
	prefix, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		found.Add(
			path, "%q is not a range of addresses; want one such as 10.0.0.0/16, or 10.0.0.7/32 for a single address",
			value,
		)
	case prefix != prefix.Masked():
		found.Add(
			path, "%q has address bits beyond its mask; want %s, or %s/%d for a single address", value, prefix.Masked(),
			prefix.Addr(), prefix.Addr().BitLen(),
		)
	}
}
