package kubernetes

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// unknown stands in an object for a value that a preview does not know yet.
type unknown struct{}

// toObject turns properties into the JSON-like form of client-go. Secrets lose their mark: see fromObject.
func toObject(m property.Map) map[string]any {
	object := make(map[string]any, m.Len())
	for key, v := range m.All {
		object[serverKey(key)] = toAny(v)
	}
	return object
}

func toAny(v property.Value) any {
	switch {
	case v.IsComputed():
		return unknown{}
	case v.IsMap():
		return toObject(v.AsMap())
	case v.IsArray():
		list := make([]any, 0, v.AsArray().Len())
		for _, item := range v.AsArray().All {
			list = append(list, toAny(item))
		}
		return list
	case v.IsNumber():
		// Kubernetes wants whole numbers as integers; Pulumi has floats only.
		if n := v.AsNumber(); n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n)
		}
		return v.AsNumber()
	case v.IsBool():
		return v.AsBool()
	case v.IsString():
		return v.AsString()
	case v.IsAsset():
		return v.AsAsset()
	}
	return nil
}

// fromObject is the way back. What is secret in like is secret in the result: a whole list if one of its items is,
// because the server may order them anew.
func fromObject(object map[string]any, like property.Map) property.Map {
	m := make(map[string]property.Value, len(object))
	for key, x := range object {
		key = programKey(key)
		m[key] = fromAny(x, like.Get(key))
	}
	return property.NewMap(m)
}

func fromAny(x any, like property.Value) property.Value {
	var v property.Value
	switch x := x.(type) {
	case unknown:
		v = property.New(property.Computed)
	case map[string]any:
		if like.IsMap() {
			return property.New(fromObject(x, like.AsMap())).WithSecret(like.Secret())
		}
		v = property.New(fromObject(x, property.Map{}))
	case []any:
		list := make([]property.Value, 0, len(x))
		for _, item := range x {
			list = append(list, fromAny(item, property.Value{}))
		}
		v = property.New(list)
	case string:
		v = property.New(x)
	case bool:
		v = property.New(x)
	case int64:
		v = property.New(float64(x))
	case int:
		v = property.New(float64(x))
	case float64:
		v = property.New(x)
	case property.Asset:
		v = property.New(x)
	}
	return v.WithSecret(like.HasSecrets())
}

// The typed SDKs cannot name a field x-kubernetes-..., so they write it with underscores.
const serverPrefix, programPrefix = "x-kubernetes-", "x_kubernetes_"

func serverKey(key string) string {
	if strings.HasPrefix(key, programPrefix) {
		return strings.ReplaceAll(key, "_", "-")
	}
	return key
}

func programKey(key string) string {
	if strings.HasPrefix(key, serverPrefix) {
		return strings.ReplaceAll(key, "-", "_")
	}
	return key
}

func hasComputed(m property.Map) bool { return property.New(m).HasComputed() }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
