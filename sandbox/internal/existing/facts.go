package existing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resources "k8s.io/component-helpers/resource"
)

// Facts are what the checks look at.
type Facts struct {
	// Version is the API server's, such as v1.37.2.
	Version string
	// UID is that of kube-system, and PinnedUID the one that this context led to when the stack was first deployed;
	// empty before.
	UID, PinnedUID string
	Nodes          []Node
	// Namespaces maps each namespace to its label environment.
	Namespaces map[string]string
	// DefaultStorageClass is its name; empty where there is none.
	DefaultStorageClass string
}

// Node is one node, with what its pods leave free of what it can give.
type Node struct {
	Name, OS, Arch string
	// Runtime is its container runtime with the version, such as containerd://2.1.4-k3s1.
	Runtime string
	// Ready and Schedulable say whether it runs pods that tolerate no taint.
	Ready, Schedulable bool
	// Cloud says that a cloud's provider runs it, whose prices OpenCost can look up.
	Cloud bool
	Free  Size
}

// Size is CPU in cores and memory in bytes.
type Size struct{ CPU, Memory float64 }

// Look asks the cluster and changes nothing.
func (c *Cluster) Look(ctx context.Context) (Facts, error) {
	pinned, err := c.pinnedUID()
	if err != nil {
		return Facts{}, err
	}
	facts := Facts{Namespaces: map[string]string{}, PinnedUID: pinned}
	version, err := c.client.Discovery().ServerVersion()
	if err != nil {
		return facts, fmt.Errorf("the cluster of context %q at %s does not answer: %w", c.Context, c.Server, err)
	}
	facts.Version = version.GitVersion
	namespaces, err := c.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return facts, err
	}
	for _, namespace := range namespaces.Items {
		facts.Namespaces[namespace.Name] = namespace.Labels["environment"]
		if namespace.Name == metav1.NamespaceSystem {
			facts.UID = string(namespace.UID)
		}
	}
	if facts.UID == "" {
		return facts, fmt.Errorf("the cluster of context %q does not tell its identity, the UID of kube-system", c.Context)
	}
	classes, err := c.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return facts, err
	}
	for _, class := range classes.Items {
		if class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			facts.DefaultStorageClass = class.Name
		}
	}
	facts.Nodes, err = c.nodes(ctx)
	return facts, err
}

func (c *Cluster) nodes(ctx context.Context) ([]Node, error) {
	list, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	pods, err := c.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	used := map[string]Size{}
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			requests := sizeOf(resources.PodRequests(&pod, resources.PodResourcesOptions{}))
			used[pod.Spec.NodeName] = used[pod.Spec.NodeName].plus(requests)
		}
	}
	var nodes []Node
	for _, node := range list.Items {
		nodes = append(nodes, Node{
			Name: node.Name, OS: node.Status.NodeInfo.OperatingSystem, Arch: node.Status.NodeInfo.Architecture,
			Runtime: node.Status.NodeInfo.ContainerRuntimeVersion,
			Ready:   ready(node), Schedulable: schedulable(node), Cloud: cloud(node.Spec.ProviderID),
			Free: sizeOf(node.Status.Allocatable).minus(used[node.Name]),
		})
	}
	return nodes, nil
}

func ready(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// schedulable passes over the taints that a node has because it is not ready.
func schedulable(node corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			continue
		}
		if taint.Effect == corev1.TaintEffectNoSchedule || taint.Effect == corev1.TaintEffectNoExecute {
			return false
		}
	}
	return !node.Spec.Unschedulable
}

func (n Node) k3s() bool { return strings.Contains(n.Runtime, "-k3s") }

// cloud reads a node's provider. OpenCost has price lists of these three.
func cloud(providerID string) bool {
	scheme, _, _ := strings.Cut(providerID, "://")
	return scheme == "aws" || scheme == "gce" || scheme == "azure"
}

func sizeOf(list corev1.ResourceList) Size {
	return Size{CPU: list.Cpu().AsApproximateFloat64(), Memory: list.Memory().AsApproximateFloat64()}
}

func (s Size) plus(other Size) Size  { return Size{s.CPU + other.CPU, s.Memory + other.Memory} }
func (s Size) minus(other Size) Size { return Size{s.CPU - other.CPU, s.Memory - other.Memory} }

// pinnedUID is empty where the stack was not deployed yet.
func (c *Cluster) pinnedUID() (string, error) {
	uid, err := os.ReadFile(filepath.Join(c.Folder, "uid"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(uid), err
}
