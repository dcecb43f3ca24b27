package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// mostBytes is the largest document that is read as one object. The API server takes requests of 3 MiB, etcd objects of
// 1.5 MiB.
const mostBytes = 4 << 20

// source is a file, as parts that make it up without a gap. Edits change the parts.
type source struct {
	name  string
	data  []byte
	parts []*part
	last  *part      // the part that was read last as nodes, before any edit
	root  *yaml.Node // of it
}

// part is one document of a file, with the line of --- before it, or one item of a list in it.
type part struct {
	of   *source
	line int    // its first, from 1, in the file as it was read
	text []byte // as it is after the edits so far
	size int    // of the text as it was read, in bytes
	rows int    // line ends in the text
	kind partKind
}

// partKind is what a part of a file is.
type partKind int

const (
	whole partKind = iota // a document
	item                  // an item of a list: it begins with a dash, which stands for a space in the object's own text
	frame                 // what of a list stands around its items
)

// cut adds the text up to an offset as the next part.
func (s *source) cut(from, to, line int, kind partKind) *part {
	p := &part{of: s, line: line, text: s.data[from:to:to], size: to - from, kind: kind}
	p.rows = bytes.Count(p.text, []byte("\n"))
	s.parts = append(s.parts, p)
	return p
}

// split cuts a file of YAML into its documents, and lists as kubectl writes them into their items. Nothing but the mark
// of a document begins a line with --- in a file of objects, and nothing but an item one with a dash in a list of them.
func (s *source) split() {
	from, at, line, first := 0, 0, 1, 1
	kind := whole
	next := func(then partKind) {
		if at > from {
			s.cut(from, at, first, kind)
		}
		from, first, kind = at, line, then
	}
	for text := range bytes.Lines(s.data) {
		mark, is := bytes.CutPrefix(text, []byte("---"))
		switch {
		case is && (len(mark) == 0 || bytes.ContainsAny(mark[:1], " \t\r\n")) && at > 0:
			next(whole)
		case kind == whole && string(bytes.TrimRight(text, " \r\n")) == "items:" && isList(s.data[from:]):
			kind = frame
		case kind != whole && bytes.HasPrefix(text, []byte("- ")):
			next(item)
		case kind == item && !bytes.ContainsAny(text[:1], " \t\r\n#"):
			next(frame)
		}
		at, line = at+len(text), line+1
	}
	next(whole)
}

// isList says whether the document that a text begins with is a list of objects that say what they are.
func isList(text []byte) bool {
	if end := bytes.Index(text[1:], []byte("\n---")); end >= 0 {
		text = text[:end+2]
	}
	return bytes.Contains(append([]byte("\n"), text...), []byte("\nkind: List\n"))
}

// object is the part's text as a document of its own.
func (p *part) object() []byte {
	if p.kind != item {
		return p.text
	}
	return append([]byte{' '}, p.text[1:]...)
}

// put takes an edited text of the object.
func (p *part) put(text []byte) {
	if p.kind == item {
		text = append([]byte{'-'}, text[1:]...)
	}
	p.text, p.rows = text, bytes.Count(text, []byte("\n"))
}

// node is the document with the lines of the file; nil where there is nothing in it.
func (p *part) node() (*yaml.Node, error) {
	if len(p.text) > mostBytes {
		return nil, fmt.Errorf(
			"line %d: this document has %d bytes, and none that the API server takes has more than %d: not read",
			p.line, len(p.text), mostBytes,
		)
	}
	var document, second yaml.Node
	from := yaml.NewDecoder(bytes.NewReader(p.object()))
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
		if wrong := yaml.Unmarshal(append(bytes.Repeat([]byte("\n"), p.line-1), p.object()...), &second); wrong != nil {
			err = wrong
		}
		return nil, err
	}
	shift(&document, p.line-1)
	if document.Kind == yaml.DocumentNode && len(document.Content) == 1 {
		return document.Content[0], nil
	}
	return &document, nil
}

func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, c := range n.Content {
		shift(c, lines)
	}
}

// place is where an object stands: in a part, at a path of it.
type place struct {
	part *part
	at   []string
}

// line is where a field of the object stands, or the last that there is on the way to it. It reads the part again, and
// remembers one: findings come in the order of the objects, and the nodes of all objects take more room than the
// objects.
func (p place) line(path []string) int {
	of := p.part.of
	if of.last != p.part {
		root, err := p.part.node()
		if err != nil {
			root = nil
		}
		of.last, of.root = p.part, root
	}
	root := of.root
	if root == nil {
		return p.part.line
	}
	for _, key := range p.at {
		if next := child(root, key); next != nil {
			root = next
		}
	}
	found := root.Line
	for _, key := range path {
		if root = child(root, key); root == nil {
			break
		}
		found = root.Line
	}
	return found
}
