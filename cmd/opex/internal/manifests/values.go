package manifests

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"gopkg.in/yaml.v3"
)

// mostValues is how many values a document may have with all its aliases followed: an alias of aliases can stand for
// more than fits anywhere.
const mostValues = 2_000_000

// converter turns nodes into what JSON has, as kubectl does. Its time is linear: yaml.v3's own decoder compares each
// key with all others.
type converter struct{ left int }

// value is what a node stands for.
func value(n *yaml.Node) (any, error) {
	c := converter{mostValues}
	return c.value(n)
}

func (c *converter) value(n *yaml.Node) (any, error) {
	if c.left--; c.left < 0 {
		return nil, errors.New("its aliases stand for more than can be read")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.value(n.Alias)
	case yaml.MappingNode:
		return c.mapping(n)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, err := c.value(item)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	}
	return scalarValue(n)
}

func (c *converter) mapping(n *yaml.Node) (any, error) {
	m := make(map[string]any, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.ShortTag() == "!!merge" {
			merged = append(merged, v)
			continue
		}
		key, err := keyText(k)
		if err != nil {
			return nil, err
		}
		if _, is := m[key]; is {
			return nil, fmt.Errorf("line %d: the key %q stands there twice", k.Line, key)
		}
		inner, err := c.value(v)
		if err != nil {
			return nil, err
		}
		m[key] = inner
	}
	for _, from := range merged { // what a mapping says itself counts
		v, err := c.value(from)
		if err != nil {
			return nil, err
		}
		all, is := v.([]any)
		if !is {
			all = []any{v}
		}
		for _, one := range all {
			fields, is := one.(map[string]any)
			if !is {
				return nil, fmt.Errorf("line %d: << wants a mapping", from.Line)
			}
			for key, inner := range fields {
				if _, is := m[key]; !is {
					m[key] = inner
				}
			}
		}
	}
	return m, nil
}

// keyText is a key as kubectl makes a text of it: numbers and booleans are allowed.
func keyText(k *yaml.Node) (string, error) {
	if k.Kind == yaml.AliasNode {
		k = k.Alias
	}
	if k.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("line %d: a key is a mapping or a list", k.Line)
	}
	v, err := scalarValue(k)
	switch key := v.(type) {
	case string:
		return key, err
	case bool:
		return strconv.FormatBool(key), err
	case float64:
		return strconv.FormatFloat(key, 'f', -1, 64), err
	}
	if err == nil {
		err = fmt.Errorf("line %d: a key is null", k.Line)
	}
	return "", err
}

// older are words that YAML 1.1 takes for booleans, and with it kubectl, Helm and the API server. yaml.v3 leaves them
// text.
var older = map[string]bool{
	"y":   true,
	"Y":   true,
	"yes": true,
	"Yes": true,
	"YES": true,
	"on":  true,
	"On":  true,
	"ON":  true,
	"n":   false,
	"N":   false,
	"no":  false,
	"No":  false,
	"NO":  false,
	"off": false,
	"Off": false,
	"OFF": false,
}

func scalarValue(n *yaml.Node) (any, error) {
	switch tag := n.ShortTag(); tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err
	case "!!int", "!!float":
		var f float64
		if err := n.Decode(&f); err != nil {
			return nil, err
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("line %d: %s is no number of JSON", n.Line, n.Value)
		}
		return f, nil
	case "!!str":
		b, is := older[n.Value]
		if is &&
			n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0 {
			return b, nil
		}
	}
	return n.Value, nil
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
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(of.Content) {
			return of.Content[i]
		}
	}
	return nil
}
