// Package kubernetes declares the arguments of a resource of any kind.
package kubernetes

import "reflect"

// UntypedArgs are the properties of a resource, by name.
type UntypedArgs map[string]any

// ElementType is the type that the Pulumi SDK turns these arguments into.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
