package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Keys of the state that are not of the object. They are the official plugin's, so that a stack may change hands.
const (
	inputsKey       = "__inputs"
	apiVersionKey   = "__initialApiVersion"
	fieldManagerKey = "__fieldManager"
)

// createManager owns the fields of an object as created; on its first update they move to the object's own manager.
const createManager = "pulumi-kubernetes"

// toState is what the engine keeps of an object: the live object, and beside it the inputs that made it.
func toState(inputs, live map[string]any, like property.Map, manager string) property.Map {
	seen := sealSecret(live, fromObject(live, like))
	given := sealSecret(live, fromObject(inputs, like))
	return seen.Set(inputsKey, property.New(given)).
		Set(apiVersionKey, property.New(str(inputs, "apiVersion"))).
		Set(fieldManagerKey, property.New(manager))
}

// fromState takes a state apart again.
func fromState(state property.Map) (inputs, live map[string]any) {
	live = toObject(state)
	inputs, _ = live[inputsKey].(map[string]any)
	if inputs == nil {
		inputs = map[string]any{}
	}
	for _, key := range []string{inputsKey, apiVersionKey, fieldManagerKey} {
		delete(live, key)
	}
	return inputs, live
}

// fieldManager is the name under which server-side apply keeps an object's fields: each resource has its own, so that two
// stacks that declare the same object see a conflict instead of taking turns. It follows from the URN: a creation that
// was interrupted before the engine heard of it is taken up under the same name.
func (k *plugin) fieldManager(urn resource.URN, inputs map[string]any, state property.Map) string {
	if !k.config.ServerSideApply {
		return createManager
	}
	if name := annotation(inputs, patchFieldManager); name != "" {
		return name
	}
	if v := state.Get(fieldManagerKey); v.IsString() && v.AsString() != "" {
		return v.AsString()
	}
	sum := sha256.Sum256([]byte(urn))
	return createManager + "-" + hex.EncodeToString(sum[:4])
}

func wrap(object map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object}
}
