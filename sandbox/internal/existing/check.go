package existing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// oldest is the first Kubernetes that has all that the program declares: ValidatingAdmissionPolicy is in
// admissionregistration.k8s.io/v1 since 1.30.
const oldest = "1.30"

// Need is what the pods of the staging stack request on a cluster of one node, with the store in the cluster, and
// NeedPerNode what Velero and Chaos Mesh add on each further node. A test on the sandbox compares Need with what the pods
// do request.
var (
	Need        = Size{CPU: 1.4, Memory: 2.8 * gib}
	NeedPerNode = Size{CPU: 0.06, Memory: 192 << 20}
)

const gib = 1 << 30

// ownNamespaces are those that the engines and the store make, beside the services' own.
var ownNamespaces = []string{
	"chaos-mesh", "opencost", "opex-system", "prometheus-system", storeNamespace, "velero", "vertical-pod-autoscaler",
}

// Check returns every reason not to deploy the stack onto the cluster, or nil. arch is that of the programs that are
// built for its images, and namespace that of the services.
func (c *Cluster) Check(f Facts, arch, namespace string) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if v, err := version.ParseGeneric(f.Version); err != nil || v.LessThan(version.MustParseGeneric(oldest)) {
		problem("it runs Kubernetes %s: %s or later is needed (ValidatingAdmissionPolicy)", f.Version, oldest)
	}
	deployed := f.PinnedUID != ""
	if deployed && f.PinnedUID != f.UID {
		problem("the context led to another cluster before (UID %s, now %s): point it back, or give the new cluster a "+
			"context of its own. If the other cluster is gone, delete %s, which holds what was known of it",
			f.PinnedUID, f.UID, c.Folder)
	}
	if f.DefaultStorageClass == "" {
		problem("it has no default StorageClass, and the database needs a volume: " +
			"annotate one with storageclass.kubernetes.io/is-default-class=true (`kubectl get storageclass` lists them)")
	}
	checkOwners(f, namespace, deployed, problem)
	checkNodes(f, arch, !deployed, problem)
	return errors.Join(problems...)
}

// checkOwners looks for what belongs to somebody else.
func checkOwners(f Facts, namespace string, deployed bool, problem func(string, ...any)) {
	var taken, production []string
	for name, environment := range f.Namespaces {
		if !deployed && (name == namespace || slices.Contains(ownNamespaces, name)) {
			taken = append(taken, name)
		}
		if isProduction(name) || isProduction(environment) {
			production = append(production, name)
		}
	}
	slices.Sort(taken)
	slices.Sort(production)
	if len(taken) > 0 {
		problem("it already has the namespaces %s, which this stack would make: another stack or installation owns them; "+
			"use another cluster, or remove that one first", strings.Join(taken, ", "))
	}
	if len(production) > 0 {
		problem("it holds production (namespaces %s), and the staging stack brings Chaos Mesh: "+
			"use a cluster without production", strings.Join(production, ", "))
	}
}

func isProduction(name string) bool {
	return slices.Contains([]string{"production", "prod", "prd", "live"}, strings.ToLower(name))
}

// checkNodes looks for room, and for nodes that cannot run the images.
func checkNodes(f Facts, arch string, needRoom bool, problem func(string, ...any)) {
	var free Size
	usable := 0
	need := Need.minus(NeedPerNode)
	for _, node := range f.Nodes {
		if !node.Schedulable {
			continue
		}
		if !node.Ready {
			problem("node %s is not ready: `kubectl describe node %s` says why", node.Name, node.Name)
			continue
		}
		usable++
		need = need.plus(NeedPerNode)
		if !strings.HasPrefix(node.Runtime, "containerd://") {
			problem("node %s runs pods by %s, and Chaos Mesh is set up for containerd", node.Name, node.Runtime)
		}
		if node.OS != "linux" || node.Arch != arch {
			problem("node %s is %s/%s, and the images are built for linux/%s, as this machine is: "+
				"run this on a machine of that kind, or taint the node", node.Name, node.OS, node.Arch, arch)
		}
		free = free.plus(Size{CPU: max(0, node.Free.CPU), Memory: max(0, node.Free.Memory)})
	}
	if usable == 0 {
		problem("it has no ready node that takes pods: `kubectl get nodes` shows them")
	}
	if needRoom && free.CPU < need.CPU {
		problem("its nodes have %.2f cores free, %.2f are needed: %.2f more", free.CPU, need.CPU, need.CPU-free.CPU)
	}
	if needRoom && free.Memory < need.Memory {
		problem("its nodes have %.2f GiB of memory free, %.2f GiB are needed: %.2f GiB more",
			free.Memory/gib, need.Memory/gib, (need.Memory-free.Memory)/gib)
	}
}
