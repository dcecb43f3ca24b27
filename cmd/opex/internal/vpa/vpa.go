// Package vpa reads VerticalPodAutoscalers (autoscaling.k8s.io/v1) in the terms that the command needs. The types are
// its own: those of the autoscaler's module would bring its whole dependencies along.
package vpa

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// ErrNotInstalled says that the cluster does not know the kind.
var ErrNotInstalled = errors.New(
	"this cluster has no VerticalPodAutoscalers (autoscaling.k8s.io/v1): their CustomResourceDefinition is missing",
)

// Update modes that the command tells apart.
const (
	ModeOff      = "Off"      // advises, changes nothing
	ModeRecreate = "Recreate" // the API's default: an object that names none deletes pods to resize them
)

// ContainerOff is the mode of a policy whose container gets no recommendation.
const ContainerOff = "Off"

// Object is a VerticalPodAutoscaler.
type Object struct {
	Namespace, Name string
	Created         time.Time
	// UpdateMode is the one that is in force: ModeRecreate where the object names none.
	UpdateMode                               string
	TargetAPIVersion, TargetKind, TargetName string
	Policies                                 []Policy
	Recommendations                          []Recommendation
	// Provided says that the condition RecommendationProvided is True; ProvidedSince is when that last changed, zero
	// where there is no such condition.
	Provided      bool
	ProvidedSince time.Time
	// Message is why there is no recommendation, in the recommender's words; empty where it gave none.
	Message string
}

// Policy is what holds for a container, or for all that have none of their own.
type Policy struct {
	Container              string                // * is every container without a policy of its own
	Mode                   string                // Auto, the API's default, or ContainerOff
	ControlledResources    []corev1.ResourceName // the API's default is cpu and memory
	MinAllowed, MaxAllowed corev1.ResourceList   // what is left out is not bounded
}

// Recommendation is the advice for a container. Lower, Target and Upper are held within the policy's bounds, Uncapped
// is the target as usage alone would have it.
type Recommendation struct {
	Container                      string
	Lower, Target, Upper, Uncapped corev1.ResourceList
}

// Policy returns what holds for a container, and false where nothing does.
func (o Object) Policy(container string) (Policy, bool) {
	var general Policy
	var found bool
	for _, policy := range o.Policies {
		switch policy.Container {
		case container:
			return policy, true
		case "*":
			general, found = policy, true
		}
	}
	return general, found
}

// Recommendation returns the advice for a container, and false where there is none.
func (o Object) Recommendation(container string) (Recommendation, bool) {
	for _, recommendation := range o.Recommendations {
		if recommendation.Container == container {
			return recommendation, true
		}
	}
	return Recommendation{}, false
}

// List returns all objects of a namespace, in the API server's order. A cluster without the kind is ErrNotInstalled.
func List(ctx context.Context, client dynamic.Interface, namespace string) ([]Object, error) {
	return list(ctx, client, namespace, "verticalpodautoscalers", func(raw wireObject) Object { return raw.object() })
}

func list[Wire, T any](
	ctx context.Context, client dynamic.Interface, namespace, resource string, convert func(Wire) T,
) ([]T, error) {
	kind := schema.GroupVersionResource{Group: "autoscaling.k8s.io", Version: "v1", Resource: resource}
	found, err := client.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, ErrNotInstalled
	}
	if err != nil {
		return nil, fmt.Errorf("%s in namespace %s: %w", resource, namespace, err)
	}
	objects := make([]T, len(found.Items))
	for i, item := range found.Items {
		raw, err := decode[Wire](item)
		if err != nil {
			return nil, fmt.Errorf("%s %s/%s: %w", resource, namespace, item.GetName(), err)
		}
		objects[i] = convert(raw)
	}
	return objects, nil
}

func decode[Wire any](item unstructured.Unstructured) (Wire, error) {
	var raw Wire
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &raw)
	return raw, err
}
