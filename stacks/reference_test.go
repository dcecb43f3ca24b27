package stacks

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/pulumitest"
)

// knob is one key of the config, with its full path.
type knob struct{ path, kind, standard, doc string }

// knobs walks the config's types; what a key has as default is read from a value with its defaults set.
func knobs(prefix string, value reflect.Value) []knob {
	var found []knob
	for _, f := range fieldsOf(value.Type()) {
		field := value.Field(f.index)
		path, standard := prefix+f.key, ""
		below, list := field, false
		switch field.Kind() {
		case reflect.Slice:
			below, list = reflect.New(field.Type().Elem()).Elem(), true
		case reflect.Pointer:
			below = reflect.New(field.Type().Elem()).Elem()
		case reflect.Bool:
			standard = fmt.Sprintf("`%v`", field.Interface())
		case reflect.String, reflect.Int:
			if !field.IsZero() {
				standard = fmt.Sprintf("`%v`", field.Interface())
			}
		}
		if f.required {
			standard = "required"
		}
		found = append(found, knob{path, kindName(field.Type()), standard, f.doc})
		if below.Kind() == reflect.Struct {
			setDefaults(below.Addr())
			if list {
				path += "[]"
			}
			found = append(found, knobs(path+".", below)...)
		}
	}
	return found
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		if t.Name() == "Quantity" {
			return "quantity"
		}
		return "string"
	case reflect.Slice:
		return "array"
	default:
		return "object"
	}
}

type topLevelKey struct{ key, doc, pulumiType string }

func topLevel() []topLevelKey {
	var keys []topLevelKey
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		keys = append(keys, topLevelKey{f.key, f.doc, kindName(reflect.TypeFor[Config]().Field(f.index).Type)})
	}
	return keys
}

func TestReferenceOfConfigIsCurrent(t *testing.T) {
	declared := projectKeys(t)
	var text bytes.Buffer
	text.WriteString(`# Config

All keys of a stack's config. Made from the code by ` + "`go test ./stacks -update`" + `: change it there.

A stack file holds only what differs. An object merges over its defaults key by key; a list or a map of names replaces the
default whole. A key that stands nowhere below is an error, at any depth, and all errors are reported at once.

| key | type | default | meaning |
|---|---|---|---|
`)
	for _, k := range knobs(keyPrefix, reflect.New(reflect.TypeFor[Config]()).Elem()) {
		if key, top := strings.CutPrefix(k.path, keyPrefix); top && k.standard == "required" && declared[key].Default != nil {
			k.standard = "`" + asConfig(t, declared[key].Default) + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", k.path, k.kind, k.standard, k.doc)
	}
	pulumitest.Golden(t, "../docs/reference/config.md", text.Bytes())
}
