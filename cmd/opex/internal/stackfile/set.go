package stackfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// set returns the document with one setting in it, and a note where the file said something else than the cluster.
func (d *document) set(s Setting) (*document, string, error) {
	list := d.config().get(servicesKey)
	switch {
	case asMapping(list).get("secure") != nil:
		return nil, "", fmt.Errorf(
			"%s is encrypted as a whole; change it with `pulumi config set --secret`", servicesKey,
		)
	case list.Kind != yaml.SequenceNode:
		return nil, "", fmt.Errorf("%s is no list", servicesKey)
	}
	if err := plain(list); err != nil {
		return nil, "", err
	}
	here, err := entry(list, s.Service)
	if err != nil {
		return nil, "", err
	}
	inBlock := list.Style&yaml.FlowStyle == 0
	for i, key := range s.Keys {
		child := here.get(key)
		if child == nil {
			edited, err := d.insert(here, s.Keys[i:], s.To)
			return edited, "", err
		}
		if err := plain(child); err != nil {
			return nil, "", err
		}
		if i == len(s.Keys)-1 {
			return d.setScalar(child, s)
		}
		below := asMapping(child)
		if below == nil {
			return nil, "", fmt.Errorf("%s is no object of keys and values", strings.Join(s.Keys[:i+1], "."))
		}
		inBlock = inBlock && !here.isFlow()
		if len(below.Content) == 0 && inBlock {
			edited, err := d.unfold(here, key, s.Keys[i+1:], s.To)
			return edited, "", err
		}
		here = below
	}
	return nil, "", errors.New("no key is given")
}

func entry(list *yaml.Node, name string) (*mapping, error) {
	var found *mapping
	for _, item := range list.Content {
		fields := asMapping(item)
		if is := fields.get("name"); is == nil || is.Value != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("two services have the name %s", name)
		}
		found = fields
		if err := plain(item); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, fmt.Errorf(
			"the file has no service %s, the stack's outputs have: it was deployed from another version of the file",
			name,
		)
	}
	return found, nil
}

// plain refuses what an edit in one place would change in another, or would not change at all.
func plain(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return fmt.Errorf(
			"line %d: is an alias (*%s): a change would be one of all places that share it. Write the value out first",
			n.Line, n.Value,
		)
	case n.Anchor != "":
		return fmt.Errorf(
			"line %d: has an anchor (&%s): a change would be one of all places that share it. Write the values out first",
			n.Line, n.Anchor,
		)
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("line %d: has a tag (%s), which is not understood here", n.Line, n.Tag)
	case asMapping(n).get("<<") != nil:
		return fmt.Errorf(
			"line %d: merges another object (<<), whose values are not its own. Write the values out first", n.Line,
		)
	}
	return nil
}

func (d *document) setScalar(n *yaml.Node, s Setting) (*document, string, error) {
	if n.Kind != yaml.ScalarNode {
		return nil, "", errors.New("is no single value")
	}
	note := ""
	switch {
	case same(n.Value, s.To):
		return d, "", nil
	case !same(n.Value, s.From):
		note = fmt.Sprintf(
			"was %q in the file, while %s runs: it was not deployed yet, and is replaced", n.Value, s.From,
		)
	}
	quote := map[yaml.Style]string{0: "", yaml.SingleQuotedStyle: "'", yaml.DoubleQuotedStyle: `"`}
	mark, known := quote[n.Style]
	from := d.offset(n)
	if !known || n.Value == "" || !strings.HasPrefix(d.rest(from), mark+n.Value+mark) {
		return nil, "", fmt.Errorf("line %d: the value is not written on one line, as 250m or \"250m\"", n.Line)
	}
	from += len(mark)
	edited, err := d.replace(from, from+len(n.Value), s.To)
	return edited, note, err
}

// insert adds a key that is not there, with all objects on the way to the value.
func (d *document) insert(into *mapping, keys []string, value string) (*document, error) {
	if into.isFlow() {
		text := keys[0] + ": " + flow(keys[1:], value)
		if len(into.Content) > 0 {
			text += ", "
		}
		from := d.offset((*yaml.Node)(into))
		if !strings.HasPrefix(d.rest(from), "{") {
			return nil, fmt.Errorf("line %d: the object does not start where YAML says", into.Line)
		}
		return d.replace(from+1, from+1, text)
	}
	line, err := d.lineToFollow(into)
	if err != nil {
		return nil, err
	}
	return d.insertAfter(line, d.block(into.indent(), keys, value))
}

var emptyObject = regexp.MustCompile(`^\{[ \t]*\}[ \t]*(#.*)?$`)

// unfold turns an empty object, `key: {}`, into a block with the value in it. A comment behind it stays behind the key.
func (d *document) unfold(parent *mapping, key string, keys []string, value string) (*document, error) {
	node := parent.get(key)
	from := d.offset(node)
	rest := d.rest(from)
	parts := emptyObject.FindStringSubmatch(rest)
	line := d.starts[node.Line-1]
	before := strings.TrimRight(string(d.data[line:from]), " \t")
	if parts == nil || !strings.HasSuffix(before, ":") {
		return d.insert(asMapping(node), keys, value)
	}
	text := before
	if parts[1] != "" {
		text += " " + parts[1]
	}
	lines := append([]string{text}, d.block(parent.indent()+d.step(), keys, value)...)
	return d.replace(line, from+len(rest), strings.Join(lines, d.eol))
}

// step is by how much the file indents.
func (d *document) step() int { return max(1, d.config().indent()) }

func (d *document) block(indent int, keys []string, value string) []string {
	lines := make([]string, len(keys))
	for i, key := range keys {
		lines[i] = strings.Repeat(" ", indent+i*d.step()) + key + ":"
	}
	lines[len(lines)-1] += " " + value
	return lines
}

func flow(keys []string, value string) string {
	if len(keys) == 0 {
		return value
	}
	return "{" + keys[0] + ": " + flow(keys[1:], value) + "}"
}
