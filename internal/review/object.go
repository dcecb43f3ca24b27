// Package review judges Kubernetes objects before they reach a cluster: whether what was declared can be paid for by somebody, brought
// back from a backup, and survive the loss of a pod. `opex review` applies it to manifests and previews, the Pulumi program to what it declares.
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
	// Line tells where a field stands in that file, from 1; nil: that is not known.
	Line func(path []string) int
	// Change returns what stands around it in its file, before and after edits of the object, and the number of its first line; nil where they cannot be
	// made there. Nil: there is no file.
	Change func(edits []Edit) (before, after []byte, first int)
	// Unknown are fields that it has, and whose values are not known before the update. They are missing in Fields.
	Unknown [][]string
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

// Name of the object.
func (o Object) Name() string { return text(o.get("metadata.name")) }

// Namespace of the object; `default` where none is given.
func (o Object) Namespace() string {
	if n := text(o.get("metadata.namespace")); n != "" {
		return n
	}
	return "default"
}

// String is kind namespace/name, or kind name of a namespace.
func (o Object) String() string {
	if o.Kind() == "Namespace" {
		return "Namespace " + o.Name()
	}
	return fmt.Sprintf("%s %s/%s", o.Kind(), o.Namespace(), o.Name())
}

// is says whether it is of a group and kind.
func (o Object) is(group, kind string) bool { return o.Group() == group && o.Kind() == kind }

func (o Object) get(path string) any            { return get(o.Fields, path) }
func (o Object) labels() map[string]string      { return texts(o.get("metadata.labels")) }
func (o Object) annotations() map[string]string { return texts(o.get("metadata.annotations")) }

// get walks a path such as spec.containers.0.name; keys that hold dots are not reached by it. Nil: nothing is there.
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

func texts(value any) map[string]string {
	found := map[string]string{}
	m, _ := value.(map[string]any)
	for key, v := range m {
		found[key] = text(v)
	}
	return found
}

// showLabels is a=b,c=d.
func showLabels(labels map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, key+"="+labels[key])
	}
	return strings.Join(all, ",")
}

// showSelector writes a label selector as kubectl takes it. It is empty for one that selects everything.
func showSelector(selector any) string {
	var all []string
	if labels := showLabels(texts(get(selector, "matchLabels"))); labels != "" {
		all = append(all, labels)
	}
	for _, e := range list(get(selector, "matchExpressions")) {
		var values []string
		for _, v := range list(get(e, "values")) {
			values = append(values, text(v))
		}
		key, of := text(get(e, "key")), " ("+strings.Join(values, ",")+")"
		switch operator := text(get(e, "operator")); operator {
		case "In", "NotIn":
			all = append(all, key+" "+strings.ToLower(operator)+of)
		case "DoesNotExist":
			all = append(all, "!"+key)
		default:
			all = append(all, key)
		}
	}
	return strings.Join(all, ",")
}

// sought says where pods were looked for, and by which labels. No namespace: all.
func sought(namespaces []string, selector any) string {
	where, by := strings.Join(namespaces, ", "), showSelector(selector)
	if where == "" {
		where = "all namespaces"
	}
	if by == "" {
		return where
	}
	return where + ": " + by
}
