package review

import (
	"fmt"
	"slices"
	"strings"
)

// How the engine of Pulumi writes what a preview cannot know, and secrets (sdk/go/common/resource:
// plugin.UnknownStringValue, SigKey and SecretSig; pkg/backend/display: massagePropertyValue).
const (
	unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
	signature    = "4dabf18193072939515e22adb298388d"
	secretSig    = "1b47061264138c4ac30d75fd1eb44270"
	hiddenValue  = "[secret]"
)

// Planned is an object as a preview has it. What is unknown there or secret is left out and written down as unknown: no
// rule judges it, and nothing prints it.
func Planned(fields map[string]any, source string) Object {
	o := Object{Source: source}
	o.Fields, _ = o.known(fields, nil).(map[string]any)
	return o
}

func (o *Object) known(value any, at []string) any {
	switch v := value.(type) {
	case string:
		if v == unknownValue || v == hiddenValue {
			o.Unknown = append(o.Unknown, at)
			return nil
		}
	case map[string]any:
		if v[signature] == secretSig {
			o.Unknown = append(o.Unknown, at)
			return nil
		}
		m := map[string]any{}
		for _, key := range sorted(v) {
			if inner := o.known(v[key], below(at, key)); inner != nil {
				m[key] = inner
			}
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, inner := range v {
			l[i] = o.known(inner, below(at, itoa(i)))
		}
		return l
	}
	return value
}

func below(at []string, key string) []string { return append(slices.Clone(at), key) }

// Reviewed says whether any rule looks at objects of a kind. None does at data, and that is what is unknown or secret
// most often.
func Reviewed(apiVersion, kind string) bool {
	return apiVersion != "v1" || kind != "Secret" && kind != "ConfigMap"
}

// unknownFields says which fields no rule could judge, because their values are unknown before the update, or secret.
func unknownFields(objects Set) (lines []string) {
	for _, o := range objects {
		for _, at := range slices.SortedFunc(slices.Values(o.Unknown), slices.Compare) {
			if slices.Contains(at, "env") {
				continue // no rule reads it
			}
			line := fmt.Sprintf(
				"%s (%s): %s is not known before the update, or secret, and was not judged", o, o.Source,
				strings.Join(at, "."),
			)
			if places(at) {
				line += "; nor was what depends on which objects find each other"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// finders are fields by which objects find each other, or by which others judge what they found.
var finders = []string{
	"labels",
	"matchLabels",
	"matchExpressions",
	"labelSelector",
	"orLabelSelectors",
	"selector",
	"targetRef",
	"scaleTargetRef",
	"labelSelectors",
	"includedNamespaces",
	"namespaces",
	"replicas",
	"minReplicas",
}

// wholes hold such fields, so that nothing is known of them where one is unknown as a whole.
var wholes = []string{"metadata", "spec", "template", "jobTemplate"}

// places says whether others are found by an unknown field, or it by others.
func places(at []string) bool {
	last := at[len(at)-1]
	if last == "name" || last == "namespace" {
		return len(at) == 2 && at[0] == "metadata" ||
			len(at) > 2 && (at[len(at)-3] == "containers" || slices.Contains(finders, at[len(at)-2]))
	}
	return slices.Contains(wholes, last) ||
		slices.ContainsFunc(at, func(key string) bool { return slices.Contains(finders, key) })
}

// sure takes away findings that what is unknown, or of a wrong type, may have caused.
func sure(objects Set, found []Finding) []Finding {
	unknown, mistyped := map[string][][]string{}, map[string][][]string{}
	placeless := false
	for _, o := range objects {
		unknown[key(o)] = append(unknown[key(o)], o.Unknown...)
		placeless = placeless || slices.ContainsFunc(o.Unknown, places)
		for _, m := range o.Mistyped {
			mistyped[key(o)] = append(mistyped[key(o)], m.Path)
		}
	}
	return slices.DeleteFunc(found, func(f Finding) bool {
		about := func(at []string) bool {
			n := min(len(at), len(f.Path))
			return slices.Equal(at[:n], f.Path[:n])
		}
		return f.Rule.relates && placeless || slices.ContainsFunc(unknown[key(f.Object)], about) ||
			f.Rule.ID != ruleTypes && slices.ContainsFunc(mistyped[key(f.Object)], about)
	})
}
