package kubernetes

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// readiness judges the kinds for which being there is not being ready. As with the official plugin, others are ready at
// once, custom resources among them: give those a pulumi.com/waitFor annotation, or set PULUMI_K8S_AWAIT_ALL=true to
// have every kind judged by its status.
var readiness = map[string]func(*waiter, *unstructured.Unstructured) (verdict, error){}

func init() {
	for _, kind := range []string{"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet",
		"apiextensions.k8s.io/CustomResourceDefinition"} {
		readiness[kind] = byStatus
	}
	readiness["/Pod"] = podReady
	readiness["batch/Job"] = jobDone
	readiness["/Service"] = serviceReady
	readiness["/PersistentVolumeClaim"] = claimBound
	readiness["/PersistentVolume"] = volumeUsable
	readiness["/ReplicationController"] = replicasAvailable
	readiness["/ResourceQuota"] = quotaCounted
	readiness["networking.k8s.io/Ingress"] = ingressReady
}

// byStatus judges by the conventions of the status field: generations, conditions, replica counts.
func byStatus(_ *waiter, u *unstructured.Unstructured) (verdict, error) {
	result, err := status.Compute(u)
	if err != nil {
		return verdict{}, err
	}
	switch result.Status {
	case status.CurrentStatus:
		return isReady, nil
	case status.FailedStatus:
		return failed("%s has failed: %s", describe(u.Object), result.Message), nil
	}
	return waiting("%s is not ready yet: %s", describe(u.Object), result.Message), nil
}

func podReady(_ *waiter, u *unstructured.Unstructured) (verdict, error) {
	switch phase := str(u.Object, "status", "phase"); {
	case phase == "Succeeded", conditionStatus(u.Object, "Ready") == "True":
		return isReady, nil
	case phase == "Failed":
		return failed("%s has failed: %s %s", describe(u.Object), str(u.Object, "status", "reason"), str(u.Object, "status", "message")), nil
	default:
		return waiting("%s is %s, and not ready yet", describe(u.Object), phase), nil
	}
}

// jobDone waits for the end of a Job. One that is to stay suspended has no end to wait for.
func jobDone(_ *waiter, u *unstructured.Unstructured) (verdict, error) {
	suspended, _ := get(u.Object, "spec", "suspend")
	switch {
	case conditionStatus(u.Object, "Complete") == "True", suspended == true:
		return isReady, nil
	case conditionStatus(u.Object, "Failed") == "True":
		return failed("%s has failed: %s", describe(u.Object), conditionMessage(u.Object, "Failed")), nil
	}
	return waiting("%s is not complete yet: %d pods active, %d succeeded, %d failed", describe(u.Object),
		count(u, "status", "active"), count(u, "status", "succeeded"), count(u, "status", "failed")), nil
}

func claimBound(w *waiter, u *unstructured.Unstructured) (verdict, error) {
	phase := str(u.Object, "status", "phase")
	if phase == "Bound" {
		return isReady, nil
	}
	class := str(u.Object, "spec", "storageClassName")
	if class != "" {
		classes, err := w.cluster.resource(schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}, "")
		if err != nil {
			return verdict{}, err
		}
		if found, err := classes.Get(w.ctx, class, metav1.GetOptions{}); err == nil && str(found.Object, "volumeBindingMode") == "WaitForFirstConsumer" {
			return isReady, nil // it is bound when a pod uses it, which may well wait for this claim
		}
	}
	return waiting("%s is %s: no volume of class %q is bound to it yet", describe(u.Object), phase, class), nil
}

func volumeUsable(_ *waiter, u *unstructured.Unstructured) (verdict, error) {
	if phase := str(u.Object, "status", "phase"); phase != "Available" && phase != "Bound" {
		return waiting("%s is %s, not Available", describe(u.Object), phase), nil
	}
	return isReady, nil
}

func replicasAvailable(_ *waiter, u *unstructured.Unstructured) (verdict, error) {
	want, have := count(u, "spec", "replicas"), count(u, "status", "availableReplicas")
	if have < want {
		return waiting("%s has %d of %d pods available", describe(u.Object), have, want), nil
	}
	return isReady, nil
}

func quotaCounted(_ *waiter, u *unstructured.Unstructured) (verdict, error) {
	if _, ok := get(u.Object, "status", "hard"); !ok {
		return waiting("%s is not counted yet", describe(u.Object)), nil
	}
	return isReady, nil
}

func count(u *unstructured.Unstructured, path ...string) int64 {
	n, _, _ := unstructured.NestedInt64(u.Object, path...)
	return n
}

func conditionStatus(object map[string]any, kind string) string {
	return condition(object, kind, "status")
}
func conditionMessage(object map[string]any, kind string) string {
	return condition(object, kind, "message")
}

func condition(object map[string]any, kind, field string) string {
	list, _ := get(object, "status", "conditions")
	conditions, _ := list.([]any)
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			return str(c, field)
		}
	}
	return ""
}
