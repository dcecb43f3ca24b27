package stacks

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/pulumitest"
)

// knob is one key of the config, with its full path.
type knob struct{ path, kind, standard, doc string }

// knobs walks the config's types; what a key has as default is read from a value with its defaults set.
func knobs(t *testing.T, prefix string, value reflect.Value) []knob {
	var found []knob
	for _, f := range fieldsOf(value.Type()) {
		field := value.Field(f.index)
		doc := docOf(t, value.Type(), f.index)
		at, standard := prefix+f.key, ""
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
		found = append(found, knob{at, kindName(field.Type()), standard, doc})
		if below.Kind() == reflect.Map && below.Type().Elem().Kind() == reflect.Struct {
			below, at = reflect.New(below.Type().Elem()).Elem(), at+".NAME"
		}
		if below.Kind() == reflect.Struct {
			setDefaults(below.Addr())
			if list {
				at += "[]"
			}
			found = append(found, knobs(t, at+".", below)...)
		}
	}
	return found
}

// comments are the comments of struct fields, by package, type and field: they are the documentation of the config.
var comments = map[string]string{}

// docOf returns a field's comment in one line; a key without one fails the test.
func docOf(t *testing.T, typ reflect.Type, index int) string {
	t.Helper()
	if len(comments) == 0 {
		for _, folder := range []string{".", "../components/spec"} {
			readComments(t, folder)
		}
	}
	key := path.Base(typ.PkgPath()) + "." + typ.Name() + "." + typ.Field(index).Name
	doc := comments[key]
	if doc == "" {
		t.Errorf("%s has no comment", key)
	}
	return doc
}

func readComments(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			declared, is := n.(*ast.TypeSpec)
			if !is {
				return true
			}
			if fields, is := declared.Type.(*ast.StructType); is {
				for _, f := range fields.Fields.List {
					for _, name := range f.Names {
						comments[file.Name.Name+"."+declared.Name.Name+"."+name.Name] = strings.Join(
							strings.Fields(f.Doc.Text()), " ",
						)
					}
				}
			}
			return false
		})
	}
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

func topLevel(t *testing.T) []topLevelKey {
	var keys []topLevelKey
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		keys = append(
			keys,
			topLevelKey{
				f.key, docOf(t, reflect.TypeFor[Config](), f.index),
				kindName(reflect.TypeFor[Config]().Field(f.index).Type),
			},
		)
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
	for _, k := range knobs(t, keyPrefix, reflect.New(reflect.TypeFor[Config]()).Elem()) {
		if key, top := strings.CutPrefix(k.path, keyPrefix); top && k.standard == "required" &&
			declared[key].Default != nil {
			k.standard = "`" + asConfig(t, declared[key].Default) + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", k.path, k.kind, k.standard, k.doc)
	}
	pulumitest.Golden(t, "../docs/reference/config.md", text.Bytes())
}
