package kubernetes

import (
	"context"
	"errors"
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// check completes an object's inputs: kind, name and namespace, in the form that the server will store.
func (k *plugin) check(ctx context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	ctx, done := k.during(ctx)
	defer done()
	if err := refuse(req.Urn); err != nil {
		return p.CheckResponse{}, err
	}
	if k.unreachable != nil && k.config.SkipUnreachable {
		p.GetLogger(ctx).Warning("the cluster does not answer and skipUpdateUnreachable is set: nothing will change")
		return p.CheckResponse{Inputs: req.State}, nil
	}
	if string(req.Urn.Type()) == releaseToken {
		return k.checkRelease(ctx, req)
	}
	gvk, err := kindOf(req.Urn)
	if err != nil {
		return p.CheckResponse{}, err
	}
	object, old := toObject(req.Inputs), toObject(req.State)
	if _, ok := object["apiVersion"].(string); !ok {
		object["apiVersion"], object["kind"] = gvk.GroupVersion().String(), gvk.Kind
	}
	if _, ok := object["metadata"]; !ok {
		object["metadata"] = map[string]any{}
	}
	for _, problem := range unknownFields(object, !hasComputed(req.Inputs)) {
		p.GetLogger(ctx).Warning(fmt.Sprintf("%s: %s: it has no effect", req.Urn.Name(), problem))
	}
	object = normalize(object, !hasComputed(req.Inputs))
	if annotation(object, autonamed) != "" {
		p.GetLogger(ctx).Warning("the annotation " + autonamed + " is the plugin's own; the program's value is ignored")
	}
	if !named(object) && k.config.ServerSideApply && str(object, "metadata", "generateName") != "" {
		return p.CheckResponse{}, fmt.Errorf("%s: metadata.generateName cannot be used with server-side apply; leave the name out to get one made up, or set enableServerSideApply to false", req.Urn.Name())
	}
	if err := nameObject(object, old, req.Urn); err != nil {
		return p.CheckResponse{}, err
	}
	if err := k.placeObject(object, kindIn(object)); err != nil {
		return p.CheckResponse{}, err
	}
	if isCRD(object) && k.cluster != nil {
		scope := str(object, "spec", "scope") != "Cluster"
		k.cluster.scopes.Store(schema.GroupKind{Group: str(object, "spec", "group"), Kind: str(object, "spec", "names", "kind")}, scope)
	}
	return p.CheckResponse{Inputs: sealSecret(object, fromObject(object, req.Inputs))}, nil
}

// placeObject puts a namespaced object that names no namespace into the provider's.
func (k *plugin) placeObject(object map[string]any, gvk schema.GroupVersionKind) error {
	if _, placed := get(object, "metadata", "namespace"); placed || k.cluster == nil {
		return nil
	}
	namespaced, err := k.cluster.namespaced(gvk)
	if err != nil || !namespaced {
		return err
	}
	set(object, canonicalNamespace(k.cluster.namespace), "metadata", "namespace")
	return nil
}

// sealSecret marks the contents of a Secret as secret, whether or not the program did.
func sealSecret(object map[string]any, m property.Map) property.Map {
	if !isSecret(object) {
		return m
	}
	for _, key := range []string{"data", "stringData"} {
		if v, ok := m.GetOk(key); ok {
			m = m.Set(key, v.WithSecret(true))
		}
	}
	return m
}

func kindIn(object map[string]any) schema.GroupVersionKind {
	return (&unstructured.Unstructured{Object: object}).GroupVersionKind()
}

var errCancelled = errors.New("the engine cancelled the operation")

// reachable returns why nothing can be done, with the way out.
func (k *plugin) reachable(name string) error {
	if k.unreachable == nil {
		return nil
	}
	return fmt.Errorf("%s: the cluster cannot be reached, so nothing was done: %w. "+
		"If the cluster is gone for good, set PULUMI_K8S_DELETE_UNREACHABLE=true and refresh, to forget its objects", name, k.unreachable)
}
