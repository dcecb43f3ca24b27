// Package node builds what the sandbox's programs are started with: argument lists and configuration files. It is pure:
// the same sandbox gives the same bytes, which goldens keep, and `sandbox up --dry-run` prints them.
package node

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// StateMount is where a sandbox's folder is seen inside its mount namespace. A fixed path keeps Unix sockets short and
// configuration files equal on every machine.
const StateMount = "/run/opex/state"

// BinMount is where the built programs are seen inside a sandbox's mount namespace.
const BinMount = "/run/opex/bin"

// PauseImage holds the namespaces of each pod.
const PauseImage = "registry.k8s.io/pause:3.10.1"

// CNIPlugins is where Debian's containernetworking-plugins lie.
const CNIPlugins = "/usr/lib/cni"

// The sandbox's StorageClass: the name of its provisioner, and where a node sees its volumes.
const (
	ProvisionerName = "sandbox.opex.dev/local"
	VolumeFolder    = "/var/lib/opex-volumes"
)

const containerdSocket = "/run/containerd/containerd.sock"

// Process is one program of the sandbox.
type Process struct {
	// Name is its name in logs and status, and the name it is called by.
	Name string
	// File is its file in BinMount; empty means the multi-call program kube.
	File string
	Args []string
	// Env is added to the environment.
	Env []string
	// Ready is a tcp:// or https:// address that answers once it works; empty means that nothing waits for it.
	Ready string
}

// String is the program as a person would call it in a shell, an argument a line.
func (p Process) String() string {
	return strings.Join(append([]string{p.Name}, p.Args...), " \\\n    ")
}

// Files are configuration files by path, as the node's processes see them.
type Files map[string]string

// Node is one Kubernetes node.
type Node struct {
	Sandbox layout.Sandbox
	// Index counts from 0; node 0 shares the control plane's network.
	Index int
}

// Name is the node's name in Kubernetes.
func (n Node) Name() string { return n.Sandbox.NodeName(n.Index) }

// Folder is a path in the node's part of the sandbox's folder.
func (n Node) Folder(parts ...string) string {
	return State(append([]string{fmt.Sprintf("node-%d", n.Index)}, parts...)...)
}

// Mounts maps folders that the node's processes expect at a standard path to where they are kept. Standard paths let
// charts with their defaults (Velero's node agent, Chaos Mesh's daemon) work as on any cluster.
func (n Node) Mounts() map[string]string {
	return map[string]string{
		"/var/lib/containerd": n.Folder("containerd"),
		"/var/lib/kubelet":    n.Folder("kubelet"),
		VolumeFolder:          n.Folder("volumes"),
		"/var/log":            n.Folder("log"),
		"/run/containerd":     n.Runtime(),
	}
}

// Runtime is the folder of the node's container runtime socket, seen from all nodes' mount namespaces.
func (n Node) Runtime() string { return fmt.Sprintf("/run/opex/nodes/%d", n.Index) }

// Processes returns the node's programs in starting order.
func (n Node) Processes() []Process {
	return []Process{
		{Name: "containerd", File: "containerd", Args: []string{"--config", n.config("containerd.toml")},
			Ready: "unix://" + containerdSocket},
		{Name: "kubelet", Args: []string{
			"--config=" + n.config("kubelet.yaml"),
			"--kubeconfig=" + Kubeconfig("kubelet-"+n.Name()),
			"--hostname-override=" + n.Name(),
			"--node-ip=" + layout.NodeAddress(n.Index).String(),
		}},
		{Name: "kube-proxy", Args: []string{"--config=" + n.config("kube-proxy.yaml")}},
		{Name: "kube-router", Args: []string{Kubeconfig("kube-router"), n.Name()}},
		{Name: "volume-provisioner", Args: []string{Kubeconfig("volume-provisioner"), n.Name()}},
	}
}

// Files returns the node's configuration files.
func (n Node) Files() Files {
	return Files{
		n.config("containerd.toml"):      n.containerd(),
		n.config("kubelet.yaml"):         n.kubelet(),
		n.config("kube-proxy.yaml"):      n.kubeProxy(),
		n.config("cni/10-opex.conflist"): n.cni(),
	}
}

func (n Node) config(name string) string { return filepath.Join(n.Folder("config"), name) }

func (n Node) containerd() string {
	return fmt.Sprintf(`version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = %q

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = %q

[plugins."io.containerd.cri.v1.runtime"]
# The machine may lack CAP_SYS_RESOURCE; then no process may lower its OOM score.
restrict_oom_score_adj = true
# By default each container is asked for its CPU time once a second, by a call to its shim: a third of what an idle
# sandbox used. The kubelet reads the figures that it reports from the cgroups itself.
stats_collect_period = "10s"

[plugins."io.containerd.cri.v1.runtime".cni]
# Bring lo up without starting one more program for each pod.
use_internal_loopback = true
bin_dirs = [%q]
conf_dir = %q

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = false
`, containerdSocket, PauseImage, CNIPlugins, n.config("cni"))
}

func (n Node) kubelet() string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[1]s
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[2]s}
authorization: {mode: Webhook}
tlsCertFile: %[3]s
tlsPrivateKeyFile: %[4]s
containerRuntimeEndpoint: unix://%[5]s
cgroupDriver: cgroupfs
cgroupRoot: /%[6]s/%[7]s
failCgroupV1: false # a host with cgroup v1 serves as well
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [%[8]s]
resolvConf: "" # nothing outside the cluster can be reached
serializeImagePulls: false
# Images come from this machine and cannot be pulled again, and the disk is the host's: neither is cleared for room.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: "0%%", nodefs.inodesFree: "0%%", imagefs.available: "0%%", imagefs.inodesFree: "0%%"}
containerLogMaxSize: 10Mi
`, layout.NodeAddress(n.Index), PKI("ca.crt"), PKI("kubelet-"+n.Name()+".crt"), PKI("kubelet-"+n.Name()+".key"),
		containerdSocket, n.Sandbox.Name(), n.Name(), layout.DNSAddress)
}

func (n Node) kubeProxy() string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: %s}
hostnameOverride: %s
clusterCIDR: %s
conntrack: {maxPerCore: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s} # leave the host's limits alone
`, Kubeconfig("kube-proxy"), n.Name(), layout.PodNetwork)
}

func (n Node) cni() string {
	return fmt.Sprintf(`{
  "cniVersion": "1.0.0",
  "name": "opex",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": %q}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
`, layout.PodRange(n.Index).String())
}
