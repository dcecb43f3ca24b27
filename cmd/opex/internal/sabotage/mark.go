package sabotage

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

// Whatever sabotage changes or makes bears its mark, written in the same request: should opex be killed in the middle,
// the next run finds it and puts it back. What is changed remembers by itself how it was.
const (
	mark    = "opex/sabotage"        // label: changed or made
	memory  = "opex/sabotage-before" // annotation: the JSON of remembered
	changed = "changed"
	made    = "made"
)

// remembered is how an object was before it was changed.
type remembered struct {
	Fields map[string]any `json:"fields"` // that were changed, as a merge patch
	Before map[string]any `json:"before"` // their values; one that is absent was not there
	// of the object's fields: a change takes them over, and `pulumi up` would be refused afterwards
	Owners []metav1.ManagedFieldsEntry `json:"owners"`
}

func (s *Site) objects(kind schema.GroupVersionResource, namespace string) objects {
	return objects{s.Cluster.Dynamic.Resource(kind).Namespace(namespace), kind, namespace}
}

// patch changes fields of an object, as a merge patch does. They are put back as they were.
func (s *Site) patch(
	ctx context.Context, kind schema.GroupVersionResource, namespace, name string, fields map[string]any,
) error {
	at := s.objects(kind, namespace)
	before, err := at.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return at.error(name, err)
	}
	data, err := marked(fields, before)
	if err != nil {
		return at.error(name, err)
	}
	s.later(at.name(name), func(ctx context.Context) error { return at.restore(ctx, name) })
	if _, err := at.Patch(ctx, name, types.MergePatchType, data, metav1.PatchOptions{}); err != nil {
		return at.error(name, err)
	}
	return nil
}

// marked is the patch of fields, with the mark and how the object was.
func marked(fields map[string]any, before *unstructured.Unstructured) ([]byte, error) {
	was, err := json.Marshal(remembered{fields, pick(before.Object, fields), owners(before.GetManagedFields(), false)})
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	patch := map[string]any{}
	if err := json.Unmarshal(data, &patch); err != nil {
		return nil, err
	}
	if err := unstructured.SetNestedField(patch, changed, "metadata", "labels", mark); err != nil {
		return nil, err
	}
	if err := unstructured.SetNestedField(patch, string(was), "metadata", "annotations", memory); err != nil {
		return nil, err
	}
	return json.Marshal(patch)
}

// restore puts an object back as it remembers itself. One that remembers nothing was never changed, or was put back.
func (o objects) restore(ctx context.Context, name string) error {
	var was remembered
	found := false
	update := func(change func(now *unstructured.Unstructured) error) error {
		return retry.RetryOnConflict(retry.DefaultRetry, func() error {
			now, err := o.Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) && o.kind == podKind {
				return nil // its like comes from the template
			}
			if err == nil {
				err = change(now)
			}
			if err != nil || !found {
				return err
			}
			_, err = o.Update(ctx, now, metav1.UpdateOptions{})
			return err
		})
	}
	if err := update(func(now *unstructured.Unstructured) error {
		var text string
		if text, found = now.GetAnnotations()[memory]; !found {
			return nil
		}
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return fmt.Errorf("annotation %s: %w", memory, err)
		}
		putFields(now.Object, was.Before, was.Fields)
		now.SetLabels(without(now.GetLabels(), mark))
		now.SetAnnotations(without(now.GetAnnotations(), memory))
		return nil
	}); err != nil || !found {
		return err
	}
	// A request by itself: one that changes fields makes whoever sends it their owner.
	return update(func(now *unstructured.Unstructured) error {
		now.SetManagedFields(slices.Concat(was.Owners, owners(now.GetManagedFields(), true)))
		return nil
	})
}

// owners are those of an object's own fields, or of its subresources', such as its status, which others go on writing.
func owners(all []metav1.ManagedFieldsEntry, ofSubresources bool) []metav1.ManagedFieldsEntry {
	return slices.DeleteFunc(
		slices.Clone(all), func(e metav1.ManagedFieldsEntry) bool { return (e.Subresource != "") != ofSubresources },
	)
}

func without(all map[string]string, key string) map[string]string {
	all = maps.Clone(all)
	delete(all, key)
	if len(all) == 0 {
		return nil
	}
	return all
}

// pick returns the values that an object has where a merge patch has some.
func pick(object, fields map[string]any) map[string]any {
	found := map[string]any{}
	for name, value := range fields {
		was, is := object[name]
		deeper, isMap := value.(map[string]any)
		old, wasMap := was.(map[string]any)
		switch {
		case isMap && wasMap:
			found[name] = pick(old, deeper)
		case is:
			found[name] = was
		}
	}
	return found
}

// putFields gives the fields that a merge patch named their values of before, and takes away those that were not there.
func putFields(now, before, fields map[string]any) {
	for name, value := range fields {
		was, is := before[name]
		deeper, isMap := value.(map[string]any)
		old, wasMap := was.(map[string]any)
		current, nowMap := now[name].(map[string]any)
		switch {
		case isMap && wasMap && nowMap:
			putFields(current, old, deeper)
		case is:
			now[name] = was
		default:
			delete(now, name)
		}
	}
}
