package sabotage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	frozenAfter = 6 * time.Second // after the kill: recovered, and still counted by SC-009
	frozenFor   = 5 * time.Second // more than a request may take, and less than a liveness probe's patience
)

// freeze stops the processes of up to `most` of the service's pods some seconds after the kill, as a node does that
// hangs: they keep their addresses and connections, and answer nobody. Signals come from privileged helper pods on the
// nodes, since a container's first process cannot be stopped from inside.
func freeze(most int) func(context.Context, *Site, <-chan struct{}) error {
	return func(ctx context.Context, s *Site, killed <-chan struct{}) error {
		image, err := s.databaseImage(ctx)
		if err != nil {
			return err
		}
		nodes, err := s.Cluster.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, node := range nodes.Items {
			if err := s.createHelper(ctx, helperOn(node.Name), node.Name, image); err != nil {
				return err
			}
		}
		return atKill(func(ctx context.Context, s *Site) error {
			if !sleep(ctx, frozenAfter) {
				return ctx.Err()
			}
			return s.freezePods(ctx, most)
		})(ctx, s, killed)
	}
}

// freezePods returns when they run again. The helper lets them go by itself, also when nobody waits for it any more.
func (s *Site) freezePods(ctx context.Context, most int) error {
	names, err := s.pods(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("no pod of the service runs, so none was frozen")
	}
	cgroups := map[string][]string{} // by node
	for _, name := range names[:min(most, len(names))] {
		pod, err := s.Cluster.Client.CoreV1().Pods(s.Service.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		// The kubelet names a pod's cgroup by its UID; systemd's driver has underscores in it.
		uid := string(pod.UID)
		cgroups[pod.Spec.NodeName] = append(cgroups[pod.Spec.NodeName], uid, strings.ReplaceAll(uid, "-", "_"))
	}
	var each errgroup.Group
	for node, uids := range cgroups {
		script := fmt.Sprintf(`found() {
			for process in /proc/[0-9]*; do
				if grep -qE 'pod(%s)' $process/cgroup 2> /dev/null; then echo ${process#/proc/}; fi
			done
		}
		each() { for process in $(found); do kill -$1 $process; done; }
		[ -n "$(found)" ] || { echo "no process of them is on this node"; exit 1; }
		each STOP; sleep %.0f; each CONT`, strings.Join(uids, "|"), frozenFor.Seconds())
		each.Go(func() error {
			command := []string{"bash", "-c", script}
			stdout, stderr, err := s.Cluster.Exec(
				context.WithoutCancel(ctx), s.Outputs.Chaos.Namespace, helperOn(node), helperContainer, command, nil,
			)
			if err != nil {
				return fmt.Errorf("stop the processes of pods on node %s: %w: %s%s", node, err, stdout, stderr)
			}
			return nil
		})
	}
	return each.Wait()
}

const helperContainer = "helper"

func helperOn(node string) string { return "opex-sabotage-" + node }

// createHelper runs a pod that sees its node's processes, beside Chaos Mesh, whose namespace allows that.
func (s *Site) createHelper(ctx context.Context, name, node, image string) error {
	namespace := s.Outputs.Chaos.Namespace
	err := s.create(ctx, podKind, namespace, map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"nodeName": node, "hostPID": true, "restartPolicy": "Never", "terminationGracePeriodSeconds": int64(0),
			"automountServiceAccountToken": false,
			"containers": []any{map[string]any{
				"name": helperContainer, "image": image, "command": []any{"sleep", "300"},
				"securityContext": map[string]any{"privileged": true, "runAsUser": int64(0)},
			}},
		},
	})
	for err == nil {
		pod, problem := s.Cluster.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if problem == nil && pod.Status.Phase == corev1.PodRunning {
			return nil
		}
		if err = problem; err == nil && !sleep(ctx, lookEvery) {
			err = fmt.Errorf("pod %s/%s does not run: %w", namespace, name, ctx.Err())
		}
	}
	return err
}

// databaseImage is an image that the cluster has and that holds bash, which the database's hooks need.
func (s *Site) databaseImage(ctx context.Context) (string, error) {
	found, err := s.Cluster.Client.CoreV1().Pods(s.Service.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Service.Database.Selector}),
	})
	if err != nil {
		return "", err
	}
	for _, pod := range found.Items {
		for _, container := range pod.Spec.Containers {
			if container.Name == s.Service.Database.Container {
				return container.Image, nil
			}
		}
	}
	return "", errors.New("the database has no pod")
}
