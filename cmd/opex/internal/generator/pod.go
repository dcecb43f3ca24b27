// Package generator runs the load generator, the program opex-load, in a pod of the cluster.
package generator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/load"
	"github.com/opex-project/opex/internal/contract"
)

const (
	podName  = "opex-load"
	program  = "/opex-load" // in the image
	user     = 65532
	startsIn = time.Minute
	// podLasts is how much longer than its plan a generator's pod lives at most, should nobody delete it.
	podLasts = 10 * time.Minute
	// graceSeconds is for a generator whose node is drained: it deletes what it wrote.
	graceSeconds = 60
)

// Selector selects the pods of all generators.
const Selector = contract.LabelName + "=" + podName + "," + contract.LabelManagedBy + "=opex"

// Pod is one in which attacks are made.
type Pod struct {
	cluster   *kube.Cluster
	namespace string
	name      string
}

// New starts a pod in the lab's namespace and waits until it runs (rights: create, get, list and delete on pods there).
// The labels say who pays for it. Limit is that of the longest plan. The note is told what is waited for. Pods of
// generators that were left behind, and ended at their deadline, are deleted first.
func New(
	ctx context.Context, cluster *kube.Cluster, lab contract.ChaosLab, labels map[string]string, limit time.Duration,
	note func(string),
) (*Pod, error) {
	if err := removeEnded(ctx, cluster, lab.Namespace); err != nil {
		return nil, err
	}
	made, err := cluster.Client.CoreV1().
		Pods(lab.Namespace).
		Create(ctx, generatorPod(lab, labels, limit), metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("pod of the load generator in namespace %s: %w", lab.Namespace, err)
	}
	g := &Pod{cluster: cluster, namespace: lab.Namespace, name: made.Name}
	if err := g.await(ctx, note); err != nil {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), startsIn)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("load generator, pod %s: %w", g.Name(), err), g.Close(cleaning))
	}
	return g, nil
}

// await waits until the pod runs.
func (g *Pod) await(ctx context.Context, note func(string)) error {
	wait, cancel := context.WithTimeout(ctx, startsIn)
	defer cancel()
	for said := ""; ; {
		pod, err := g.cluster.Client.CoreV1().Pods(g.namespace).Get(wait, g.name, metav1.GetOptions{})
		why := ""
		switch {
		case apierrors.IsNotFound(err):
			return errors.New("somebody deleted it before it ran")
		case err != nil:
			why = err.Error()
		default:
			why = state(pod)
			if why == "" {
				return nil
			}
			if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
				return errors.New("it ended: " + why)
			}
		}
		if why != said && wait.Err() == nil {
			note("the load generator, pod " + g.name + ": " + why)
			said = why
		}
		select {
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("it does not run after %s: %s", startsIn, said)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// removeEnded deletes generators' pods that live no more.
func removeEnded(ctx context.Context, cluster *kube.Cluster, namespace string) error {
	pods := cluster.Client.CoreV1().Pods(namespace)
	all, err := pods.List(ctx, metav1.ListOptions{LabelSelector: Selector})
	if err != nil {
		return fmt.Errorf("pods of load generators in namespace %s: %w", namespace, err)
	}
	for _, pod := range all.Items {
		if pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded {
			continue // it may be at work
		}
		if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("pod of a load generator that was left behind, %s/%s: %w", namespace, pod.Name, err)
		}
	}
	return nil
}

// state says what a pod still waits for, or nothing.
func state(pod *corev1.Pod) string {
	if pod.Status.Reason != "" { // evicted, or past its deadline
		return strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)
	}
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.State.Running != nil:
			return ""
		case c.State.Waiting != nil:
			return strings.TrimSpace(c.State.Waiting.Reason + " " + c.State.Waiting.Message)
		case c.State.Terminated != nil:
			return strings.TrimSpace(c.State.Terminated.Reason + " " + c.State.Terminated.Message)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "not scheduled: " + c.Message
		}
	}
	return "it is being started"
}

func generatorPod(lab contract.ChaosLab, owner map[string]string, limit time.Duration) *corev1.Pod {
	labels := map[string]string{}
	maps.Copy(labels, owner)
	labels[contract.LabelName], labels[contract.LabelManagedBy] = podName, "opex"
	amounts := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: podName + "-", Namespace: lab.Namespace, Labels: labels},
		Spec: corev1.PodSpec{
			ServiceAccountName: lab.ServiceAccount, AutomountServiceAccountToken: new(false), EnableServiceLinks: new(false),
			RestartPolicy: corev1.RestartPolicyNever, ActiveDeadlineSeconds: new(int64((limit + podLasts).Seconds())),
			TerminationGracePeriodSeconds: new(int64(graceSeconds)),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), RunAsUser: new(int64(user)), RunAsGroup: new(int64(user)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: podName, Image: lab.LoadImage, Command: []string{program, "wait"},
				Resources: corev1.ResourceRequirements{
					Requests: amounts("200m", "64Mi"),
					// No limit of CPU: a generator that is throttled measures itself.
					Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false),
					ReadOnlyRootFilesystem:   new(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// Attack tells the generator a plan and measures its clock (right: create on pods/exec). Begin starts the requests.
func (g *Pod) Attack(ctx context.Context, plan load.Plan) (*load.Attack, error) {
	return load.Command(ctx, plan, func(ctx context.Context, in io.Reader, out, said io.Writer) error {
		return g.cluster.Stream(ctx, g.namespace, g.name, podName, []string{program, "attack"}, in, out, said)
	})
}

// Name is namespace/name of the pod.
func (g *Pod) Name() string { return g.namespace + "/" + g.name }

// Close deletes the pod. Twice is no error.
func (g *Pod) Close(ctx context.Context) error {
	err := g.cluster.Client.CoreV1().
		Pods(g.namespace).
		Delete(ctx, g.name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("the load generator's pod %s stays: %w", g.Name(), err)
	}
	return nil
}
