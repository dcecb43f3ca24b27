package stacks

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/opex-project/opex/internal/pulumitest"
)

// TestSchemaForEditorsIsCurrent: the stack files name it, and editors complete keys by it. `make config-schema` writes
// it anew.
func TestSchemaForEditorsIsCurrent(t *testing.T) {
	keys := map[string]any{}
	config := reflect.New(reflect.TypeFor[Config]()).Elem()
	setDefaults(config.Addr())
	for _, f := range fieldsOf(config.Type()) {
		key := schemaOf(t, config.Field(f.index))
		key["description"] = docOf(t, config.Type(), f.index)
		if f.secret {
			key = map[string]any{"description": key["description"]} // a file holds it encrypted
		}
		keys[keyPrefix+f.key] = key
	}
	text, err := json.MarshalIndent(map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "Config of a stack", "type": "object",
		"properties": map[string]any{
			"config": map[string]any{
				"type":                 "object",
				"properties":           keys,
				"patternProperties":    map[string]any{"^pulumi:": map[string]any{}},
				"additionalProperties": false,
			},
			"secretsprovider": map[string]any{
				"type": "string",
			}, "encryptionsalt": map[string]any{"type": "string"}, "encryptedkey": map[string]any{"type": "string"},
		},
		"additionalProperties": false,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	pulumitest.Golden(t, "../docs/reference/config.schema.json", append(text, '\n'))
}

// schemaOf is the schema of a value whose defaults are set.
func schemaOf(t *testing.T, value reflect.Value) map[string]any {
	switch value.Kind() {
	case reflect.Pointer:
		below := reflect.New(value.Type().Elem())
		setDefaults(below)
		return schemaOf(t, below.Elem())
	case reflect.Slice, reflect.Map:
		below := reflect.New(value.Type().Elem())
		setDefaults(below)
		if value.Kind() == reflect.Slice {
			return map[string]any{"type": "array", "items": schemaOf(t, below.Elem())}
		}
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t, below.Elem())}
	case reflect.Interface:
		return map[string]any{}
	case reflect.Struct:
		keys, required := map[string]any{}, []string{}
		for _, f := range fieldsOf(value.Type()) {
			key := schemaOf(t, value.Field(f.index))
			key["description"] = docOf(t, value.Type(), f.index)
			keys[f.key] = key
			if f.required {
				required = append(required, f.key)
			}
		}
		return map[string]any{"type": "object", "properties": keys, "required": required, "additionalProperties": false}
	}
	schema := map[string]any{"type": kindName(value.Type())}
	if schema["type"] == "quantity" {
		schema["type"] = []string{"string", "number"}
	}
	if !value.IsZero() {
		schema["default"] = value.Interface()
	}
	return schema
}
