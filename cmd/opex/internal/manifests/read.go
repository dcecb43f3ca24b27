// Package manifests reads Kubernetes objects before they reach a cluster: from files of YAML or JSON, and from previews of Pulumi.
package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/internal/review"
)

// Read returns the objects of a file: documents of YAML or JSON, lists of Kubernetes taken apart, or what `pulumi preview --json` prints.
// Documents without a kind are passed over, as values files are; a file without any object is an error.
func Read(name string, data []byte) (review.Set, error) {
	var all review.Set
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		fields, err := plain(&document)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, document.Line, err)
		}
		if steps, is := fields["steps"].([]any); is && fields["kind"] == nil {
			all = append(all, planned(name, steps)...)
			continue
		}
		all = append(all, objects(name, fields, &document)...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: holds no Kubernetes object", name)
	}
	return all, nil
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

func objects(name string, fields map[string]any, document *yaml.Node) review.Set {
	root := document
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		root = root.Content[0]
	}
	kind, _ := fields["kind"].(string)
	if items, is := fields["items"].([]any); is && strings.HasSuffix(kind, "List") {
		var all review.Set
		for i, item := range items {
			if inner, is := item.(map[string]any); is {
				all = append(all, objects(name, inner, child(child(root, "items"), fmt.Sprint(i)))...)
			}
		}
		return all
	}
	if kind == "" || fields["apiVersion"] == nil {
		return nil
	}
	return review.Set{{Fields: fields, Source: name, Line: func(path []string) int { return line(root, path) }}}
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

// planned are the objects that a preview would leave in the cluster.
func planned(name string, steps []any) review.Set {
	var all review.Set
	for _, s := range steps {
		step, _ := s.(map[string]any)
		state, _ := step["newState"].(map[string]any)
		kind, _ := state["type"].(string)
		inputs, _ := state["inputs"].(map[string]any)
		if !strings.HasPrefix(kind, "kubernetes:") || inputs["kind"] == nil || inputs["apiVersion"] == nil {
			continue
		}
		if version, _ := inputs["apiVersion"].(string); !review.Reviewed(version, fmt.Sprint(inputs["kind"])) {
			continue
		}
		urn, _ := state["urn"].(string)
		parts := strings.Split(urn, "::")
		all = append(all, review.Planned(inputs, name+": "+parts[len(parts)-1]))
	}
	return all
}
