package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
	"github.com/opex-project/opex/internal/contract"
)

// silent names the resource that a container's recommendation says nothing about, or none.
func (w *World) silent(ctx context.Context, object vpa.Object, r vpa.Recommendation) (string, error) {
	floor, err := vpa.ParseFloor(w.Outputs.Size.FloorCPU, w.Outputs.Size.FloorMemory)
	if err != nil {
		return "", err
	}
	var history *vpa.Checkpoint
	if all, err := w.checkpointsIn(ctx, object.Namespace); err == nil { // what else there is of them, history says
		if i := slices.IndexFunc(all, func(c vpa.Checkpoint) bool { return c.Autoscaler == object.Name && c.Container == r.Container }); i >= 0 {
			history = &all[i]
		}
	}
	for _, kind := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if floor.Silent(kind, r, len(object.Recommendations), history) {
			return string(kind), nil
		}
	}
	return "", nil
}

// targetMissing says that the target does not exist, or nothing.
func (w *World) targetMissing(ctx context.Context, namespace string, wanted contract.VerticalPodAutoscaler) *Result {
	var names []string
	var err error
	if wanted.TargetKind == "StatefulSet" {
		var list []appsv1.StatefulSet
		list, err = w.statefulSetsIn(ctx, namespace)
		for _, s := range list {
			names = append(names, s.Name)
		}
	} else {
		var list []appsv1.Deployment
		list, err = w.deploymentsIn(ctx, namespace)
		for _, d := range list {
			names = append(names, d.Name)
		}
	}
	if err != nil {
		r := unproven(
			"the target could not be looked for: "+err.Error(),
			nextForLookup(err, "list deployments and statefulsets in namespace "+namespace),
		)
		return &r
	}
	if slices.Contains(names, wanted.TargetName) {
		return nil
	}
	r := fail(fmt.Sprintf("the target %s/%s does not exist", wanted.TargetKind, wanted.TargetName),
		makeAgain)
	return &r
}

// horizontalOn says which metrics of the target a HorizontalPodAutoscaler holds level. That is no failure while the
// mode is Off, but advice on the same resource is to be read with it.
func (w *World) horizontalOn(ctx context.Context, namespace string, wanted contract.VerticalPodAutoscaler) []Fact {
	list, err := w.horizontalIn(ctx, namespace)
	if err != nil {
		return []Fact{{"HorizontalPodAutoscalers in " + namespace, "could not be listed: " + err.Error()}}
	}
	var facts []Fact
	for _, h := range list {
		if h.Spec.ScaleTargetRef.Kind != wanted.TargetKind || h.Spec.ScaleTargetRef.Name != wanted.TargetName {
			continue
		}
		var metrics []string
		for _, m := range h.Spec.Metrics {
			switch {
			case m.Resource != nil:
				metrics = append(metrics, string(m.Resource.Name))
			case m.ContainerResource != nil:
				metrics = append(metrics, string(m.ContainerResource.Name))
			}
		}
		value := "scales the same target by none of its resources"
		if len(metrics) > 0 {
			value = "scales the same target by " + strings.Join(
				metrics, ", ",
			) + ": advice on that changes with the number of pods"
		}
		facts = append(facts, Fact{"HorizontalPodAutoscaler " + namespace + "/" + h.Name, value})
	}
	return facts
}

// history says why a recommendation is not kept up, or nothing. The recommender writes a checkpoint of each container
// once a minute, and goes on doing so when it gets no samples.
func (w *World) history(ctx context.Context, object vpa.Object, containers []string, evidence *[]Fact) *Result {
	not := func(why, next string) *Result {
		r := unproven(fmt.Sprintf("%s/%s: %s", object.Namespace, object.Name, why), next)
		return &r
	}
	logs := "kubectl --namespace " + w.Outputs.Size.Namespace + " logs deployment/" + w.Outputs.Size.Deployment
	checkpoints, err := w.checkpointsIn(ctx, object.Namespace)
	if err != nil {
		return not("whether the recommendation is kept up could not be seen: "+err.Error(),
			nextForLookup(err, "list verticalpodautoscalercheckpoints in namespace "+object.Namespace))
	}
	for _, container := range containers {
		i := slices.IndexFunc(checkpoints, func(c vpa.Checkpoint) bool {
			return c.Autoscaler == object.Name && c.Container == container
		})
		if i < 0 {
			return not("the recommender keeps no history of container "+container, logs)
		}
		c := checkpoints[i]
		*evidence = append(
			*evidence,
			Fact{fmt.Sprintf("%s/%s container %s history", object.Namespace, object.Name, container),
				fmt.Sprintf("%d samples, the newest %s, written %s", c.Samples, w.ago(c.LastSample), w.ago(c.Updated))},
		)
		if w.Now.Sub(c.Updated) > staleAfter {
			return not(
				fmt.Sprintf("the recommender last wrote its history of container %s: %s", container, w.ago(c.Updated)),
				logs,
			)
		}
		if w.Now.Sub(c.LastSample) > staleAfter {
			next := w.withoutMetrics(ctx)
			if next == "" {
				next = "Look whether the pods run and have metrics: kubectl --namespace " + object.Namespace + " top pods --containers"
			}
			return not(
				fmt.Sprintf("the recommender's newest sample of container %s: %s", container, w.ago(c.LastSample)),
				next,
			)
		}
	}
	return nil
}

// ago says how long ago something was. A time that was never set is never.
func (w *World) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(w.Now.Sub(t)) + " ago"
}

// recommenderTrouble says why a recommendation would be a dead one's, or nothing.
func (w *World) recommenderTrouble(ctx context.Context) *Result {
	size := w.Outputs.Size
	next := "kubectl --namespace " + size.Namespace + " get pods"
	deployment, err := w.recommender.get(ctx, "", func(ctx context.Context) (*appsv1.Deployment, error) {
		return w.Cluster.Client.AppsV1().Deployments(size.Namespace).Get(ctx, size.Deployment, metav1.GetOptions{})
	})
	switch {
	case apierrors.IsNotFound(err):
		r := unproven(fmt.Sprintf("the recommender, deployment %s/%s, is not there", size.Namespace, size.Deployment),
			"`pulumi up` installs it")
		return &r
	case err != nil:
		r := unproven(
			"the recommender could not be looked for: "+err.Error(),
			nextForLookup(err, "get deployments in namespace "+size.Namespace),
		)
		return &r
	case deployment.Status.ReadyReplicas == 0:
		r := unproven("the recommender does not run: what it recommended may be old", next)
		return &r
	}
	return nil
}

// withoutMetrics says what is wrong with the metrics that the recommender samples, or nothing.
func (w *World) withoutMetrics(ctx context.Context) string {
	served, err := w.metrics.get(ctx, "", func(ctx context.Context) (bool, error) {
		_, err := w.Cluster.Client.Discovery().ServerResourcesForGroupVersion("metrics.k8s.io/v1beta1")
		return err == nil, ctx.Err()
	})
	if err == nil && !served {
		return "The cluster serves no metrics.k8s.io: install metrics-server (opex:size.metricsServer), or mend it"
	}
	return ""
}
