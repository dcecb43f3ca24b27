package kubernetes

import (
	"reflect"
	"strconv"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
)

// change is one difference between two objects.
type change struct {
	path []any // of strings and list indexes
	kind p.DiffKind
	new  any // nil for a deletion
}

// String writes the path as Pulumi does: spec.ports[0].port, data["a.b"].
func (c change) String() string {
	var b strings.Builder
	for i, step := range c.path {
		switch step := step.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(step) + "]")
		case string:
			if strings.ContainsAny(step, `."[]`) {
				b.WriteString(`["` + strings.ReplaceAll(step, `"`, `\"`) + `"]`)
				continue
			}
			if i > 0 {
				b.WriteString(".")
			}
			b.WriteString(step)
		}
	}
	return b.String()
}

// diffObjects lists what it takes to turn old into new.
func diffObjects(old, new map[string]any) []change {
	return diffMaps(nil, old, new)
}

func diffMaps(path []any, old, new map[string]any) []change {
	var changes []change
	for _, key := range sortedKeys(new) {
		before, exists := old[key]
		changes = append(changes, diffValues(join(path, key), before, exists, new[key])...)
	}
	for _, key := range sortedKeys(old) {
		if _, kept := new[key]; !kept && old[key] != nil {
			changes = append(changes, change{join(path, key), p.Delete, nil})
		}
	}
	return changes
}

func diffValues(path []any, old any, exists bool, new any) []change {
	switch {
	case equal(old, new):
		return nil
	case !exists || old == nil:
		return []change{{path, p.Add, new}}
	case new == nil:
		return []change{{path, p.Delete, nil}}
	}
	switch new := new.(type) {
	case map[string]any:
		if old, ok := old.(map[string]any); ok {
			return diffMaps(path, old, new)
		}
	case []any:
		if old, ok := old.([]any); ok {
			var changes []change
			for i := range max(len(old), len(new)) {
				switch {
				case i >= len(new):
					changes = append(changes, change{join(path, i), p.Delete, nil})
				case i >= len(old):
					changes = append(changes, change{join(path, i), p.Add, new[i]})
				default:
					changes = append(changes, diffValues(join(path, i), old[i], true, new[i])...)
				}
			}
			return changes
		}
	}
	return []change{{path, p.Update, new}}
}

func equal(a, b any) bool {
	x, okA := number(a)
	y, okB := number(b)
	if okA && okB {
		return x == y
	}
	_, unknownA := a.(unknown)
	_, unknownB := b.(unknown)
	return !unknownA && !unknownB && reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// join copies: paths of siblings must not share memory.
func join(path []any, step any) []any {
	return append(append(make([]any, 0, len(path)+1), path...), step)
}

// replacing is the kind of a change that cannot be made in place.
func replacing(kind p.DiffKind) p.DiffKind {
	switch kind {
	case p.Add:
		return p.AddReplace
	case p.Delete:
		return p.DeleteReplace
	case p.Update:
		return p.UpdateReplace
	}
	return kind
}
