package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func (k *plugin) applier(urn resource.URN, inputs, old map[string]any, state property.Map) applier {
	return applier{cluster: k.cluster, config: k.config, manager: k.fieldManager(urn, inputs, state), old: old}
}

func (k *plugin) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	ctx, done := k.during(ctx)
	defer done()
	if string(req.Urn.Type()) == releaseToken {
		return k.createRelease(ctx, req)
	}
	inputs := toObject(req.Properties)
	if req.DryRun && k.cannotPreview(req.Properties, inputs) {
		return p.CreateResponse{Properties: req.Properties}, nil
	}
	if err := k.reachable(req.Urn.Name()); err != nil {
		return p.CreateResponse{}, err
	}
	a := k.applier(req.Urn, inputs, nil, property.Map{})
	a.dryRun = req.DryRun
	made, err := a.create(ctx, runtime.DeepCopyJSON(inputs))
	if err != nil {
		if req.DryRun && previewLater(err) {
			return p.CreateResponse{Properties: req.Properties}, nil
		}
		return p.CreateResponse{}, fmt.Errorf("%s: the API server did not create %s: %w", req.Urn.Name(), describe(inputs), k.hint(err))
	}
	if req.DryRun {
		hideInvented(made.Object)
		return p.CreateResponse{Properties: toState(inputs, made.Object, req.Properties, a.manager)}, nil
	}
	if isCRD(inputs) {
		k.cluster.mapper.Reset()
	}
	live, err := k.waiter(ctx, inputs, made, req.Timeout).ready()
	response := p.CreateResponse{
		ID:         fqName(live.GetNamespace(), live.GetName()),
		Properties: toState(inputs, live.Object, req.Properties, a.manager),
	}
	if err != nil {
		response.PartialState = partial(err)
		return response, fmt.Errorf("%s: %s was created, but it is not ready: %w", req.Urn.Name(), describe(inputs), err)
	}
	return response, nil
}

func (k *plugin) update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	ctx, done := k.during(ctx)
	defer done()
	if string(req.Urn.Type()) == releaseToken {
		return k.updateRelease(ctx, req)
	}
	inputs := normalize(toObject(req.Inputs), !hasComputed(req.Inputs))
	if req.DryRun && k.cannotPreview(req.Inputs, inputs) {
		return p.UpdateResponse{Properties: req.Inputs}, nil
	}
	if err := k.reachable(req.Urn.Name()); err != nil {
		return p.UpdateResponse{}, err
	}
	oldInputs, old := fromState(req.State)
	client, err := k.cluster.resource(kindIn(inputs), str(old, "metadata", "namespace"))
	if err != nil {
		return p.UpdateResponse{}, fmt.Errorf("%s: %s was not updated: %w", req.Urn.Name(), describe(inputs), k.hint(err))
	}
	before, err := client.Get(ctx, str(old, "metadata", "name"), metav1.GetOptions{})
	if err != nil {
		return p.UpdateResponse{}, fmt.Errorf("%s: %s was not updated, as it cannot be read (was it deleted behind the stack's back? then refresh): %w", req.Urn.Name(), describe(inputs), err)
	}
	a := k.applier(req.Urn, inputs, normalize(oldInputs, true), req.State)
	a.dryRun = req.DryRun
	after, err := a.update(ctx, runtime.DeepCopyJSON(inputs), before, req.IgnoreChanges)
	if err != nil {
		if req.DryRun && apierrors.IsForbidden(err) {
			return p.UpdateResponse{Properties: req.Inputs}, nil
		}
		return p.UpdateResponse{}, fmt.Errorf("%s: the API server did not update %s: %w", req.Urn.Name(), describe(inputs), err)
	}
	if req.DryRun {
		return p.UpdateResponse{Properties: toState(inputs, after.Object, req.Inputs, a.manager)}, nil
	}
	live, err := k.waiter(ctx, inputs, after, req.Timeout).ready()
	response := p.UpdateResponse{Properties: toState(inputs, live.Object, req.Inputs, a.manager)}
	if err != nil {
		response.PartialState = partial(err)
		return response, fmt.Errorf("%s: %s was updated, but it is not ready: %w", req.Urn.Name(), describe(inputs), err)
	}
	return response, nil
}

func (k *plugin) delete(ctx context.Context, req p.DeleteRequest) error {
	ctx, done := k.during(ctx)
	defer done()
	if k.unreachable != nil && k.config.DeleteUnreachable {
		p.GetLogger(ctx).Warning("the cluster does not answer and deleteUnreachable is set: the object is forgotten, not deleted")
		return nil
	}
	if err := k.reachable(req.Urn.Name()); err != nil {
		return err
	}
	if string(req.Urn.Type()) == releaseToken {
		return k.deleteRelease(ctx, req)
	}
	inputs, live := fromState(req.Properties)
	client, err := k.cluster.resource(kindIn(live), str(live, "metadata", "namespace"))
	if meta.IsNoMatchError(err) {
		return nil // its definition is gone, and the object with it
	}
	if err == nil {
		policy := propagation(inputs)
		err = client.Delete(ctx, str(live, "metadata", "name"), metav1.DeleteOptions{PropagationPolicy: &policy})
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = k.waiter(ctx, inputs, wrap(live), req.Timeout).gone()
	}
	if err != nil {
		return fmt.Errorf("%s: %s was not deleted: %w", req.Urn.Name(), describe(live), err)
	}
	return nil
}

// cannotPreview says that the server cannot be asked: a value is not known yet, or the kind does not exist yet.
func (k *plugin) cannotPreview(m property.Map, inputs map[string]any) bool {
	return hasComputed(m) || k.cluster == nil || !k.config.ServerSideApply || !k.cluster.exists(kindIn(inputs))
}

// previewLater says that a dry run failed for a reason which the update itself may remove: a namespace that the same
// program creates, an object of the same name that it deletes first, or rights that a preview need not have.
func previewLater(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) ||
		strings.Contains(err.Error(), "does not support dry run")
}

// hideInvented marks as unknown what a dry run makes up and the real creation will make up again.
func hideInvented(object map[string]any) {
	delete(object, "status")
	unset(object, "metadata", "managedFields")
	for _, key := range []string{"uid", "creationTimestamp", "resourceVersion"} {
		if _, ok := get(object, "metadata", key); ok {
			set(object, unknown{}, "metadata", key)
		}
	}
}

// hint tells what to do when the server does not know a kind.
func (k *plugin) hint(err error) error {
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("%w. If a CustomResourceDefinition or a chart of this program brings the kind, make this resource depend on it", err)
	}
	return err
}

func propagation(inputs map[string]any) metav1.DeletionPropagation {
	switch strings.ToLower(annotation(inputs, deletionPropagation)) {
	case "orphan":
		return metav1.DeletePropagationOrphan
	case "background":
		return metav1.DeletePropagationBackground
	}
	return metav1.DeletePropagationForeground
}

// describe names an object for a message: Deployment production/task-api.
func describe(object map[string]any) string {
	return str(object, "kind") + " " + fqName(str(object, "metadata", "namespace"), str(object, "metadata", "name"))
}

// partial keeps a created object in the state together with the reasons why it is not ready.
func partial(err error) *p.InitializationFailed {
	failed := &p.InitializationFailed{Reasons: []string{err.Error()}}
	var stuck *stuckError
	if errors.As(err, &stuck) {
		failed.Reasons = append([]string{stuck.summary}, stuck.reasons...)
	}
	return failed
}
