// Package storage is the sandbox's dynamic volume provisioner. One runs on each node and serves the claims whose pods
// were scheduled there: each gets a file system of its size, as a PersistentVolume of type `local`. Velero's
// file-system backup reads that type; it refuses hostPath.
package storage

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	volumehelpers "k8s.io/component-helpers/storage/volume"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/opex-project/opex/sandbox/internal/node"
	"github.com/opex-project/opex/sandbox/internal/storage/volume"
)

// Run serves the claims of one node until the context ends. It must run in that node's mount namespace: what it mounts
// is seen nowhere else.
func Run(ctx context.Context, kubeconfig, nodeName string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("volume provisioner: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("volume provisioner: %w", err)
	}
	ctx = klog.NewContext(ctx, klog.Background())
	controller.NewProvisionController(ctx, client, node.ProvisionerName, provisioner{nodeName, node.VolumeFolder},
		controller.LeaderElection(false), // each node has its own, and no two serve the same claim
	).Run(ctx)
	return nil
}

type provisioner struct {
	node    string
	volumes volume.Folder
}

// ShouldProvision leaves claims to the node that was selected for them. Those without one are for Provision to refuse.
func (p provisioner) ShouldProvision(_ context.Context, claim *v1.PersistentVolumeClaim) bool {
	selected := claim.Annotations[volumehelpers.AnnSelectedNode]
	return selected == p.node || selected == ""
}

// ShouldDelete leaves volumes to the node that they lie on.
func (p provisioner) ShouldDelete(_ context.Context, pv *v1.PersistentVolume) bool {
	if pv.Spec.Local == nil || pv.Spec.Local.Path != p.volumes.Path(pv.Name) {
		return false // made by hand
	}
	return pv.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0] == p.node
}

// Provision makes the volume. It may be called again for the same claim.
func (p provisioner) Provision(
	_ context.Context, options controller.ProvisionOptions,
) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	for _, mode := range claim.Spec.AccessModes {
		if mode == v1.ReadWriteMany || mode == v1.ReadOnlyMany {
			return nil, controller.ProvisioningFinished, fmt.Errorf(
				"claim %s/%s asks for %s: a volume of one node can only be %s or %s",
				claim.Namespace, claim.Name, mode, v1.ReadWriteOnce, v1.ReadWriteOncePod)
		}
	}
	if options.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, fmt.Errorf(
			"claim %s/%s has no selected node: its StorageClass must have volumeBindingMode WaitForFirstConsumer",
			claim.Namespace, claim.Name,
		)
	}
	size := claim.Spec.Resources.Requests[v1.ResourceStorage]
	if size.Value() < volume.MinBytes {
		size = *resource.NewQuantity(volume.MinBytes, resource.BinarySI)
	}
	if err := p.volumes.Make(options.PVName, size.Value()); err != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: size},
			PersistentVolumeSource: v1.PersistentVolumeSource{
				Local: &v1.LocalVolumeSource{Path: p.volumes.Path(options.PVName)},
			},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
				MatchExpressions: []v1.NodeSelectorRequirement{{
					Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{p.node},
				}},
			}}}},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes a released volume and all that it holds.
func (p provisioner) Delete(_ context.Context, pv *v1.PersistentVolume) error {
	return p.volumes.Remove(pv.Name)
}
