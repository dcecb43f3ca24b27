// Package manifests reads Kubernetes objects before they reach a cluster: from files of YAML or JSON, and from previews of Pulumi.
package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/internal/review"
)

// StandardInput is the source of what is read from there.
const StandardInput = "standard input"

// ErrNone is in the error of a file that can be read and is no manifest, as values.yaml and package.json are none.
var ErrNone = errors.New("holds no Kubernetes object")

// Read returns the objects of a file: documents of YAML or JSON, lists of Kubernetes taken apart, or what `pulumi preview --json` prints.
// Documents with neither kind nor apiVersion are passed over, as values files are; one of the two alone is an error, since the object would
// be reviewed by nobody. A file without any object is an error.
func Read(name string, data []byte) (review.Set, error) {
	var all review.Set
	var strange error // a document that is no object
	whole := source{name, data}
	for _, part := range whole.parts() {
		document, err := part.node()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if document == nil {
			continue
		}
		fields, err := plain(document)
		if err != nil {
			strange = errors.Join(strange, fmt.Errorf("%s, line %d: %w", name, document.Line, err))
			continue
		}
		if steps, is := fields["steps"].([]any); is && fields["kind"] == nil {
			all = append(all, planned(name, steps)...)
			continue
		}
		found, err := objects(part, fields, document, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	switch {
	case len(all) > 0:
		return all, strange
	case strange != nil:
		return nil, fmt.Errorf("%w: %w", strange, ErrNone)
	}
	return nil, fmt.Errorf("%s: %w", name, ErrNone)
}

// plain is a document as JSON has it.
func plain(document *yaml.Node) (map[string]any, error) {
	var value any
	if err := document.Decode(&value); err != nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, errors.New("is no object")
	}
	return fields, nil
}

// objects are those of a document, or of what stands in it at a path.
func objects(from part, fields map[string]any, document *yaml.Node, at []string) (review.Set, error) {
	root := document
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		root = root.Content[0]
	}
	kind, version := fmt.Sprint(fields["kind"]), fmt.Sprint(fields["apiVersion"])
	if items, is := fields["items"].([]any); is && strings.HasSuffix(kind, "List") {
		var all review.Set
		for i, item := range items {
			inner, is := item.(map[string]any)
			if !is {
				return nil, fmt.Errorf("%s, line %d: item %d of the %s is no object", from.name, root.Line, i, kind)
			}
			if own := strings.TrimSuffix(kind, "List"); own != "" && inner["kind"] == nil && inner["apiVersion"] == nil { // as the API server sends them
				inner["kind"], inner["apiVersion"] = own, version
			}
			found, err := objects(from, inner, child(child(root, "items"), fmt.Sprint(i)), append(slices.Clone(at), "items", fmt.Sprint(i)))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	if missing := incomplete(fields); missing != "" && filepath.Base(from.name) != "Chart.yaml" { // Helm's own has a version of itself
		return nil, fmt.Errorf("%s, line %d: %s, so that it is no Kubernetes object and no other file either", from.name, root.Line, missing)
	}
	if fields["kind"] == nil || fields["apiVersion"] == nil {
		return nil, nil
	}
	o := review.Object{Fields: fields, Source: from.name, Line: func(path []string) int { return line(root, path) }}
	if from.name != StandardInput {
		o.Change = func(edits []review.Edit) (before, after []byte, first int) { return from.change(at, edits) }
	}
	return review.Set{o}, nil
}

// incomplete says which of kind and apiVersion is missing where the other is there, or is written differently.
func incomplete(fields map[string]any) string {
	var have, lack []string
	for _, key := range []string{"kind", "apiVersion"} {
		if value, is := fields[key].(string); is && value != "" {
			have = append(have, key)
			continue
		}
		lack = append(lack, "has no "+key)
		for other := range fields {
			if other != key && strings.EqualFold(other, key) {
				have = append(have, other)
				lack[len(lack)-1] = fmt.Sprintf("has %s, which is written %s", other, key)
			}
		}
	}
	if len(have) == 0 || len(lack) == 0 {
		return ""
	}
	return strings.Join(lack, " and ")
}

// line is where a field stands, or the last that there is on the way to it.
func line(at *yaml.Node, path []string) int {
	found := at.Line
	for _, key := range path {
		if at = child(at, key); at == nil {
			break
		}
		found = at.Line
	}
	return found
}

// child is the value of a key or of an index; nil where there is none.
func child(of *yaml.Node, key string) *yaml.Node {
	if of == nil {
		return nil
	}
	switch of.Kind {
	case yaml.AliasNode:
		return child(of.Alias, key)
	case yaml.MappingNode:
		for i := 0; i+1 < len(of.Content); i += 2 {
			if of.Content[i].Value == key {
				return of.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for i, item := range of.Content {
			if fmt.Sprint(i) == key {
				return item
			}
		}
	}
	return nil
}

// planned are the objects that a preview would leave in the cluster. One that is replaced has several steps, and is one object.
func planned(name string, steps []any) review.Set {
	var all review.Set
	place := map[string]int{}
	for _, s := range steps {
		step, _ := s.(map[string]any)
		state, _ := step["newState"].(map[string]any)
		token, _ := state["type"].(string)
		inputs, _ := state["inputs"].(map[string]any)
		kind, _ := inputs["kind"].(string)
		version, _ := inputs["apiVersion"].(string)
		if !strings.HasPrefix(token, "kubernetes:") || kind == "" || version == "" || !review.Reviewed(version, kind) {
			continue
		}
		urn, _ := state["urn"].(string)
		parts := strings.Split(urn, "::")
		o := review.Planned(inputs, name+": "+parts[len(parts)-1])
		if i, is := place[urn]; is {
			all[i] = o
			continue
		}
		place[urn] = len(all)
		all = append(all, o)
	}
	return all
}
