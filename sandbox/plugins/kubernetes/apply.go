package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
)

// applier writes objects to the server, or with dryRun has it say what the result would be.
type applier struct {
	cluster *cluster
	config  Config
	manager string
	dryRun  bool
	// old is what the program set before; only client-side apply needs it, to see what the program has dropped.
	old map[string]any
}

func (a applier) dryRunOption() []string {
	if a.dryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// client returns the client for an object, and takes a namespace off an object that can have none.
func (a applier) client(object map[string]any) (dynamic.ResourceInterface, error) {
	gvk := kindIn(object)
	namespaced, err := a.cluster.namespaced(gvk)
	if err != nil {
		return nil, err
	}
	if !namespaced {
		unset(object, "metadata", "namespace")
	}
	return a.cluster.resource(gvk, str(object, "metadata", "namespace"))
}

// create makes the object. Its kind or namespace may be on its way, so that a miss is tried again for some seconds.
func (a applier) create(ctx context.Context, object map[string]any) (*unstructured.Unstructured, error) {
	for attempt, pause := 0, 500*time.Millisecond; ; attempt, pause = attempt+1, pause*2 {
		made, err := a.createOnce(ctx, object)
		if missing := apierrors.IsNotFound(err) || meta.IsNoMatchError(err); !missing || a.dryRun || attempt == 4 {
			return made, a.explain(err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func (a applier) createOnce(ctx context.Context, object map[string]any) (*unstructured.Unstructured, error) {
	client, err := a.client(object)
	if err != nil {
		return nil, err
	}
	if a.config.ServerSideApply && a.config.Upsert {
		// What an interrupted creation left is updated, so that its fields come to this object's own manager.
		live, err := client.Get(ctx, str(object, "metadata", "name"), metav1.GetOptions{})
		if err == nil {
			return a.update(ctx, object, live, nil)
		}
		if !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	made, err := client.Create(ctx, wrap(object), metav1.CreateOptions{
		FieldManager: createManager, DryRun: a.dryRunOption(), FieldValidation: metav1.FieldValidationWarn})
	if apierrors.IsAlreadyExists(err) {
		err = fmt.Errorf("%w. The object is in the cluster already and is not this stack's. To take it over, import it "+
			"(`pulumi import`, or the import option); after a rename in the program, use an alias; "+
			"to overwrite what exists, set upsertExistingObjects on the provider", err)
	}
	return made, err
}

// update changes the live object into what the inputs say.
func (a applier) update(ctx context.Context, object map[string]any, live *unstructured.Unstructured, ignored []string) (*unstructured.Unstructured, error) {
	client, err := a.client(object)
	if err != nil {
		return nil, err
	}
	if err := keepIgnored(object, live.Object, ignored); err != nil {
		return nil, err
	}
	switch {
	case isCRD(object):
		// Apply cannot remove a version from a definition, so it is put in whole.
		set(object, live.GetResourceVersion(), "metadata", "resourceVersion")
		defer unset(object, "metadata", "resourceVersion")
		result, err := client.Update(ctx, wrap(object), metav1.UpdateOptions{FieldManager: a.manager, DryRun: a.dryRunOption(), FieldValidation: metav1.FieldValidationWarn})
		return result, a.explain(err)
	case !a.config.ServerSideApply:
		result, err := a.patch(ctx, client, object, live)
		return result, a.explain(err)
	}
	if !a.dryRun {
		if err := a.adoptFields(ctx, client, live); err != nil {
			return nil, err
		}
	}
	result, err := a.apply(ctx, client, object, live.GetName(), a.force(object, live))
	return result, a.explain(err)
}

func (a applier) apply(ctx context.Context, client dynamic.ResourceInterface, object map[string]any, name string, force bool) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return client.Patch(ctx, name, types.ApplyPatchType, body, metav1.PatchOptions{
		FieldManager: a.manager, Force: &force, DryRun: a.dryRunOption(), FieldValidation: metav1.FieldValidationWarn})
}

// adoptFields hands the fields that the creation wrote to this object's own manager. Otherwise a field that the program
// drops would stay: its creator would still hold it.
func (a applier) adoptFields(ctx context.Context, client dynamic.ResourceInterface, live *unstructured.Unstructured) error {
	creators := sets.New(createManager, "pulumi-resource-kubernetes", "kubectl", "before-first-apply")
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, creators, a.manager)
	if err != nil || patch == nil {
		return err
	}
	_, err = client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: a.manager})
	return err
}

// force says whether to take fields from other managers. A preview takes those that a real update would be handed.
func (a applier) force(object map[string]any, live *unstructured.Unstructured) bool {
	if annotation(object, patchForce) == "true" || a.config.PatchForce {
		return true
	}
	if live == nil {
		return a.dryRun
	}
	for _, entry := range live.GetManagedFields() {
		if a.dryRun && entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.Manager == createManager {
			return true
		}
	}
	return len(live.GetManagedFields()) == 0
}

// keepIgnored puts the live value in place of each ignored one: the program said not to touch it.
func keepIgnored(object, live map[string]any, ignored []string) error {
	for _, text := range ignored {
		path, err := resource.ParsePropertyPath(text)
		if err != nil {
			return fmt.Errorf("ignoreChanges has %q, which is not a property path: %w", text, err)
		}
		keys, ok := fieldNames(path)
		if !ok {
			continue // an item of a list: the engine has put its old input in place
		}
		if value, ok := get(live, keys...); ok {
			set(object, value, keys...)
		} else {
			unset(object, keys...)
		}
	}
	return nil
}

func fieldNames(path resource.PropertyPath) (keys []string, ok bool) {
	for _, step := range path {
		key, ok := step.(string)
		if !ok {
			return nil, false
		}
		keys = append(keys, key)
	}
	return keys, true
}

// explain says what to do about a conflict between managers.
func (a applier) explain(err error) error {
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "conflict") {
		return err
	}
	return fmt.Errorf("another manager owns fields that this program sets as %q: %w. Leave those fields to it "+
		"(drop them, or ignoreChanges), or take them over with the annotation %s: \"true\"", a.manager, err, patchForce)
}
