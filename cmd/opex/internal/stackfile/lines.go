package stackfile

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// lineToFollow is the line after which a new key of a block can stand: the last one whose value ends there beyond
// doubt. Never before a key: the comment above that key would be taken from it.
func (d *document) lineToFollow(m *mapping) (int, error) {
	for i := len(m.Content) - 1; i > 0; i -= 2 {
		if line, sure := d.lastLine(m.Content[i]); sure {
			return line, nil
		}
	}
	return 0, fmt.Errorf(
		"line %d: no value here is written on one line, so there is no safe place for another key", m.Line,
	)
}

// lastLine is the line on which a value ends, and whether that is sure.
func (d *document) lastLine(n *yaml.Node) (int, bool) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return n.Line, d.onOneLine(n)
	case n.Kind == yaml.AliasNode:
		return n.Line, true
	case n.Style&yaml.FlowStyle != 0:
		return n.Line, closes(d.rest(d.offset(n)))
	case len(n.Content) == 0:
		return 0, false
	}
	return d.lastLine(n.Content[len(n.Content)-1])
}

func (d *document) onOneLine(n *yaml.Node) bool {
	text := d.rest(d.offset(n))
	switch n.Style {
	case 0:
		return strings.HasPrefix(text, n.Value)
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		return closes(text)
	}
	return false
}

// closes says that the quotes or brackets that a text starts with are closed within it.
func closes(text string) bool {
	depth := 0
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
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
			return true
		}
	}
	return false
}
