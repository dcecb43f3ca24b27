package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// workloadsTimeout is for everything to be ready again after a boot: Chaos Mesh and OpenCost take longest.
const workloadsTimeout = 3 * time.Minute

// WaitWorkloads waits until every Deployment, StatefulSet and DaemonSet has all its pods ready. After a restart of the
// sandbox Pulumi has nothing to do, and does not wait for what it does not touch.
func WaitWorkloads(ctx context.Context, s layout.Sandbox) error {
	ctx, cancel := context.WithTimeout(ctx, workloadsTimeout)
	defer cancel()
	var last error
	for ctx.Err() == nil {
		list, err := Kubectl(
			ctx, s, nil, "get", "deployments,statefulsets,daemonsets", "--all-namespaces", "--output=json",
		)
		if err == nil {
			err = notReady(list)
		}
		if err == nil {
			return nil
		}
		last = err
		time.Sleep(500 * time.Millisecond)
	}
	return fmt.Errorf("not all is ready after %s: %w; `make status` shows its pods", workloadsTimeout, last)
}

// notReady names the workloads of a list that lack pods.
func notReady(list []byte) error {
	var found struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Namespace, Name string
				Generation      int
			}
			Spec   struct{ Replicas int }
			Status struct{ ObservedGeneration, ReadyReplicas, NumberReady, DesiredNumberScheduled int }
		}
	}
	if err := json.Unmarshal(list, &found); err != nil {
		return err
	}
	var waiting []string
	for _, w := range found.Items {
		want, ready := w.Spec.Replicas, w.Status.ReadyReplicas
		if w.Kind == "DaemonSet" {
			want, ready = w.Status.DesiredNumberScheduled, w.Status.NumberReady
		}
		if ready < want || w.Status.ObservedGeneration < w.Metadata.Generation {
			waiting = append(
				waiting, fmt.Sprintf("%s/%s has %d of %d pods", w.Metadata.Namespace, w.Metadata.Name, ready, want),
			)
		}
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%s", strings.Join(waiting, ", "))
	}
	return nil
}
