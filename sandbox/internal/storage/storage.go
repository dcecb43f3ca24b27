// Package storage is the sandbox's dynamic volume provisioner: each claim gets a folder of the node that its pod was
// scheduled to, as a PersistentVolume of type `local`. Velero's file-system backup reads that type; it refuses hostPath.
package storage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/opex-project/opex/sandbox/internal/node"
)

// Run serves claims until the context ends. folder maps a node's name to that node's node.VolumeFolder as this process sees it.
func Run(ctx context.Context, kubeconfig string, folder func(node string) string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("volume provisioner: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("volume provisioner: %w", err)
	}
	ctx = klog.NewContext(ctx, klog.Background())
	controller.NewProvisionController(ctx, client, node.ProvisionerName, provisioner{folder},
		controller.LeaderElection(false), // one process per sandbox
	).Run(ctx)
	return nil
}

type provisioner struct{ folder func(node string) string }

// Provision makes the volume's folder on the selected node. It may be called again for the same claim.
func (p provisioner) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	for _, mode := range claim.Spec.AccessModes {
		if mode == v1.ReadWriteMany || mode == v1.ReadOnlyMany {
			return nil, controller.ProvisioningFinished, fmt.Errorf(
				"claim %s/%s asks for %s: a folder of one node can only be %s or %s",
				claim.Namespace, claim.Name, mode, v1.ReadWriteOnce, v1.ReadWriteOncePod)
		}
	}
	if options.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, fmt.Errorf(
			"claim %s/%s has no selected node: its StorageClass must have volumeBindingMode WaitForFirstConsumer", claim.Namespace, claim.Name)
	}
	host := options.SelectedNodeName
	path := filepath.Join(p.folder(host), options.PVName)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// MkdirAll's mode is cut by the umask. Pods run as any user; fsGroup narrows it where they ask for it.
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			PersistentVolumeSource: v1.PersistentVolumeSource{
				Local: &v1.LocalVolumeSource{Path: filepath.Join(node.VolumeFolder, options.PVName)},
			},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
				MatchExpressions: []v1.NodeSelectorRequirement{{
					Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{host},
				}},
			}}}},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the folder of a released volume.
func (p provisioner) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	terms := volume.Spec.NodeAffinity.Required.NodeSelectorTerms
	return os.RemoveAll(filepath.Join(p.folder(terms[0].MatchExpressions[0].Values[0]), volume.Name))
}
