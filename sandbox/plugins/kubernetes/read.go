package kubernetes

import (
	"context"
	"fmt"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// read looks an object up: for a refresh, which knows the old inputs, or for an import or a plain look, which know only
// an id. An object that is gone has an empty answer.
func (k *plugin) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	ctx, done := k.during(ctx)
	defer done()
	if err := refuse(req.Urn); err != nil {
		return p.ReadResponse{}, err
	}
	if k.unreachable != nil && k.config.DeleteUnreachable {
		p.GetLogger(ctx).Warning("the cluster does not answer and deleteUnreachable is set: the object is forgotten")
		return p.ReadResponse{}, nil
	}
	if k.unreachable != nil && k.config.SkipUnreachable {
		p.GetLogger(ctx).Warning("the cluster does not answer and skipUpdateUnreachable is set: the object's state is the last one seen")
		return p.ReadResponse{ID: req.ID, Properties: req.Properties, Inputs: req.Inputs}, nil
	}
	if err := k.reachable(req.Urn.Name()); err != nil {
		return p.ReadResponse{}, err
	}
	if string(req.Urn.Type()) == releaseToken {
		return k.readRelease(ctx, req)
	}
	gvk, err := kindOf(req.Urn)
	if err != nil {
		return p.ReadResponse{}, err
	}
	namespace, name := splitID(req.ID)
	if name == "" {
		return p.ReadResponse{}, fmt.Errorf("%s: the id %q is not of the form name or namespace/name", req.Urn.Name(), req.ID)
	}
	inputs := normalize(toObject(req.Inputs), true)
	known := kindIn(inputs).Kind != ""
	if known {
		gvk = kindIn(inputs)
	}
	client, err := k.cluster.resource(gvk, namespace)
	if meta.IsNoMatchError(err) {
		return p.ReadResponse{}, nil // its definition is gone, and the object with it
	}
	if err != nil {
		return p.ReadResponse{}, err
	}
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, fmt.Errorf("%s: %s %s cannot be read: %w", req.Urn.Name(), gvk.Kind, req.ID, err)
	}
	manager := k.fieldManager(req.Urn, inputs, req.Properties)
	if known {
		inputs = prune(live.Object, inputs)
	} else {
		inputs = importedInputs(live.Object)
	}
	response := p.ReadResponse{
		ID:         req.ID,
		Properties: toState(inputs, live.Object, req.Inputs, manager),
		Inputs:     sealSecret(live.Object, fromObject(inputs, req.Inputs)),
	}
	if known && annotation(inputs, skipAwait) != "true" {
		w := k.waiter(ctx, inputs, live, 0)
		if v, err := w.look(live); err == nil && !v.ready {
			response.PartialState = partial(&stuckError{summary: v.message, reasons: w.reasons()})
			return response, fmt.Errorf("%s: %s exists, but it is not ready: %s", req.Urn.Name(), describe(live.Object), v.message)
		}
	}
	return response, nil
}

// importedInputs is what a program would have to write to get this object.
func importedInputs(live map[string]any) map[string]any {
	inputs := runtime.DeepCopyJSON(live)
	delete(inputs, "status")
	dropServerFields(inputs)
	unset(inputs, "metadata", "annotations", "deployment.kubernetes.io/revision")
	unset(inputs, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	return inputs
}

func splitID(id string) (namespace, name string) {
	if namespace, name, ok := strings.Cut(id, "/"); ok {
		return namespace, name
	}
	return "", id
}
