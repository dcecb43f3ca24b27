package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// mostReasons is how many reasons a message lists: the first ones tell, the rest repeat.
const mostReasons = 8

// reasons says why an object may be stuck: the states of the containers of its pods, and the warnings that Kubernetes
// has recorded of it, its pods and whatever else bears its name. Failures to find out are left out: this is advice.
func (w *waiter) reasons() []string {
	// The wait may have ended because its time is over; the reasons are worth some more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 10*time.Second)
	defer cancel()
	var reasons []string
	add := func(text string) {
		if text != "" && !slices.Contains(reasons, text) && len(reasons) < mostReasons {
			reasons = append(reasons, text)
		}
	}
	for _, pod := range w.pods(ctx) {
		for _, text := range podProblems(pod.Object) {
			add("Pod " + pod.GetName() + ": " + text)
		}
	}
	events, err := w.cluster.resource(schema.GroupVersionKind{Version: "v1", Kind: "Event"}, w.object.GetNamespace())
	if err != nil {
		return reasons
	}
	list, err := events.List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return reasons
	}
	for _, event := range list.Items {
		about, name := str(event.Object, "involvedObject", "name"), w.object.GetName()
		if about != name && !strings.HasPrefix(about, name+"-") {
			continue
		}
		seen, err := time.Parse(time.RFC3339, str(event.Object, "lastTimestamp"))
		if err == nil && seen.Before(w.since.Add(-time.Minute)) {
			continue // of an earlier trouble
		}
		add(fmt.Sprintf("%s %s: %s: %s", str(event.Object, "involvedObject", "kind"), about, str(event.Object, "reason"), str(event.Object, "message")))
	}
	return reasons
}

// pods are those that the object selects, or the object itself if it is one.
func (w *waiter) pods(ctx context.Context) []unstructured.Unstructured {
	if w.object.GetKind() == "Pod" {
		return []unstructured.Unstructured{*w.object}
	}
	selector, ok := get(w.object.Object, "spec", "selector", "matchLabels")
	if !ok {
		selector, _ = get(w.object.Object, "spec", "selector")
	}
	wanted := labels.Set{}
	m, _ := selector.(map[string]any)
	for key, value := range m {
		if s, ok := value.(string); ok {
			wanted[key] = s
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	pods, err := w.cluster.resource(schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, w.object.GetNamespace())
	if err != nil {
		return nil
	}
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: wanted.String()})
	if err != nil {
		return nil
	}
	return list.Items
}

// podProblems tells what keeps a pod from being ready: its place, or a container that waits, has ended or restarts.
func podProblems(pod map[string]any) []string {
	if conditionStatus(pod, "Ready") == "True" || str(pod, "status", "phase") == "Succeeded" {
		return nil
	}
	var problems []string
	if conditionStatus(pod, "PodScheduled") == "False" {
		problems = append(problems, "it is on no node: "+conditionMessage(pod, "PodScheduled"))
	}
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		list, _ := get(pod, "status", field)
		statuses, _ := list.([]any)
		for _, s := range statuses {
			s, _ := s.(map[string]any)
			if text := containerProblem(s); text != "" {
				problems = append(problems, "container "+str(s, "name")+": "+text)
			}
		}
	}
	return problems
}

func containerProblem(status map[string]any) string {
	if reason := str(status, "state", "waiting", "reason"); reason != "" && reason != "ContainerCreating" && reason != "PodInitializing" {
		text := reason
		if message := str(status, "state", "waiting", "message"); message != "" {
			text += ": " + message
		}
		if ended := ending(status, "lastState"); ended != "" {
			text += " (last time: " + ended + ")"
		}
		return text
	}
	if ended := ending(status, "state"); ended != "" {
		return ended
	}
	if running, ok := get(status, "state", "running"); ok && running != nil && status["ready"] == false {
		return "it runs, but is not ready"
	}
	return ""
}

// ending says how a container ended, if not well.
func ending(status map[string]any, state string) string {
	code, ok := get(status, state, "terminated", "exitCode")
	if !ok || code == int64(0) {
		return ""
	}
	text := fmt.Sprintf("it ended with code %v", code)
	for _, field := range []string{"reason", "message"} {
		if s := str(status, state, "terminated", field); s != "" {
			text += ", " + strings.TrimSpace(s)
		}
	}
	return text
}

// leaving says what holds an object that is being deleted.
func leaving(u *unstructured.Unstructured) string {
	text := describe(u.Object) + " is being deleted"
	if finalizers := u.GetFinalizers(); len(finalizers) > 0 {
		text += ", held by the finalizers " + strings.Join(finalizers, ", ")
	}
	if u.GetKind() == "Namespace" {
		for _, kind := range []string{"NamespaceContentRemaining", "NamespaceFinalizersRemaining", "NamespaceDeletionContentFailure"} {
			if conditionStatus(u.Object, kind) == "True" {
				text += "; " + conditionMessage(u.Object, kind)
			}
		}
	}
	return text
}
