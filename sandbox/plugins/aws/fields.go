package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// kind is the type of an input.
type kind int

const (
	text     kind = iota // a string
	flag                 // a bool
	number               // a number
	document             // a string that holds JSON; two spellings of the same JSON are equal
	list                 // a list, of field.of
	object               // an object with field.fields
	texts                // a map of strings
)

func (k kind) String() string {
	return [...]string{"a string", "a boolean", "a number", "a JSON document", "a list", "an object", "a map of strings"}[k]
}

// field describes an input: it is what Check enforces, Diff compares and Read fills in.
type field struct {
	kind     kind
	of       *field // for a list: its elements
	fields   fields // for an object: its fields
	required bool
	replaces bool     // a change makes a new resource
	computed bool     // when the program does not set it, its real value is an output only, and no drift
	secret   bool     // kept encrypted in the state
	oneOf    []string // the allowed values of a string; empty allows any
}

type fields map[string]field

// names lists the fields, sorted.
func (fs fields) names() []string { return slices.Sorted(maps.Keys(fs)) }

// check returns every way in which values break the description. Values that are not known yet pass.
func (fs fields) check(at string, values property.Map) (problems []provider.CheckFailure) {
	fail := func(name, format string, args ...any) {
		problems = append(
			problems, provider.CheckFailure{Property: join(at, name), Reason: fmt.Sprintf(format, args...)},
		)
	}
	for name := range values.AllStable {
		if _, ok := fs[name]; !ok && !strings.HasPrefix(name, "__") {
			fail(name, "is not supported by the offline stand-in: allowed are %s", strings.Join(fs.names(), ", "))
		}
	}
	for _, name := range fs.names() {
		f, v := fs[name], values.Get(name)
		switch {
		case v.IsNull() && f.required:
			fail(name, "is missing: it must be %s", f.kind)
		case !v.IsNull():
			problems = append(problems, f.check(join(at, name), v)...)
		}
	}
	return problems
}

func (f field) check(at string, v property.Value) (problems []provider.CheckFailure) {
	fail := func(format string, args ...any) {
		problems = append(problems, provider.CheckFailure{Property: at, Reason: fmt.Sprintf(format, args...)})
	}
	is := [...]func() bool{v.IsString, v.IsBool, v.IsNumber, v.IsString, v.IsArray, v.IsMap, v.IsMap}[f.kind]
	switch {
	case v.IsComputed():
	case !is():
		fail("must be %s", f.kind)
	case f.kind == text && len(f.oneOf) > 0 && !slices.Contains(f.oneOf, v.AsString()):
		fail("is %q: allowed are %s", v.AsString(), strings.Join(f.oneOf, ", "))
	case f.kind == document && !json.Valid([]byte(v.AsString())):
		fail("is not valid JSON")
	case f.kind == list:
		for i, e := range v.AsArray().All {
			problems = append(problems, f.of.check(fmt.Sprintf("%s[%d]", at, i), e)...)
		}
	case f.kind == object:
		problems = f.fields.check(at, v.AsMap())
	case f.kind == texts:
		for name, e := range v.AsMap().AllStable {
			problems = append(problems, field{kind: text}.check(join(at, name), e)...)
		}
	}
	return problems
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
