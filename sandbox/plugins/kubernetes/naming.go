package kubernetes

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Annotations that steer the plugin; the program writes them into metadata.annotations.
const (
	autonamed           = "pulumi.com/autonamed" // the plugin's own mark of a name it made up
	skipAwait           = "pulumi.com/skipAwait"
	waitFor             = "pulumi.com/waitFor"
	timeoutSeconds      = "pulumi.com/timeoutSeconds"
	replaceUnready      = "pulumi.com/replaceUnready"
	patchForce          = "pulumi.com/patchForce"
	patchFieldManager   = "pulumi.com/patchFieldManager"
	deletionPropagation = "pulumi.com/deletionPropagationPolicy"
)

// nameObject gives an object without a name the one it had before, or "<resource name>-<8 hex digits>".
func nameObject(object, old map[string]any, urn resource.URN) error {
	if named(object) || str(object, "metadata", "generateName") != "" {
		return nil
	}
	// A name that the program gave before and now withholds is not kept: that is a new object.
	name := str(old, "metadata", "name")
	if name == "" || annotation(old, autonamed) != "true" {
		var err error
		if name, err = resource.NewUniqueHex(urn.Name()+"-", 8, 0); err != nil {
			return fmt.Errorf("%s: no name could be made up: %w", urn.Name(), err)
		}
	}
	set(object, name, "metadata", "name")
	set(object, "true", "metadata", "annotations", autonamed)
	return nil
}

// named says whether the object has a name, known or not yet known.
func named(object map[string]any) bool {
	v, ok := get(object, "metadata", "name")
	if _, isUnknown := v.(unknown); isUnknown {
		return true
	}
	s, isString := v.(string)
	return ok && isString && s != ""
}

// fqName is an object's id: "namespace/name", or "name" if it has no namespace.
func fqName(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// get, set, unset and str work on paths of an object. Unlike client-go's helpers they bear unknown values.
func get(object map[string]any, path ...string) (any, bool) {
	var v any = object
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok {
			return nil, false
		}
	}
	return v, true
}

func set(object map[string]any, value any, path ...string) {
	for _, key := range path[:len(path)-1] {
		next, ok := object[key].(map[string]any)
		if !ok {
			if object[key] != nil {
				return // not known yet: there is nothing to set it in
			}
			next = map[string]any{}
			object[key] = next
		}
		object = next
	}
	object[path[len(path)-1]] = value
}

func unset(object map[string]any, path ...string) {
	parent, _ := get(object, path[:len(path)-1]...)
	if m, ok := parent.(map[string]any); ok {
		delete(m, path[len(path)-1])
	}
}

func str(object map[string]any, path ...string) string {
	v, _ := get(object, path...)
	s, _ := v.(string)
	return s
}

func annotation(object map[string]any, key string) string {
	return str(object, "metadata", "annotations", key)
}
