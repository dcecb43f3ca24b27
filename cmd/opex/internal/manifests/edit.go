package manifests

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
	"github.com/opex-project/opex/internal/review"
)

// A document may have this many lines and bytes to be edited: an edit reads it again, and a diff takes room by the
// square of its lines.
const mostLines, mostEdited = 2000, 256 << 10

// edit changes the object in its file as it is after all edits before, and returns the change as a diff of the file. It
// is empty where the object cannot be edited without touching anything else. What comes out was read back and compared
// with what was meant.
func (at place) edit(edits []review.Edit) string {
	p := at.part
	if p == nil || p.of.name == StandardInput || bytes.Contains(p.text, []byte("\r")) || p.rows > mostLines ||
		len(p.text) > mostEdited {
		return ""
	}
	text := manifest(p.object())
	want := text.tree()
	for _, e := range edits {
		path := append(slices.Clone(at.at), e.Path...)
		if _, is := want.(map[string]any); !is {
			return ""
		}
		want = review.Apply(want.(map[string]any), []review.Edit{{Path: path, Value: e.Value}})
		var is bool
		if text, is = text.with(path, e.Value); !is {
			return ""
		}
	}
	got := text.tree()
	if p.kind == item && (len(text) == 0 || text[0] != ' ') || !reflect.DeepEqual(pruned(want), pruned(got)) {
		return ""
	}
	before, old := p.around()
	p.put(text)
	_, edited := p.around()
	return stackfile.DiffFrom(before, patchPath(p.of.name), old, edited)
}

// around is a part with the lines around it that a diff shows, and the number of the first.
func (p *part) around() (first int, text []byte) {
	at := slices.Index(p.of.parts, p)
	first = 1
	for _, earlier := range p.of.parts[:at] {
		first += earlier.rows
	}
	var head, tail []byte
	for i := at - 1; i >= 0 && bytes.Count(head, []byte("\n")) < stackfile.ContextLines; i-- {
		head = append(slices.Clone(p.of.parts[i].text), head...)
	}
	lines := slices.Collect(bytes.Lines(head))
	lines = lines[max(0, len(lines)-stackfile.ContextLines):]
	head = bytes.Join(lines, nil)
	for i := at + 1; i < len(p.of.parts) && bytes.Count(tail, []byte("\n")) < stackfile.ContextLines; i++ {
		tail = append(tail, p.of.parts[i].text...)
	}
	lines = slices.Collect(bytes.Lines(tail))
	tail = bytes.Join(lines[:min(len(lines), stackfile.ContextLines)], nil)
	return first - bytes.Count(head, []byte("\n")), slices.Concat(head, p.text, tail)
}

// patch is the change of a whole file by all edits.
func (s *source) patch() string {
	var parts [][2][]byte
	at := 0
	for _, p := range s.parts {
		end := at + p.size
		parts = append(parts, [2][]byte{s.data[at:end], p.text})
		at = end
	}
	return stackfile.DiffParts(patchPath(s.name), parts)
}

// patchPath is a file's path from the root of its repository, where it is in one; from the working folder, where it is
// below it; else from the root of the file system. There `git apply` and `patch -p1` take the diff.
func patchPath(name string) string {
	full, err := filepath.Abs(name)
	if err != nil {
		return filepath.ToSlash(name)
	}
	roots := []string{}
	for folder := filepath.Dir(full); ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, ".git")); err == nil {
			roots = append(roots, folder)
			break
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	if here, err := os.Getwd(); err == nil {
		roots = append(roots, here)
	}
	for _, root := range roots {
		if below, err := filepath.Rel(root, full); err == nil && filepath.IsLocal(below) {
			return filepath.ToSlash(below)
		}
	}
	return filepath.ToSlash(full)[1:]
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
