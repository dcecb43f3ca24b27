package stackfile

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// withDefaultServices returns the document with the project's default services in it.
func (d *document) withDefaultServices(project File) (*document, error) {
	list, err := defaultServices(project)
	if err != nil {
		return nil, err
	}
	if d.config().isFlow() {
		return nil, errors.New("is missing, and `config` is written in braces: write it as a block first")
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(d.step())
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: servicesKey}
	if err := encoder.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, list}}); err != nil {
		return nil, err
	}
	indent := strings.Repeat(" ", d.config().indent())
	lines := []string{indent + "# A stack's list replaces that of " + filepath.Base(project.Path) + " as a whole."}
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = indent + line
		}
		lines = append(lines, line)
	}
	line, err := d.lineToFollow(d.config())
	if err != nil {
		return nil, err
	}
	edited, err := d.insertAfter(line, lines)
	if err != nil {
		return nil, err
	}
	var want any
	if err := list.Decode(&want); err != nil {
		return nil, err
	}
	old := d.tree()
	old.(map[string]any)["config"].(map[string]any)[servicesKey] = want
	if !reflect.DeepEqual(old, edited.tree()) {
		return nil, errors.New("is missing, and copying the default would change other values too: copy it by hand")
	}
	return edited, nil
}

// defaultServices finds the list in the project's file: the default of a key with a type, or its plain value.
func defaultServices(project File) (*yaml.Node, error) {
	who := fmt.Sprintf("is missing, and its default in %s", project.Path)
	doc, err := parse(project)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: the file %w", who, err)
	}
	node := doc.config().get("services")
	if node == nil {
		node = doc.config().get(servicesKey)
	}
	for _, key := range []string{"default", "value"} {
		if below := asMapping(node).get(key); below != nil {
			node = below
		}
	}
	if node == nil || node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		return nil, fmt.Errorf("%s is no list of services", who)
	}
	if line := shared(node); line != 0 {
		return nil, fmt.Errorf("%s uses an anchor or an alias on line %d: copy it by hand", who, line)
	}
	return node, nil
}

// shared is the line of an anchor or alias at or below a node, or 0.
func shared(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n.Line
	}
	for _, child := range n.Content {
		if line := shared(child); line != 0 {
			return line
		}
	}
	return 0
}
