package manifests

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// manifest is the text of one document. Its edits leave every other byte as it is, as those of stackfile do for stack
// files, which know what they edit; here any field may be meant, so an edit that is not understood is refused rather
// than tried.
type manifest []byte

func (m manifest) root() *yaml.Node {
	from := yaml.NewDecoder(bytes.NewReader(m))
	var document, second yaml.Node
	if from.Decode(&document) != nil || !errors.Is(from.Decode(&second), io.EOF) || len(document.Content) != 1 {
		return nil
	}
	return document.Content[0]
}

// tree is the document as JSON has it; nil where it is none.
func (m manifest) tree() any {
	root := m.root()
	if root == nil {
		return nil
	}
	v, err := value(root)
	if err != nil {
		return nil
	}
	return v
}

// pair is a value on the way to a field, with its key, which a document and the items of a list have none of.
type pair struct{ key, value *yaml.Node }

// way returns what there is of a path, the root first.
func way(root *yaml.Node, path []string) []pair {
	found := []pair{{nil, root}}
	for _, name := range path {
		at := found[len(found)-1].value
		next := pair{nil, child(at, name)}
		if next.value == nil {
			break
		}
		if at.Kind == yaml.MappingNode {
			for i := 0; i < len(at.Content); i += 2 {
				if at.Content[i+1] == next.value {
					next.key = at.Content[i]
				}
			}
		}
		found = append(found, next)
	}
	return found
}

// with returns the document with a field set, or taken away where the value is nil. False: that cannot be done without
// touching anything else.
func (m manifest) with(path []string, value any) (manifest, bool) {
	root := m.root()
	if root == nil {
		return nil, false
	}
	there := way(root, path)
	missing := path[len(there)-1:]
	if value == nil && len(missing) > 0 {
		return m, true
	}
	for i, p := range there {
		if p.value.Kind == yaml.AliasNode || p.value.Anchor != "" {
			return nil, false // it is somebody else's too
		}
		if p.value.Style&yaml.FlowStyle != 0 {
			return m.rewrite(p.value, path[i:], value)
		}
	}
	last := there[len(there)-1]
	switch {
	case value == nil:
		return m.without(there)
	case len(missing) > 0:
		return m.insert(last.value, missing, value)
	case last.key == nil || !m.begins(last.key):
		return nil, false
	case last.value.Kind == yaml.ScalarNode && last.value.Line == last.key.Line && scalar(value):
		return m.replace(last.value, value)
	}
	text := m.indent(last.key) + render(last.key.Value) + ": " + render(value) + "\n"
	return m.lines(last.key.Line, lastLine(last.value), text), true
}

// rewrite changes a value that is written in braces or brackets on one line.
func (m manifest) rewrite(n *yaml.Node, path []string, value any) (manifest, bool) {
	from := m.offset(n)
	size := closing(m.rest(from))
	if size == 0 || !put(n, path, value) {
		return nil, false
	}
	return m.cut(from, from+size, flow(n)), true
}

// put changes a tree of nodes.
func put(n *yaml.Node, path []string, value any) bool {
	if len(path) == 0 {
		var next yaml.Node
		if next.Encode(value) != nil {
			return false
		}
		*n = next
		return true
	}
	if next := child(n, path[0]); next != nil && (value != nil || len(path) > 1) {
		return put(next, path[1:], value)
	}
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == path[0] {
			n.Content = append(n.Content[:i], n.Content[i+2:]...)
			return true
		}
	}
	next := &yaml.Node{Kind: yaml.MappingNode}
	if !put(next, path[1:], value) {
		return false
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: path[0]}, next)
	return true
}

// without takes a key away, and those above it that would be left empty.
func (m manifest) without(there []pair) (manifest, bool) {
	for i := len(there) - 1; i > 0; i-- {
		p, above := there[i], there[i-1].value
		if p.key == nil || !m.begins(p.key) {
			return nil, false
		}
		if len(above.Content) > 2 {
			return m.lines(p.key.Line, lastLine(p.value), ""), true
		}
	}
	return nil, false
}

// insert puts keys, each in the one before, after the last line of a mapping.
func (m manifest) insert(into *yaml.Node, keys []string, value any) (manifest, bool) {
	if into.Kind != yaml.MappingNode || len(into.Content) == 0 {
		return nil, false
	}
	indent := strings.Repeat(" ", into.Content[0].Column-1)
	var text strings.Builder
	for i, key := range keys {
		if _, err := strconv.Atoi(key); err == nil {
			return nil, false // of a list
		}
		text.WriteString(indent + strings.Repeat("  ", i) + render(key) + ":")
		if i < len(keys)-1 {
			text.WriteString("\n")
		}
	}
	text.WriteString(" " + render(value) + "\n")
	after := lastLine(into)
	return m.lines(after+1, after, text.String()), true
}

// replace puts another scalar in the place of one that is written on one line.
func (m manifest) replace(n *yaml.Node, value any) (manifest, bool) {
	from := m.offset(n)
	size := len(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		size = closing(m.rest(from))
	}
	if size == 0 || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || from+size > len(m) {
		return nil, false
	}
	return m.cut(from, from+size, render(value)), true
}

func (m manifest) cut(from, to int, text string) manifest {
	return append(append(append(manifest{}, m[:from]...), text...), m[to:]...)
}

// lines puts a text in the place of lines, from the first to the last.
func (m manifest) lines(first, last int, text string) manifest {
	from, to := m.start(first), m.start(last+1)
	if from > 0 && m[from-1] != '\n' { // the last line of the file has no end
		text = "\n" + strings.TrimSuffix(text, "\n")
	}
	return m.cut(from, to, text)
}

// start is where a line begins, in bytes; after the last one: where the text ends.
func (m manifest) start(line int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(m[at:], '\n')
		if i < 0 {
			return len(m)
		}
		at += i + 1
	}
	return at
}

// offset is where a node begins, in bytes. Columns count characters.
func (m manifest) offset(n *yaml.Node) int {
	at := m.start(n.Line)
	for range n.Column - 1 {
		_, width := utf8.DecodeRune(m[at:])
		at += width
	}
	return at
}

// rest is the text from an offset to the end of its line.
func (m manifest) rest(offset int) string {
	text, _, _ := strings.Cut(string(m[offset:]), "\n")
	return text
}

// indent is what stands before a node on its line.
func (m manifest) indent(n *yaml.Node) string { return string(m[m.start(n.Line):m.offset(n)]) }

// begins says that nothing but space stands before a node on its line.
func (m manifest) begins(n *yaml.Node) bool { return strings.TrimSpace(m.indent(n)) == "" }

// lastLine is the line on which a value ends. Of a text of several lines that is a guess, which is found out when the
// edit is read back.
func lastLine(n *yaml.Node) int {
	last := n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		last += strings.Count(strings.TrimRight(n.Value, "\n"), "\n") + 1
	}
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// closing is the length of the quoted text, or of the braces or brackets, that a line begins with; 0: they are not
// closed on it.
func closing(text string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if quote == 0 && depth == 0 {
			return i + 1
		}
	}
	return 0
}

func scalar(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// render is a value on one line.
func render(value any) string {
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		return ""
	}
	return flow(&n)
}

func flow(n *yaml.Node) string {
	inFlow(n)
	text, err := yaml.Marshal(n)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

func inFlow(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", "" // they stand beside it, and stay
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style |= yaml.FlowStyle
	}
	for _, c := range n.Content {
		inFlow(c)
	}
}
