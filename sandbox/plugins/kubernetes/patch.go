package kubernetes

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
)

// patch is client-side apply, for enableServerSideApply=false: the difference between the old inputs, the new ones and
// the live object. Lists of built-in kinds are merged by their keys; those of other kinds are replaced.
func (a applier) patch(ctx context.Context, client dynamic.ResourceInterface, object map[string]any, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := json.Marshal(a.old)
	if err != nil {
		return nil, err
	}
	after, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	now, err := json.Marshal(live.Object)
	if err != nil {
		return nil, err
	}
	kind, body := types.MergePatchType, []byte(nil)
	if typed, unknownKind := scheme.Scheme.New(kindIn(object)); unknownKind == nil {
		schema, err := strategicpatch.NewPatchMetaFromStruct(typed)
		if err != nil {
			return nil, err
		}
		kind = types.StrategicMergePatchType
		if body, err = strategicpatch.CreateThreeWayMergePatch(before, after, now, schema, true); err != nil {
			return nil, err
		}
	} else if body, err = jsonmergepatch.CreateThreeWayJSONMergePatch(before, after, now); err != nil {
		return nil, err
	}
	return client.Patch(ctx, live.GetName(), kind, body, metav1.PatchOptions{
		FieldManager: a.manager, DryRun: a.dryRunOption(), FieldValidation: metav1.FieldValidationWarn})
}
