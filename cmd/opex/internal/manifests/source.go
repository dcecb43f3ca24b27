package manifests

import (
	"bytes"
	"reflect"
	"slices"

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

// mostLines is how long a document may be to be edited: each finding reads it again.
const mostLines = 5000

// change returns the file before and after edits of the object that stands in the document at a path; nil where it cannot be edited without
// touching anything else. What comes out was read back and compared with what was meant.
func (p part) change(at []string, edits []review.Edit) (before, after []byte) {
	if bytes.Contains(p.text, []byte("\r")) || bytes.Count(p.text, []byte("\n")) > mostLines {
		return nil, nil
	}
	text := manifest(p.text)
	want, is := text.tree().(map[string]any)
	if !is {
		return nil, nil
	}
	for _, e := range edits {
		path := append(slices.Clone(at), e.Path...)
		want = review.Apply(want, []review.Edit{{Path: path, Value: e.Value}})
		if text, is = text.with(path, e.Value); !is {
			return nil, nil
		}
	}
	if !reflect.DeepEqual(pruned(want), pruned(text.tree())) {
		return nil, nil
	}
	return p.data, slices.Concat(p.data[:p.at], text, p.data[p.at+len(p.text):])
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
