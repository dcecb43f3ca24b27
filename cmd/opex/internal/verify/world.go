package verify

import (
	"context"
	"fmt"
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

// memo remembers the answer to each question, errors too. Several criteria wait for one answer, and each for as long as
// it has: the question ends with the last that waits for it, and not with whoever asked first.
type memo[T any] struct {
	mu      sync.Mutex
	answers map[string]*look[T]
}

type look[T any] struct {
	done    chan struct{} // closed when value and err are there
	value   T
	err     error
	waiting int
	end     context.CancelFunc
}

func (m *memo[T]) get(ctx context.Context, question string, ask func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	a, known := m.answers[question]
	if !known {
		if m.answers == nil {
			m.answers = map[string]*look[T]{}
		}
		asking, end := context.WithCancel(context.WithoutCancel(ctx))
		a = &look[T]{done: make(chan struct{}), end: end}
		m.answers[question] = a
		go func() {
			defer end()
			defer close(a.done)
			a.value, a.err = ask(asking)
		}()
	}
	a.waiting++
	m.mu.Unlock()
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		if m.leave(question, a) {
			select {
			case <-a.done: // it says what was waited for
				if a.err == nil {
					return a.value, nil
				}
				return a.value, fmt.Errorf("%w: %w", a.err, context.Cause(ctx))
			case <-time.After(grace / 2):
			}
		}
		var none T
		return none, context.Cause(ctx)
	}
}

// leave ends a question that nobody waits for any more, so that who comes later asks anew. It says whether it was the
// last.
func (m *memo[T]) leave(question string, a *look[T]) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.waiting--; a.waiting > 0 {
		return false
	}
	a.end()
	delete(m.answers, question)
	return true
}

func (w *World) podsIn(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	return w.pods.get(ctx, namespace, func(ctx context.Context) ([]corev1.Pod, error) {
		list, err := w.Cluster.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (w *World) deploymentsIn(ctx context.Context, namespace string) ([]appsv1.Deployment, error) {
	return w.deployments.get(ctx, namespace, func(ctx context.Context) ([]appsv1.Deployment, error) {
		list, err := w.Cluster.Client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (w *World) statefulSetsIn(ctx context.Context, namespace string) ([]appsv1.StatefulSet, error) {
	return w.statefulSets.get(ctx, namespace, func(ctx context.Context) ([]appsv1.StatefulSet, error) {
		list, err := w.Cluster.Client.AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

func (w *World) autoscalersIn(ctx context.Context, namespace string) ([]vpa.Object, error) {
	return w.autoscalers.get(
		ctx, namespace,
		func(ctx context.Context) ([]vpa.Object, error) { return vpa.List(ctx, w.Cluster.Dynamic, namespace) },
	)
}

func (w *World) checkpointsIn(ctx context.Context, namespace string) ([]vpa.Checkpoint, error) {
	return w.checkpoints.get(ctx, namespace, func(ctx context.Context) ([]vpa.Checkpoint, error) {
		return vpa.Checkpoints(ctx, w.Cluster.Dynamic, namespace)
	})
}

func (w *World) horizontalIn(ctx context.Context, namespace string) ([]autoscalingv2.HorizontalPodAutoscaler, error) {
	return w.horizontal.get(ctx, namespace, func(ctx context.Context) ([]autoscalingv2.HorizontalPodAutoscaler, error) {
		list, err := w.Cluster.Client.AutoscalingV2().
			HorizontalPodAutoscalers(namespace).
			List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	})
}

// costs asks OpenCost about the last hour.
func (w *World) costs(ctx context.Context, aggregate ...string) (map[string]opencost.Allocation, error) {
	q := opencost.Query{Start: w.Now.Add(-costWindow), End: w.Now, Aggregate: aggregate}
	return w.allocations.get(
		ctx,
		strings.Join(aggregate, ","),
		func(ctx context.Context) (map[string]opencost.Allocation, error) {
			return opencost.Allocations(ctx, w.Cluster, w.Outputs.Cost.OpenCost, q)
		},
	)
}
