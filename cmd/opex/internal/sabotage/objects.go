package sabotage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

// Kinds that are changed.
var (
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	quotas      = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	autoscalers = schema.GroupVersionResource{Group: "autoscaling.k8s.io", Version: "v1", Resource: "verticalpodautoscalers"}
	schedules   = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "schedules"}
	backups     = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "backups"}
	deletions   = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "deletebackuprequests"}
)

// patch changes fields of an object, as a merge patch does. They are put back as they were.
func (s *Site) patch(ctx context.Context, kind schema.GroupVersionResource, namespace, name string, fields map[string]any) error {
	objects := s.Cluster.Dynamic.Resource(kind).Namespace(namespace)
	before, err := objects.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", kind.Resource, namespace, name, err)
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	s.later(fmt.Sprintf("%s %s/%s", kind.Resource, namespace, name), func(ctx context.Context) error {
		return retry.RetryOnConflict(retry.DefaultRetry, func() error {
			now, err := objects.Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) && kind == pods {
				return nil // its like comes from the template
			}
			if err != nil {
				return err
			}
			putFields(now.Object, before.Object, fields)
			_, err = objects.Update(ctx, now, metav1.UpdateOptions{})
			return err
		})
	})
	if _, err := objects.Patch(ctx, name, types.MergePatchType, data, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("%s %s/%s: %w", kind.Resource, namespace, name, err)
	}
	return nil
}

// putFields gives the fields that a merge patch named their values of before, and takes away those that were not there.
func putFields(now, before, fields map[string]any) {
	for name, value := range fields {
		was, is := before[name]
		deeper, isMap := value.(map[string]any)
		old, wasMap := was.(map[string]any)
		current, nowMap := now[name].(map[string]any)
		switch {
		case isMap && wasMap && nowMap:
			putFields(current, old, deeper)
		case is:
			now[name] = was
		default:
			delete(now, name)
		}
	}
}

// create makes an object, which is deleted again.
func (s *Site) create(ctx context.Context, kind schema.GroupVersionResource, namespace string, object map[string]any) error {
	made := &unstructured.Unstructured{Object: object}
	made.SetNamespace(namespace)
	labels := map[string]string{"app.kubernetes.io/managed-by": "opex"}
	maps.Copy(labels, made.GetLabels())
	made.SetLabels(labels)
	objects := s.Cluster.Dynamic.Resource(kind).Namespace(namespace)
	s.later(fmt.Sprintf("%s %s/%s, which was made", kind.Resource, namespace, made.GetName()), func(ctx context.Context) error {
		err := objects.Delete(ctx, made.GetName(), metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
	if _, err := objects.Create(ctx, made, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		return fmt.Errorf("%s %s/%s: %w", kind.Resource, namespace, made.GetName(), err)
	}
	return nil
}

// spec is a merge patch of an object's spec.
func spec(fields map[string]any) map[string]any { return map[string]any{"spec": fields} }

// pods are the names of the service's running pods, but those that are going.
func (s *Site) pods(ctx context.Context) ([]string, error) {
	found, err := s.Cluster.Client.CoreV1().Pods(s.Service.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Service.Selector}), FieldSelector: "status.phase=Running"})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, pod := range found.Items {
		if pod.DeletionTimestamp == nil {
			names = append(names, pod.Name)
		}
	}
	return names, nil
}

// pod returns one of them.
func (s *Site) pod(ctx context.Context) (string, error) {
	names, err := s.pods(ctx)
	if err == nil && len(names) == 0 {
		err = errors.New("no running pod of the service was found")
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}
