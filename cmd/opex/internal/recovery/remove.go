package recovery

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// remove ends the restore, if it still runs, and deletes it and its modifiers; a copy's pods end, too. Velero ends one
// that waits for a volume only when that volume is given up, and one that waits for a pod only when the pod is gone;
// until then others wait.
func (r *run) remove(ctx context.Context) error {
	s := r.site
	deleted := false
	err := s.wait(ctx, "restore "+r.name, cleanupLimit, func(ctx context.Context) (string, bool, error) {
		found, err := s.Velero.Restore(ctx, r.name)
		if apierrors.IsNotFound(err) {
			return "", true, nil
		} else if err != nil {
			return "", false, err
		}
		if !velero.Done(found.Phase) {
			if err := r.cancel(ctx); err != nil {
				return "", false, err
			}
			return "is being canceled", false, nil
		}
		if !deleted {
			if err := s.Velero.DeleteRestore(ctx, r.name); err != nil && !apierrors.IsNotFound(err) {
				return "", false, err
			}
			deleted = true
		}
		return "is being deleted", false, nil
	})
	if err != nil {
		return err
	}
	err = s.Cluster.Client.CoreV1().ConfigMaps(s.Vault.Namespace).Delete(ctx, r.name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// cancel gives up the volumes of the restore that are not filled yet, and the pods that wait for them.
func (r *run) cancel(ctx context.Context) error {
	s := r.site
	volumes, err := s.Velero.PodVolumeRestores(ctx, r.name)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if !velero.Done(v.Phase) {
			if err := s.Velero.CancelPodVolumeRestore(ctx, v.Name); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
	}
	if r.target == s.Service.Namespace {
		return nil // nobody ends the service's own
	}
	return s.endPods(ctx, r.target)
}

// endPods ends the pods of a copy at once: nobody uses it, so nothing has to be brought to an end in good order.
func (s *Site) endPods(ctx context.Context, namespace string) error {
	soon := int64(1)
	return s.Cluster.Client.CoreV1().
		Pods(namespace).
		DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &soon}, metav1.ListOptions{LabelSelector: selector(s.Plan.Selector)})
}

// removeNamespace deletes the namespace of a copy, if it is still that one, and waits until it is gone.
func (s *Site) removeNamespace(ctx context.Context, name string, uid types.UID) error {
	spaces := s.Cluster.Client.CoreV1().Namespaces()
	err := spaces.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	if err := s.endPods(ctx, name); err != nil && !apierrors.IsNotFound(err) {
		s.Say("note: the copy's pods end in their own time: %v", err)
	}
	return s.wait(ctx, "namespace "+name, cleanupLimit, func(ctx context.Context) (string, bool, error) {
		found, err := spaces.Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return "", true, nil
		case err != nil:
			return "", false, err
		case found.UID != uid:
			return "", true, nil // another one of the same name
		}
		return terminating(found), false, nil
	})
}
