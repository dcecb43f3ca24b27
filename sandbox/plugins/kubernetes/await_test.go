package kubernetes

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const web = `
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {nodeName: node, containers: [{name: web, image: "registry.example/web:1"}]}
`

// playKubelet writes a status to each pod of the harness's namespace, as a node would, until the test ends.
func (h *harness) playKubelet(status map[string]any) {
	// Endpoints are given to pods on a node that exists only.
	h.apply("{apiVersion: v1, kind: Node, metadata: {name: node}}")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		pods, err := h.cluster.resource(schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, h.namespace)
		if err != nil {
			return
		}
		for ctx.Err() == nil {
			list, err := pods.List(ctx, metav1.ListOptions{})
			for i := 0; err == nil && i < len(list.Items); i++ {
				pod := &list.Items[i]
				if pod.GetDeletionTimestamp() != nil {
					none := int64(0)
					_ = pods.Delete(ctx, pod.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &none})
				} else if str(pod.Object, "status", "podIP") == "" {
					set(pod.Object, map[string]any{}, "status")
					for key, v := range status {
						set(pod.Object, v, "status", key)
					}
					set(pod.Object, "198.18.0.9", "status", "podIP")
					set(pod.Object, []any{map[string]any{"ip": "198.18.0.9"}}, "status", "podIPs")
					_, _ = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	h.t.Cleanup(func() { cancel(); <-ended })
}

var runningPod = map[string]any{"phase": "Running", "conditions": []any{
	map[string]any{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}}}

func TestDeploymentAndServiceWaitForReadyPods(t *testing.T) {
	h := newHarness(t)
	h.playKubelet(runningPod)
	d := h.up("kubernetes:apps/v1:Deployment", "web", web)
	status := d.state.Get("status").AsMap()
	if got := status.Get("availableReplicas").AsNumber(); got != 2 {
		t.Errorf("it was called ready with %v available replicas", got)
	}
	s := h.up("kubernetes:core/v1:Service", "web", "{metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}")
	if ip := s.state.Get("spec").AsMap().Get("clusterIP"); !ip.IsString() || ip.AsString() == "" {
		t.Errorf("the outputs hold no clusterIP: %v", ip)
	}
	if diff, _ := h.diff(d, web); diff.HasChanges {
		t.Errorf("defaults of the server show as changes: %v", diff.DetailedDiff)
	}
	if err := h.change(d, strings.Replace(web, "replicas: 2", "replicas: 3", 1)); err != nil {
		t.Fatal(err)
	}
	h.down(d)
	h.down(s)
}

func TestStuckDeploymentIsKeptInTheStateWithItsReasons(t *testing.T) {
	h := newHarness(t)
	h.timeout = 0 // the annotation decides
	h.playKubelet(map[string]any{"phase": "Pending", "containerStatuses": []any{map[string]any{
		"name": "web", "image": "x", "imageID": "", "ready": false, "restartCount": int64(0),
		"state": map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff", "message": "no such image"}}}}})
	r, err := h.tryUp("kubernetes:apps/v1:Deployment", "web", strings.Replace(web, "{name: web}", `{name: web, annotations: {pulumi.com/timeoutSeconds: "15"}}`, 1))
	if err == nil {
		t.Fatal("a Deployment without a ready pod was called ready")
	}
	contains(t, err.Error(), "web: Deployment "+h.namespace+"/web was created, but it is not ready", "timed out after 15s", "ImagePullBackOff: no such image")
	if r.id != h.namespace+"/web" || r.state.Len() == 0 {
		t.Error("the created object is not given to the state")
	}
	h.down(r)
}

// TestAWaitOfAClientThatMustSlowDownTimesOutAsOthersDo: the client's own limit must not end it with another error.
func TestAWaitOfAClientThatMustSlowDownTimesOutAsOthersDo(t *testing.T) {
	h := newHarness(t, "kubeClientSettings", `{"qps": 0.25, "burst": 8}`)
	h.timeout = 0 // the annotation decides
	_, err := h.tryUp("kubernetes:apps/v1:Deployment", "web", strings.Replace(web, "{name: web}", `{name: web, annotations: {pulumi.com/timeoutSeconds: "3"}}`, 1))
	if err == nil {
		t.Fatal("a Deployment without a ready pod was called ready")
	}
	contains(t, err.Error(), "timed out after 3s")
}

func TestSkipAwaitDoesNotWait(t *testing.T) {
	h := newHarness(t)
	h.up("kubernetes:apps/v1:Deployment", "web", strings.Replace(web, "{name: web}", `{name: web, annotations: {pulumi.com/skipAwait: "true"}}`, 1))
}

func TestJobFailureEndsTheWaitAtOnce(t *testing.T) {
	h := newHarness(t)
	h.playKubelet(map[string]any{"phase": "Failed", "containerStatuses": []any{map[string]any{
		"name": "once", "image": "x", "imageID": "", "ready": false, "restartCount": int64(0),
		"state": map[string]any{"terminated": map[string]any{"exitCode": int64(3), "reason": "Error"}}}}})
	start := time.Now()
	_, err := h.tryUp("kubernetes:batch/v1:Job", "once", `
metadata: {name: once}
spec: {backoffLimit: 0, template: {spec: {nodeName: node, restartPolicy: Never, containers: [{name: once, image: "x:1"}]}}}`)
	if err == nil || time.Since(start) > 30*time.Second {
		t.Fatalf("wanted a failure soon, got %v after %s", err, time.Since(start))
	}
	contains(t, err.Error(), "has failed")
}

func TestClaimOfWaitForFirstConsumerIsNotAwaited(t *testing.T) {
	h := newHarness(t)
	h.apply("{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: later}, provisioner: none, volumeBindingMode: WaitForFirstConsumer}")
	h.up("kubernetes:core/v1:PersistentVolumeClaim", "data", "{metadata: {name: data}, spec: {storageClassName: later, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}")
}

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x_kubernetes_preserve_unknown_fields: true}}
`

func TestCustomResourceFollowsItsDefinitionAndWaitsAsAsked(t *testing.T) {
	h := newHarness(t)
	// In a preview the kind is not there yet: the inputs come back as they are.
	early := h.check(urn("kubernetes:test.example/v1:Gadget", "early"), noProps, props(t, "{spec: {size: 1}}"))
	if got := early.Get("metadata").AsMap().Get("namespace").AsString(); got != h.namespace {
		t.Errorf("the early object is in %q", got)
	}
	crd := h.up("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "widgets", widgets)
	if d, _ := h.diff(crd, widgets); d.HasChanges {
		t.Errorf("the same definition differs: %v", d.DetailedDiff)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for h.live("test.example/v1", "Widget", "one") == nil {
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(500 * time.Millisecond)
		h.apply("{apiVersion: test.example/v1, kind: Widget, metadata: {name: one}, status: {phase: Done}}")
	}()
	w := h.up("kubernetes:test.example/v1:Widget", "one", `{metadata: {name: one, annotations: {pulumi.com/waitFor: "jsonpath={.status.phase}=Done"}}, spec: {size: 1}}`)
	<-done
	if got := w.state.Get("status").AsMap().Get("phase").AsString(); got != "Done" {
		t.Errorf("it was called ready in the phase %q", got)
	}
	if _, err := h.tryUp("kubernetes:test.example/v1:Widget", "two", `{metadata: {name: two, annotations: {pulumi.com/waitFor: "phase=Done"}}}`); err == nil {
		t.Error("a malformed waitFor is accepted")
	}
	h.down(w)
	h.down(crd)
}

func TestDeletionNamesTheFinalizerThatHoldsIt(t *testing.T) {
	h := newHarness(t)
	h.timeout = 0 // the annotation decides
	r := h.up("kubernetes:core/v1:ConfigMap", "held", `{metadata: {name: held, finalizers: [test.example/hold], annotations: {pulumi.com/timeoutSeconds: "1"}}}`)
	err := h.provider.Delete(deleteRequest(r))
	if err == nil {
		t.Fatal("a held object was called gone")
	}
	contains(t, err.Error(), "ConfigMap "+h.namespace+"/held was not deleted", "test.example/hold")
}
