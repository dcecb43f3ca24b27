// Package layout says where everything of a sandbox is: folders, host ports, addresses. It only computes; it touches
// nothing.
package layout

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

// StateFolder is the one git-ignored folder that holds whatever a sandbox makes.
const StateFolder = ".sandbox"

// The addresses inside a sandbox. They lie in 198.18.0.0/15, which RFC 2544 sets apart for benchmarks, so that they
// collide with nobody's network; each sandbox has a network namespace of its own, so all sandboxes use the same ones.
var (
	// NodeNetwork holds the nodes; node i has the address .10+i.
	NodeNetwork = netip.MustParsePrefix("198.18.0.0/24")
	// PodNetwork holds the pods; node i has the /24 with the third octet 64+i.
	PodNetwork = netip.MustParsePrefix("198.18.64.0/18")
	// ServiceNetwork holds the Services' cluster addresses.
	ServiceNetwork = netip.MustParsePrefix("198.19.0.0/16")
	// DNSAddress is CoreDNS' Service.
	DNSAddress = netip.MustParseAddr("198.19.0.10")
	// APIServiceAddress is the Service kubernetes.default: the first of ServiceNetwork.
	APIServiceAddress = netip.MustParseAddr("198.19.0.1")
)

// Ports of the programs inside a sandbox's network.
const (
	APIPort = 6443
	S3Port  = 9000
)

// MaxNodes keeps the nodes' pod ranges inside PodNetwork.
const MaxNodes = 16

// Stacks lists the stacks a sandbox can be made for. One cluster per environment.
var Stacks = []string{"staging", "prod"}

// TestInstances are the sandboxes of the end-to-end tests, beside those of the stacks, so that tests touch no sandbox
// in use. There are two, so that a story that waits can run beside another. No name begins with another's: what is left
// of one is looked for by name.
var TestInstances = []string{"test", "trial"}

// Instances lists all sandboxes that can be up at once, in the order of their host ports.
var Instances = slices.Concat(Stacks, TestInstances)

// Sandbox is one sandbox: the cluster of one stack.
type Sandbox struct {
	// Stack is the Pulumi stack it runs: one of Stacks.
	Stack string
	// Instance is its name among all sandboxes: one of Instances, by default the stack's name.
	Instance string
	// Repo is the absolute path of the repository.
	Repo string
	// Nodes is the number of Kubernetes nodes, 1 to MaxNodes.
	Nodes int
}

// New returns the sandbox of a stack, or an error that lists every wrong argument. An empty instance means the stack's
// own.
func New(repo, stack, instance string, nodes int) (Sandbox, error) {
	if instance == "" {
		instance = stack
	}
	var problems []error
	if !slices.Contains(Stacks, stack) {
		problems = append(
			problems, fmt.Errorf("no sandbox for stack %q: the stacks are %s", stack, strings.Join(Stacks, ", ")),
		)
	} else if !slices.Contains(Instances, instance) {
		problems = append(problems, fmt.Errorf("no sandbox %q: there are %s", instance, strings.Join(Instances, ", ")))
	}
	if nodes < 1 || nodes > MaxNodes {
		problems = append(problems, fmt.Errorf("%d nodes: a sandbox has 1 to %d", nodes, MaxNodes))
	}
	if !filepath.IsAbs(repo) {
		problems = append(problems, fmt.Errorf("repository %q: an absolute path is needed", repo))
	}
	return Sandbox{Stack: stack, Instance: instance, Repo: repo, Nodes: nodes}, errors.Join(problems...)
}

// Shared is the folder of what all sandboxes share: binaries, images, the compiled Pulumi program.
func (s Sandbox) Shared(parts ...string) string {
	return filepath.Join(append([]string{s.Repo, StateFolder}, parts...)...)
}

// Bin is the path of a built program.
func (s Sandbox) Bin(name string) string { return s.Shared("bin", name) }

// State is a path in this sandbox's own folder.
func (s Sandbox) State(parts ...string) string {
	return s.Shared(append([]string{s.Instance}, parts...)...)
}

// Name is the sandbox's name: its cgroup, its cluster, its kubeconfig context.
func (s Sandbox) Name() string { return "opex-" + s.Instance }

// Kubeconfig is the administrator's kubeconfig for the host.
func (s Sandbox) Kubeconfig() string { return s.State("kubeconfig") }

// StackFile is the stack's file with the sandbox's overlay merged in: what Pulumi reads.
func (s Sandbox) StackFile() string { return s.State("Pulumi." + s.Stack + ".yaml") }

// HostPorts are the loopback ports on the host through which a sandbox is reached.
type HostPorts struct{ API, S3, HTTP int }

// Ports returns the sandbox's host ports: 16443, 16900 and 16080 for the first instance, 1000 more for each next one.
func (s Sandbox) Ports() HostPorts {
	base := 16000 + 1000*max(0, slices.Index(Instances, s.Instance))
	return HostPorts{API: base + 443, S3: base + 900, HTTP: base + 80}
}

// ServiceURL is how the host reaches a Service of the cluster: a name under .localhost, which resolves to loopback (RFC
// 6761).
func (s Sandbox) ServiceURL(service, namespace string, port int) string {
	return fmt.Sprintf("http://%d.%s.%s.localhost:%d", port, service, namespace, s.Ports().HTTP)
}

// NodeName is the name of node i, counted from 0. Node 0 also runs the control plane.
func (s Sandbox) NodeName(i int) string { return fmt.Sprintf("%s-%d", s.Instance, i) }

// NodeAddress is the address of node i.
func NodeAddress(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 18, 0, byte(10 + i)}) }

// PodRange is the range of the pods of node i.
func PodRange(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(64 + i), 0}), 24)
}
