package sabotage

import (
	"context"
	"errors"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/opex-project/opex/internal/contract"
)

// Kinds that are changed.
var (
	podKind     = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	quotas      = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	autoscalers = schema.GroupVersionResource{
		Group:    "autoscaling.k8s.io",
		Version:  "v1",
		Resource: "verticalpodautoscalers",
	}
	schedules = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "schedules"}
	backups   = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "backups"}
	// made by Game Days
	experiments = schema.GroupVersionResource{Group: "chaos-mesh.org", Version: "v1alpha1", Resource: "podchaos"}
	deletions   = schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: "deletebackuprequests"}
)

// objects are those of a kind in a namespace.
type objects struct {
	dynamic.ResourceInterface
	kind      schema.GroupVersionResource
	namespace string
}

func (o objects) name(name string) string {
	return fmt.Sprintf("%s %s/%s", o.kind.Resource, o.namespace, name)
}

func (o objects) error(name string, err error) error { return fmt.Errorf("%s: %w", o.name(name), err) }

// create makes an object, which is deleted again.
func (s *Site) create(
	ctx context.Context, kind schema.GroupVersionResource, namespace string, object map[string]any,
) error {
	at, wanted := s.objects(kind, namespace), &unstructured.Unstructured{Object: object}
	wanted.SetNamespace(namespace)
	labels := map[string]string{contract.LabelManagedBy: "opex", mark: made}
	maps.Copy(labels, wanted.GetLabels())
	wanted.SetLabels(labels)
	s.later(at.name(wanted.GetName()), func(ctx context.Context) error { return s.remove(ctx, at, wanted.GetName()) })
	if _, err := at.Create(ctx, wanted, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		return at.error(wanted.GetName(), err)
	}
	return nil
}

// remove deletes what was made. A backup is Velero's to delete, with all that it has of it.
func (s *Site) remove(ctx context.Context, at objects, name string) error {
	if at.kind == backups {
		return s.deleteBackup(ctx, name)
	}
	err := at.Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// spec is a merge patch of an object's spec.
func spec(fields map[string]any) map[string]any { return map[string]any{"spec": fields} }

// pods are the names of the service's running pods, but those that are going.
func (s *Site) pods(ctx context.Context) ([]string, error) {
	found, err := s.Cluster.Client.CoreV1().Pods(s.Service.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Service.Selector}),
		FieldSelector: "status.phase=Running"})
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
