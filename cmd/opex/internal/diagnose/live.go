package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// Live makes a record of each pod of a service that is not ready now, and of one that is missing: as if it had been
// killed when the pod was made, and not recovered. Empty: all are ready. Times are by the cluster's clocks, which tell
// whole seconds for most, and a container's throttled periods are not known (a Game Day counts them). Rights: list on
// pods, replicasets and events.
func Live(
	ctx context.Context, cluster *kube.Cluster, outputs stack.Outputs, name string, now time.Time,
) ([]evidence.GameDay, error) {
	service := outputs.Services[name]
	blank := evidence.GameDay{Service: name, Environment: outputs.Environment, ClusterUID: cluster.UID,
		Namespace: service.Namespace, Replicas: service.Replicas}
	if service.Chaos != nil {
		if objective, err := time.ParseDuration(service.Chaos.Recovery); err == nil {
			blank.Objectives.Recovery = evidence.InSeconds(objective)
		}
	}
	selector := labels.SelectorFromSet(service.Selector).String()
	found, err := cluster.Client.CoreV1().Pods(service.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("pods of %s in namespace %s: %w", name, service.Namespace, err)
	}
	events, err := cluster.Client.CoreV1().Events(service.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("events in namespace %s: %w", service.Namespace, err)
	}
	var records []evidence.GameDay
	alive := 0
	for _, pod := range found.Items {
		if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded ||
			pod.Status.Phase == corev1.PodFailed {
			continue
		}
		alive++
		if !pods.Ready(&pod) {
			records = append(records, ofPod(blank, pod, service.Container, about(events.Items, "Pod", pod.Name), now))
		}
	}
	if alive >= service.Replicas {
		return records, nil
	}
	missing, err := ofMissing(ctx, cluster, blank, service, selector, events.Items, now)
	return append(records, missing), err
}

func about(events []corev1.Event, kind string, name string) []corev1.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e corev1.Event) bool {
		return e.InvolvedObject.Kind != kind ||
			e.InvolvedObject.Name != name
	})
}

// ofMissing is the record of a pod that its ReplicaSet wants and does not get. It counts from the first refusal that is
// known.
func ofMissing(
	ctx context.Context, cluster *kube.Cluster, r evidence.GameDay, service contract.Service, selector string,
	events []corev1.Event, now time.Time,
) (
	evidence.GameDay, error) {
	sets, err := cluster.Client.AppsV1().
		ReplicaSets(service.Namespace).
		List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return r, fmt.Errorf("replicasets of %s in namespace %s: %w", r.Service, service.Namespace, err)
	}
	var refused []corev1.Event
	for _, set := range sets.Items {
		if set.Spec.Replicas != nil && *set.Spec.Replicas > 0 {
			refused = append(refused, slices.DeleteFunc(about(events, "ReplicaSet", set.Name),
				func(e corev1.Event) bool { return e.Reason != "FailedCreate" })...)
		}
	}
	r.KilledAt = now
	for _, e := range refused {
		if at := cmp.Or(e.FirstTimestamp.Time, e.EventTime.Time); !at.IsZero() && at.Before(r.KilledAt) {
			r.KilledAt = at
		}
	}
	since := func(at time.Time) evidence.Seconds { return evidence.InSeconds(max(0, at.Sub(r.KilledAt))) }
	r.StartedAt, r.During.To, r.Events = now, since(now), sorted(refused, since)
	return r, nil
}
