package costs

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/internal/contract"
)

// Steps of a label's way, in order. A trace ends at the first where it is not there.
const (
	StepGone       = "gone"       // the pod is no more, and cannot be asked
	StepVolume     = "volume"     // no pod at all: a volume that none mounts
	StepPod        = "pod"        // the label on the live pod, or else its namespace
	StepKey        = "key"        // the label's key as metrics know it
	StepPrometheus = "prometheus" // kube_pod_labels, which OpenCost exports and reads back
	StepOpenCost   = "opencost"   // OpenCost's line
)

// Trace says where a pod's label was lost on its way into OpenCost.
type Trace struct {
	Pod  string  `json:"pod"` // namespace/name
	Cost float64 `json:"cost"`
	Lost string  `json:"lost"` // a step
	Why  string  `json:"why"`
	Next string  `json:"next"`
}

// unmounted is OpenCost's name for what belongs to no pod (v1.108.0, pkg/kubecost/allocation.go).
const unmounted = "__unmounted__"

// trace follows a label of a pod whose money OpenCost has on nobody.
func (s Source) trace(ctx context.Context, row Row, label string) (Trace, error) {
	t := Trace{Pod: row.Namespace + "/" + row.Pod, Cost: row.Total()}
	end := func(step, why, next string) (Trace, error) {
		t.Lost, t.Why, t.Next = step, why, next
		return t, nil
	}
	if row.Pod == unmounted || row.Namespace == unmounted {
		return end(StepVolume, "a volume or load balancer that belongs to no pod",
			"kubectl get persistentvolumes,services --all-namespaces; delete what nobody needs")
	}
	pod, err := s.Client.CoreV1().Pods(row.Namespace).Get(ctx, row.Pod, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return end(
			StepGone, "the pod is gone, and cannot be asked", "look at the pods of "+row.Controller+" that run now",
		)
	}
	if err != nil {
		return t, fmt.Errorf("lineage of pod %s: %w", t.Pod, err)
	}
	for _, group := range contract.Collisions(keysOf(pod.Labels, label)) {
		if contract.MetricKey(group[0]) == contract.MetricKey(label) {
			return end(
				StepKey,
				fmt.Sprintf(
					"its labels %s are all %s in metrics: one hides the others", strings.Join(group, ", "),
					contract.MetricKey(label),
				),
				"keep "+label+" only",
			)
		}
	}
	if pod.Labels[label] == "" {
		return s.withoutLabel(ctx, row, label, end)
	}
	return s.inMetrics(ctx, row, label, pod.Labels[label], end)
}

// keysOf are a pod's keys, and the one that is looked for.
func keysOf(labels map[string]string, label string) []string {
	keys := []string{label}
	for key := range labels {
		keys = append(keys, key)
	}
	return keys
}

type ending = func(step, why, next string) (Trace, error)

// withoutLabel is the end for a pod without the label. Its namespace's would have served.
func (s Source) withoutLabel(ctx context.Context, row Row, label string, end ending) (Trace, error) {
	namespace, err := s.Client.CoreV1().Namespaces().Get(ctx, row.Namespace, metav1.GetOptions{})
	if err != nil {
		return Trace{}, fmt.Errorf("lineage of pod %s/%s: %w", row.Namespace, row.Pod, err)
	}
	if value := namespace.Labels[label]; value != "" {
		return end(
			StepOpenCost,
			fmt.Sprintf(
				"the pod has no label %s; its namespace has %s=%s, which OpenCost has not taken up", label, label,
				value,
			),
			"wait two minutes; then look at kube_namespace_labels in Prometheus",
		)
	}
	if name, is := serviceNames(s.Outputs)[row.workload()]; is {
		return end(
			StepPod,
			"the pod has no label "+label+", nor has its namespace",
			fmt.Sprintf(
				"service %s of this stack declares it: pulumi up --refresh, then kubectl --namespace %s delete pod %s",
				name, row.Namespace, row.Pod,
			),
		)
	}
	return end(StepPod, "the pod has no label "+label+", nor has its namespace",
		fmt.Sprintf("set %s in the pod template of %s, or on the namespace %s", label, row.Controller, row.Namespace))
}

// inMetrics is the end for a pod that has the label.
func (s Source) inMetrics(ctx context.Context, row Row, label, value string, end ending) (Trace, error) {
	series := fmt.Sprintf("last_over_time(kube_pod_labels{namespace=%q, pod=%q}[5m])", row.Namespace, row.Pod)
	samples, err := s.ask(ctx, series, s.Now)
	if err != nil {
		return Trace{}, err
	}
	has := fmt.Sprintf("the pod has %s=%s", label, value)
	if len(samples) == 0 {
		return end(StepPrometheus, has+"; Prometheus has no kube_pod_labels of it in the last 5 m",
			"opex verify --only SC-002; Prometheus' target opencost must be up")
	}
	for _, sample := range samples {
		if sample.Labels["label_"+contract.MetricKey(label)] == value {
			return end(StepOpenCost, has+", and Prometheus knows it; OpenCost's line over this window does not",
				"the label is new, or OpenCost has not looked since: ask again in two minutes")
		}
	}
	return end(
		StepPrometheus, fmt.Sprintf("%s; kube_pod_labels has no label_%s=%s", has, contract.MetricKey(label), value),
		"a new label takes a minute to arrive: ask again",
	)
}
