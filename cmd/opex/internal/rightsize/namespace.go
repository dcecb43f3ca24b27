package rightsize

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

// namespace is what the services of one namespace share, read once.
type namespace struct {
	autoscalers    []vpa.Object
	autoscalersErr error
	checkpoints    []vpa.Checkpoint
	checkpointsErr error
	horizontal     []autoscalingv2.HorizontalPodAutoscaler
	horizontalErr  error
}

func readNamespace(ctx context.Context, cluster *kube.Cluster, name string) *namespace {
	var n namespace
	n.autoscalers, n.autoscalersErr = vpa.List(ctx, cluster.Dynamic, name)
	n.checkpoints, n.checkpointsErr = vpa.Checkpoints(ctx, cluster.Dynamic, name)
	list, err := cluster.Client.AutoscalingV2().HorizontalPodAutoscalers(name).List(ctx, metav1.ListOptions{})
	if n.horizontalErr = err; err == nil {
		n.horizontal = list.Items
	}
	return &n
}

func (n namespace) autoscaler(name string) (vpa.Object, bool) {
	for _, object := range n.autoscalers {
		if object.Name == name {
			return object, true
		}
	}
	return vpa.Object{}, false
}

// rivals are the names of other VerticalPodAutoscalers on the same target.
func (n namespace) rivals(object vpa.Object) []string {
	var names []string
	for _, other := range n.autoscalers {
		if other.Name != object.Name && other.TargetKind == object.TargetKind && other.TargetName == object.TargetName {
			names = append(names, other.Name)
		}
	}
	return names
}

func (n namespace) checkpoint(autoscaler, container string) *vpa.Checkpoint {
	for _, c := range n.checkpoints {
		if c.Autoscaler == autoscaler && c.Container == container {
			return &c
		}
	}
	return nil
}

// scaledBy is the name of a HorizontalPodAutoscaler that scales a target by a resource, of its pods or of one
// container; empty where there is none.
func (n namespace) scaledBy(kind, name, container, resource string) string {
	for _, h := range n.horizontal {
		if h.Spec.ScaleTargetRef.Kind != kind || h.Spec.ScaleTargetRef.Name != name {
			continue
		}
		for _, metric := range h.Spec.Metrics {
			ofPods := metric.Resource != nil && string(metric.Resource.Name) == resource
			ofContainer := metric.ContainerResource != nil && string(metric.ContainerResource.Name) == resource &&
				metric.ContainerResource.Container == container
			if ofPods || ofContainer {
				return h.Name
			}
		}
	}
	return ""
}

// workload is what a VerticalPodAutoscaler looks at.
type workload struct {
	replicas   int32
	containers []corev1.Container
}

var errGone = errors.New("does not exist")

func readWorkload(ctx context.Context, cluster *kube.Cluster, namespace, kind, name string) (workload, error) {
	var pods corev1.PodTemplateSpec
	var replicas *int32
	var err error
	switch apps := cluster.Client.AppsV1(); kind {
	case "Deployment":
		var found *appsv1.Deployment
		if found, err = apps.Deployments(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
			pods, replicas = found.Spec.Template, found.Spec.Replicas
		}
	case "StatefulSet":
		var found *appsv1.StatefulSet
		if found, err = apps.StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
			pods, replicas = found.Spec.Template, found.Spec.Replicas
		}
	default:
		return workload{}, fmt.Errorf("is a %s; Deployments and StatefulSets are read", kind)
	}
	if apierrors.IsNotFound(err) {
		return workload{}, errGone
	}
	if err != nil {
		return workload{}, err
	}
	w := workload{replicas: 1, containers: pods.Spec.Containers} // 1 is the API's default
	if replicas != nil {
		w.replicas = *replicas
	}
	return w, nil
}
