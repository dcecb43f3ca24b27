package kubernetes

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// serviceReady waits for an endpoint, and for the address of a load balancer. Services that select no pods, have no
// address of their own or only name another host are ready at once.
func serviceReady(w *waiter, u *unstructured.Unstructured) (verdict, error) {
	kind := str(u.Object, "spec", "type")
	selector, _ := get(u.Object, "spec", "selector")
	labels, _ := selector.(map[string]any)
	if kind == "LoadBalancer" && !hasAddress(u) {
		return waiting("%s has no address of a load balancer yet", describe(u.Object)), nil
	}
	if kind == "ExternalName" || str(u.Object, "spec", "clusterIP") == "None" || len(labels) == 0 {
		return isReady, nil
	}
	ready, err := w.hasEndpoint(u.GetNamespace(), u.GetName())
	if err != nil || ready {
		return isReady, err
	}
	return waiting("%s has no ready endpoint: no ready pod has the labels of spec.selector yet", describe(u.Object)), nil
}

// ingressReady waits for the address that the controller writes, and for the services behind.
func ingressReady(w *waiter, u *unstructured.Unstructured) (verdict, error) {
	for _, service := range backends(u.Object) {
		ready, err := w.hasEndpoint(u.GetNamespace(), service)
		if err != nil {
			return verdict{}, err
		}
		if !ready {
			return waiting("%s: its service %s has no ready endpoint yet", describe(u.Object), service), nil
		}
	}
	if !hasAddress(u) {
		return waiting("%s has no address yet: its controller has not taken it up", describe(u.Object)), nil
	}
	return isReady, nil
}

func hasAddress(u *unstructured.Unstructured) bool {
	list, _ := get(u.Object, "status", "loadBalancer", "ingress")
	addresses, _ := list.([]any)
	return len(addresses) > 0
}

// backends are the names of the services in an Ingress's rules.
func backends(object map[string]any) []string {
	var names []string
	list, _ := get(object, "spec", "rules")
	rules, _ := list.([]any)
	for _, rule := range rules {
		rule, _ := rule.(map[string]any)
		list, _ := get(rule, "http", "paths")
		paths, _ := list.([]any)
		for _, path := range paths {
			path, _ := path.(map[string]any)
			if name := str(path, "backend", "service", "name"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// hasEndpoint says whether a service has an address that takes requests. Services of the type ExternalName have none
// and need none.
func (w *waiter) hasEndpoint(namespace, service string) (bool, error) {
	slices, err := w.cluster.resource(schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}, namespace)
	if err != nil {
		return false, err
	}
	list, err := slices.List(w.ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
	if err != nil {
		return false, err
	}
	for _, slice := range list.Items {
		endpoints, _ := slice.Object["endpoints"].([]any)
		for _, e := range endpoints {
			e, _ := e.(map[string]any)
			// An endpoint without the condition is to be taken as ready.
			if ready, said := get(e, "conditions", "ready"); !said || ready == true {
				return true, nil
			}
		}
	}
	services, err := w.cluster.resource(schema.GroupVersionKind{Version: "v1", Kind: "Service"}, namespace)
	if err != nil {
		return false, err
	}
	found, err := services.Get(w.ctx, service, metav1.GetOptions{})
	return err == nil && str(found.Object, "spec", "type") == "ExternalName", nil
}
