// Package review judges Kubernetes objects before they reach a cluster: whether somebody pays for what was declared,
// whether a backup can bring it back, and whether it survives the loss of a pod. `opex review` applies it to manifests
// and previews, the Pulumi program to what it declares.
package review

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Object is one Kubernetes object as JSON has it: maps, lists, strings, float64, bool.
type Object struct {
	Fields map[string]any
	Source string // where it comes from: a file, or a resource's name
	// Line tells where a field stands in that file, from 1. Nil: not known.
	Line func(path []string) int
	// Place is for whoever read the object, to find it again in its file. Rules do not look at it.
	Place any
	// Unknown are fields that the object has, and whose values are not known before the update. Fields lacks them.
	Unknown [][]string
	// Mistyped are values that the API server would refuse. Nil where whoever read the object did not look.
	Mistyped []Mistake
	// Unread says why no rule can judge the object, in words: a kind or version that nobody serves, a patch. Empty:
	// rules judge it.
	Unread string
}

// Mistake is a value that the API does not take.
type Mistake struct {
	Path []string
	Says string
	Fix  any // the value that was meant; nil: not known
}

// Kind of the object.
func (o Object) Kind() string { return text(o.Fields["kind"]) }

// Group of its API; empty for the core's.
func (o Object) Group() string {
	group, _, is := strings.Cut(text(o.Fields["apiVersion"]), "/")
	if !is {
		return ""
	}
	return group
}

// Name of the object; its generateName where it has none.
func (o Object) Name() string {
	if name := text(o.get("metadata.name")); name != "" {
		return name
	}
	return text(o.get("metadata.generateName"))
}

// Namespace of the object; `default` where none is given.
func (o Object) Namespace() string {
	if n := o.declared(); n != "" {
		return n
	}
	return "default"
}

// declared is the namespace that the object names. Empty: whoever applies it chooses, as `helm install` and `kubectl
// apply` do.
func (o Object) declared() string { return text(o.get("metadata.namespace")) }

// String is kind namespace/name, or kind name of a namespace.
func (o Object) String() string {
	if o.Kind() == "Namespace" {
		return "Namespace " + o.Name()
	}
	return fmt.Sprintf("%s %s/%s", o.Kind(), o.Namespace(), o.Name())
}

// hides says whether the value of a field is unknown, or of what holds it.
func (o Object) hides(field []string) bool {
	return slices.ContainsFunc(
		o.Unknown, func(at []string) bool { return len(at) <= len(field) && slices.Equal(at, field[:len(at)]) },
	)
}

// is says whether it is of a group and kind.
func (o Object) is(group, kind string) bool { return o.Group() == group && o.Kind() == kind }

func (o Object) get(path string) any            { return get(o.Fields, path) }
func (o Object) labels() map[string]string      { return texts(o.get("metadata.labels")) }
func (o Object) annotations() map[string]string { return texts(o.get("metadata.annotations")) }

// get walks a path such as spec.containers.0.name; it cannot reach keys that hold dots. Nil: nothing is there.
func get(from any, path string) any {
	here := from
	for key := range strings.SplitSeq(path, ".") {
		switch at := here.(type) {
		case map[string]any:
			here = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			here = at[i]
		default:
			return nil
		}
	}
	return here
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// number reads what may be a float64, an int or absent.
func number(value any, absent float64) float64 {
	switch n := value.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	case int64:
		return float64(n)
	}
	return absent
}

func list(value any) []any {
	l, _ := value.([]any)
	return l
}

func textList(value any) []string {
	var all []string
	for _, v := range list(value) {
		all = append(all, text(v))
	}
	return all
}

func texts(value any) map[string]string {
	m, _ := value.(map[string]any)
	found := make(map[string]string, len(m))
	for key, v := range m {
		switch v.(type) {
		case float64, int, bool: // TYP-01 says that it is no text; what it means is clear
			found[key] = fmt.Sprint(v)
		default:
			found[key] = text(v)
		}
	}
	return found
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func keep[T any](all []T, is func(T) bool) []T {
	var found []T
	for _, one := range all {
		if is(one) {
			found = append(found, one)
		}
	}
	return found
}
