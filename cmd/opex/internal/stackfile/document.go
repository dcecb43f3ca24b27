package stackfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const (
	servicesKey    = "opex:services"
	environmentKey = "opex:environment"
)

// document is a YAML file with its text and its nodes, which say by line and column where each value stands.
type document struct {
	data   []byte
	starts []int // of each line, in bytes
	eol    string
	root   *mapping
}

// mapping is a node of keys and values.
type mapping yaml.Node

// oddBreaks are line breaks to YAML, but not to editors and diffs: lines would be counted differently.
var oddBreaks = regexp.MustCompile("\r[^\n]|\r$|\u0085|\u2028|\u2029")

func parse(file File) (*document, error) {
	d := &document{data: file.Data, starts: []int{0}, eol: "\n"}
	switch {
	case !utf8.Valid(file.Data):
		return nil, errors.New("is not UTF-8 text")
	case oddBreaks.Match(file.Data):
		return nil, errors.New("holds line breaks other than LF and CRLF")
	case bytes.Contains(file.Data, []byte("\r\n")):
		d.eol = "\r\n"
	}
	for i, b := range file.Data {
		if b == '\n' {
			d.starts = append(d.starts, i+1)
		}
	}
	from := yaml.NewDecoder(bytes.NewReader(file.Data))
	var content, second yaml.Node
	if err := from.Decode(&content); err != nil {
		return nil, fmt.Errorf("is no YAML: %w", err)
	}
	if err := from.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one YAML document")
	}
	if d.root = asMapping(content.Content[0]); d.root == nil {
		return nil, errors.New("is no object of keys and values")
	}
	for i := 0; i < len(d.config().pairs()); i += 2 {
		if key := d.config().pairs()[i]; key.ShortTag() != "!!str" {
			return nil, fmt.Errorf("has a key in config that is no text (line %d)", key.Line)
		}
	}
	return d, content.Decode(&map[string]any{}) // refuses a key that stands twice
}

// tree returns the decoded file. It was decoded before, so nothing can fail.
func (d *document) tree() any {
	var tree map[string]any
	_ = yaml.Unmarshal(d.data, &tree)
	return tree
}

func (d *document) config() *mapping { return asMapping(d.root.get("config")) }

func (d *document) checkEnvironment(want string) error {
	for i := 0; i < len(d.config().pairs()); i += 2 {
		if key := d.config().pairs()[i].Value; strings.HasPrefix(key, "opex:config:") {
			return fmt.Errorf(
				"%s is written in Pulumi's old form; write %s", key, strings.Replace(key, "config:", "", 1),
			)
		}
	}
	is := d.config().get(environmentKey)
	switch {
	case is == nil:
		return fmt.Errorf("is missing: this file cannot be told to belong to the stack, which is %s", want)
	case is.Kind != yaml.ScalarNode || is.Value != want:
		return fmt.Errorf("is %q, the stack's outputs are of %q: this file belongs to another stack", is.Value, want)
	}
	return nil
}

// replace returns the document with another text in place of what stands between two offsets.
func (d *document) replace(from, to int, text string) (*document, error) {
	data := append(append(append([]byte{}, d.data[:from]...), text...), d.data[to:]...)
	edited, err := parse(File{Data: data})
	if err != nil {
		return nil, fmt.Errorf("with the change in it, the file %w", err)
	}
	return edited, nil
}

// insertAfter returns the document with whole lines after a line, which is counted from 1.
func (d *document) insertAfter(line int, lines []string) (*document, error) {
	text := strings.Join(lines, d.eol)
	if line == len(d.starts) { // the last line, and it has no end
		return d.replace(len(d.data), len(d.data), d.eol+text)
	}
	at := d.starts[line]
	return d.replace(at, at, text+d.eol)
}

// offset is where a node starts, in bytes. Columns count characters.
func (d *document) offset(n *yaml.Node) int {
	at := d.starts[n.Line-1]
	for range n.Column - 1 {
		_, width := utf8.DecodeRune(d.data[at:])
		at += width
	}
	return at
}

// rest is the text from an offset to the end of its line.
func (d *document) rest(offset int) string {
	text, _, _ := bytes.Cut(d.data[offset:], []byte("\n"))
	return strings.TrimSuffix(string(text), "\r")
}

func asMapping(n *yaml.Node) *mapping {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	return (*mapping)(n)
}

func (m *mapping) pairs() []*yaml.Node {
	if m == nil {
		return nil
	}
	return m.Content
}

func (m *mapping) get(key string) *yaml.Node {
	pairs := m.pairs()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i].Value == key {
			return pairs[i+1]
		}
	}
	return nil
}

// indent is the number of spaces before the keys of a block.
func (m *mapping) indent() int { return m.Content[0].Column - 1 }

func (m *mapping) isFlow() bool { return m.Style&yaml.FlowStyle != 0 }
