package verify

import (
	"context"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

// World is what the checks look at. Each kind of thing is asked for once, however many services there are.
type World struct {
	Outputs stack.Outputs
	Cluster *kube.Cluster
	Now     time.Time
	// Proven is what rounds before this one proved of dumps. Nil: every dump is read.
	Proven *Proven

	pods         memo[[]corev1.Pod]
	deployments  memo[[]appsv1.Deployment]
	statefulSets memo[[]appsv1.StatefulSet]
	autoscalers  memo[[]vpa.Object]
	checkpoints  memo[[]vpa.Checkpoint]
	horizontal   memo[[]autoscalingv2.HorizontalPodAutoscaler]
	recommender  memo[*appsv1.Deployment]
	metrics      memo[bool]
	allocations  memo[map[string]opencost.Allocation]
	vault        vaultMemos
	evidence     memo[[]corev1.ConfigMap]
	kills        memo[map[string]keptDays]
}

// memo remembers the answer to each question, errors too.
type memo[T any] struct {
	mu      sync.Mutex
	answers map[string]func() (T, error)
}

func (m *memo[T]) get(question string, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	if m.answers == nil {
		m.answers = map[string]func() (T, error){}
	}
	answer, known := m.answers[question]
	if !known {
		answer = sync.OnceValues(ask)
		m.answers[question] = answer
	}
	m.mu.Unlock()
	return answer()
}

func (w *World) podsIn(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	return w.pods.get(namespace, func() ([]corev1.Pod, error) {
		list, err := w.Cluster.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (w *World) deploymentsIn(ctx context.Context, namespace string) ([]appsv1.Deployment, error) {
	return w.deployments.get(namespace, func() ([]appsv1.Deployment, error) {
		list, err := w.Cluster.Client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (w *World) statefulSetsIn(ctx context.Context, namespace string) ([]appsv1.StatefulSet, error) {
	return w.statefulSets.get(namespace, func() ([]appsv1.StatefulSet, error) {
		list, err := w.Cluster.Client.AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (w *World) autoscalersIn(ctx context.Context, namespace string) ([]vpa.Object, error) {
	return w.autoscalers.get(namespace, func() ([]vpa.Object, error) { return vpa.List(ctx, w.Cluster.Dynamic, namespace) })
}

func (w *World) checkpointsIn(ctx context.Context, namespace string) ([]vpa.Checkpoint, error) {
	return w.checkpoints.get(namespace, func() ([]vpa.Checkpoint, error) {
		return vpa.Checkpoints(ctx, w.Cluster.Dynamic, namespace)
	})
}

func (w *World) horizontalIn(ctx context.Context, namespace string) ([]autoscalingv2.HorizontalPodAutoscaler, error) {
	return w.horizontal.get(namespace, func() ([]autoscalingv2.HorizontalPodAutoscaler, error) {
		list, err := w.Cluster.Client.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

// costs asks OpenCost about the last hour.
func (w *World) costs(ctx context.Context, aggregate ...string) (map[string]opencost.Allocation, error) {
	q := opencost.Query{Start: w.Now.Add(-costWindow), End: w.Now, Aggregate: aggregate}
	return w.allocations.get(strings.Join(aggregate, ","), func() (map[string]opencost.Allocation, error) {
		return opencost.Allocations(ctx, w.Cluster, w.Outputs.Cost.OpenCost, q)
	})
}
