package kubernetes

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// normalize writes an object's inputs as the server would store them ("0.5" becomes "500m"), so that a comparison with
// the live object shows real differences only. It adds no field. Custom resources and objects that a preview does not
// know in full stay as they are.
func normalize(object map[string]any, complete bool) map[string]any {
	u := &unstructured.Unstructured{Object: object}
	gvk := u.GroupVersionKind()
	if complete {
		switch {
		case isSecret(object):
			encodeStringData(object)
		case isBuiltIn(gvk):
			if typed, err := scheme.Scheme.New(gvk); err == nil {
				// A field of a wrong type is left for the server to refuse: its message names the field.
				if runtime.DefaultUnstructuredConverter.FromUnstructured(object, typed) == nil {
					if again, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed); err == nil {
						object = prune(again, object)
					}
				}
			}
		}
	}
	if isCRD(object) {
		delete(object, "status")
		if v, _ := get(object, "spec", "preserveUnknownFields"); v == false {
			unset(object, "spec", "preserveUnknownFields") // the server drops this default
		}
	}
	dropServerFields(object)
	return object
}

// unknownFields lists the fields that a built-in kind does not have. Normalizing drops them, as the server would.
func unknownFields(object map[string]any, complete bool) []string {
	typed, err := scheme.Scheme.New(kindIn(object))
	if err != nil || !complete {
		return nil
	}
	err = runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object, typed, true)
	strict, ok := runtime.AsStrictDecodingError(err)
	if !ok {
		return nil
	}
	var problems []string
	for _, e := range strict.Errors() {
		problems = append(problems, e.Error())
	}
	return problems
}

// dropServerFields removes the metadata that only the server writes.
func dropServerFields(object map[string]any) {
	for _, key := range []string{"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation",
		"managedFields", "resourceVersion", "selfLink", "uid"} {
		unset(object, "metadata", key)
	}
}

// encodeStringData moves a Secret's stringData into data, as the server does: stringData wins.
func encodeStringData(object map[string]any) {
	stringData, _ := object["stringData"].(map[string]any)
	for key, v := range stringData {
		if s, ok := v.(string); ok {
			set(object, base64.StdEncoding.EncodeToString([]byte(s)), "data", key)
		}
	}
	delete(object, "stringData")
	data, _ := object["data"].(map[string]any)
	for key, v := range data {
		// The server decodes and encodes again, which drops line breaks.
		if s, ok := v.(string); ok {
			if raw, err := base64.StdEncoding.DecodeString(s); err == nil {
				data[key] = base64.StdEncoding.EncodeToString(raw)
			}
		}
	}
}

// prune returns the part of source that has the shape of like: its keys, and as many list items.
func prune(source, like map[string]any) map[string]any {
	result := map[string]any{}
	for key, value := range source {
		if want, ok := like[key]; ok {
			result[key] = pruneValue(value, want)
		}
	}
	return result
}

func pruneValue(value, like any) any {
	switch value := value.(type) {
	case map[string]any:
		if like, ok := like.(map[string]any); ok {
			return prune(value, like)
		}
	case []any:
		like, ok := like.([]any)
		if !ok {
			break
		}
		result := make([]any, 0, len(like))
		for i := range min(len(value), len(like)) {
			result = append(result, pruneValue(value[i], like[i]))
		}
		return result
	}
	return value
}

func isSecret(object map[string]any) bool {
	return object["kind"] == "Secret" && object["apiVersion"] == "v1"
}

func isCRD(object map[string]any) bool {
	u := &unstructured.Unstructured{Object: object}
	gvk := u.GroupVersionKind()
	return gvk.Group == "apiextensions.k8s.io" && gvk.Kind == "CustomResourceDefinition"
}
