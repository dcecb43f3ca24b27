package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
	"github.com/opex-project/opex/internal/review"
)

// source is a file.
type source struct {
	name string
	data []byte
}

// part is one document of a file, with the line of --- before it.
type part struct {
	source
	line int // its first, from 1
	at   int // its first byte
	text []byte
}

// parts cuts a file into its documents. Nothing but the mark of a document begins a line with --- in a file of objects.
func (s source) parts() []part {
	parts := []part{{source: s, line: 1}}
	at, number := 0, 1
	for line := range bytes.Lines(s.data) {
		if mark, is := bytes.CutPrefix(line, []byte("---")); is && (len(mark) == 0 || bytes.ContainsAny(mark[:1], " \t\r\n")) && at > 0 {
			parts = append(parts, part{source: s, line: number, at: at})
		}
		at, number = at+len(line), number+1
	}
	for i := range parts {
		end := len(s.data)
		if i+1 < len(parts) {
			end = parts[i+1].at
		}
		parts[i].text = s.data[parts[i].at:end]
	}
	return parts
}

// node is the document with the lines of the file; nil where there is nothing in it.
func (p part) node() (*yaml.Node, error) {
	var document, second yaml.Node
	from := yaml.NewDecoder(bytes.NewReader(p.text))
	err := from.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		err = from.Decode(&second)
	}
	switch {
	case err == nil:
		return nil, fmt.Errorf("yaml: line %d: another document begins without a line of ---", p.line+second.Line-1)
	case !errors.Is(err, io.EOF):
		// Once more, with the lines before it as empty ones, for the line that the error names.
		if wrong := yaml.Unmarshal(append(bytes.Repeat([]byte("\n"), p.line-1), p.text...), &second); wrong != nil {
			err = wrong
		}
		return nil, err
	}
	shift(&document, p.line-1)
	return &document, nil
}

func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, c := range n.Content {
		shift(c, lines)
	}
}

// mostLines is how long a document may be to be edited: each finding reads it again.
const mostLines = 5000

// change edits the object that stands in the document at a path, and returns what of the file a diff looks at, before and after, with the number of
// its first line; nil where the object cannot be edited without touching anything else. What comes out was read back and compared with what was meant.
func (p part) change(at []string, edits []review.Edit) (before, after []byte, first int) {
	if bytes.Contains(p.text, []byte("\r")) || bytes.Count(p.text, []byte("\n")) > mostLines {
		return nil, nil, 0
	}
	text := manifest(p.text)
	want, is := text.tree().(map[string]any)
	if !is {
		return nil, nil, 0
	}
	for _, e := range edits {
		path := append(slices.Clone(at), e.Path...)
		want = review.Apply(want, []review.Edit{{Path: path, Value: e.Value}})
		if text, is = text.with(path, e.Value); !is {
			return nil, nil, 0
		}
	}
	if !reflect.DeepEqual(pruned(want), pruned(text.tree())) {
		return nil, nil, 0
	}
	// The document, and the lines around it that a diff shows.
	from, end, first := p.at, p.at+len(p.text), p.line
	to := end
	for range stackfile.ContextLines {
		if from > 0 {
			from, first = bytes.LastIndexByte(p.data[:from-1], '\n')+1, first-1
		}
		if i := bytes.IndexByte(p.data[to:], '\n'); i >= 0 {
			to += i + 1
		} else {
			to = len(p.data)
		}
	}
	return p.data[from:to], slices.Concat(p.data[from:p.at], text, p.data[end:to]), first
}

// pruned is a value without what is empty in it: an edit takes a key away with its last value.
func pruned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, inner := range v {
			if inner = pruned(inner); inner != nil {
				m[key] = inner
			}
		}
		if len(m) == 0 {
			return nil
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, inner := range v {
			l[i] = pruned(inner)
		}
		return l
	}
	return value
}
