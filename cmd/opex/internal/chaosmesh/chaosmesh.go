// Package chaosmesh reads and makes the objects of Chaos Mesh (v2.8) that a Game Day needs.
package chaosmesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Kinds are those of experiments, with their resources' names and where a Schedule holds them.
var Kinds = map[string]struct{ Resource, Field string }{
	"PodChaos": {
		"podchaos", "podChaos",
	}, "NetworkChaos": {"networkchaos", "networkChaos"}, "StressChaos": {"stresschaos", "stressChaos"},
}

const (
	group           = "chaos-mesh.org"
	version         = "v1alpha1"
	pauseAnnotation = "experiment.chaos-mesh.org/pause"
	// InjectAnnotation on a namespace opens it to experiments.
	InjectAnnotation = "chaos-mesh.org/inject"
)

// ErrNotInstalled says that the cluster does not know the kinds.
var ErrNotInstalled = errors.New("Chaos Mesh is not installed")

// Client works in one namespace.
type Client struct {
	Dynamic   dynamic.Interface
	Namespace string
}

// Schedule is a declared experiment.
type Schedule struct {
	Name       string
	Paused     bool
	Kind       string         // of the experiment
	Experiment map[string]any // its spec
}

// Experiment is a live one.
type Experiment struct {
	Kind, Name, UID string
	Finalizers      []string
	Deleting        bool
	Selected        bool
	AllInjected     bool
	Targets         []string // namespace/pod, and /container where one was hit
	Failures        []string // what failed, as it says itself
}

func (c Client) of(resource string) dynamic.ResourceInterface {
	return c.Dynamic.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).
		Namespace(c.Namespace)
}

func (c Client) explain(err error, what string) error {
	if err == nil {
		return nil
	}
	if meta.IsNoMatchError(err) ||
		apierrors.IsNotFound(err) && strings.Contains(err.Error(), "could not find the requested resource") {
		err = ErrNotInstalled
	}
	return fmt.Errorf("%s in namespace %s: %w", what, c.Namespace, err)
}

// Schedule reads a declared experiment (right: get schedules).
func (c Client) Schedule(ctx context.Context, name string) (Schedule, error) {
	found, err := c.of("schedules").Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Schedule{}, c.explain(err, "Schedule "+name)
	}
	s := Schedule{Name: name, Paused: found.GetAnnotations()[pauseAnnotation] == "true"}
	s.Kind, _, _ = unstructured.NestedString(found.Object, "spec", "type")
	s.Experiment, _, _ = unstructured.NestedMap(found.Object, "spec", Kinds[s.Kind].Field)
	return s, nil
}

// Running lists the experiments that are there, of all kinds (right: list them).
func (c Client) Running(ctx context.Context) ([]Experiment, error) {
	var all []Experiment
	for kind, k := range Kinds {
		found, err := c.of(k.Resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, c.explain(err, kind)
		}
		for i := range found.Items {
			all = append(all, experiment(kind, &found.Items[i]))
		}
	}
	slices.SortFunc(all, func(a, b Experiment) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
	return all, nil
}

// Create makes an experiment, which begins at once (right: create on its kind). A trial run only asks whether it would
// be admitted.
func (c Client) Create(
	ctx context.Context, kind, name string, labels map[string]string, spec map[string]any, trial bool,
) (Experiment, error) {
	object := &unstructured.Unstructured{
		Object: map[string]any{"apiVersion": group + "/" + version, "kind": kind, "spec": spec},
	}
	object.SetName(name)
	object.SetLabels(labels)
	options := metav1.CreateOptions{}
	if trial {
		options.DryRun = []string{metav1.DryRunAll}
	}
	made, err := c.of(Kinds[kind].Resource).Create(ctx, object, options)
	if err != nil {
		return Experiment{}, c.explain(err, kind+" "+name)
	}
	return experiment(kind, made), nil
}

// Get reads an experiment (right: get).
func (c Client) Get(ctx context.Context, kind, name string) (Experiment, error) {
	found, err := c.of(Kinds[kind].Resource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Experiment{}, c.explain(err, kind+" "+name)
	}
	return experiment(kind, found), nil
}

// Delete asks for an experiment's end (right: delete). Chaos Mesh undoes what can be undone, then lets it go. One that
// is gone is no error.
func (c Client) Delete(ctx context.Context, kind, name string) error {
	err := c.of(Kinds[kind].Resource).
		Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return c.explain(err, kind+" "+name)
}

func experiment(kind string, object *unstructured.Unstructured) Experiment {
	e := Experiment{
		Kind:       kind,
		Name:       object.GetName(),
		UID:        string(object.GetUID()),
		Finalizers: object.GetFinalizers(),
		Deleting:   object.GetDeletionTimestamp() != nil,
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		switch is := condition["status"] == "True"; condition["type"] {
		case "Selected":
			e.Selected = is
		case "AllInjected":
			e.AllInjected = is
		}
	}
	records, _, _ := unstructured.NestedSlice(object.Object, "status", "experiment", "containerRecords")
	for _, r := range records {
		record, _ := r.(map[string]any)
		if id, is := record["id"].(string); is {
			e.Targets = append(e.Targets, id)
		}
		happened, _, _ := unstructured.NestedSlice(record, "events")
		for _, h := range happened {
			event, _ := h.(map[string]any)
			if message, _ := event["message"].(string); event["type"] == "Failed" {
				e.Failures = append(e.Failures, message)
			}
		}
	}
	return e
}
