package stacks

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/problem"
)

// decoder fills structs from JSON values. Every key must be known, at any depth, and every value of the right type;
// what is wrong is collected. Keys come from the tag json; the tag config says `required` or `secret`. A struct with
// SetDefaults has it called before its keys are read, so what is left out keeps its default: objects merge key by key,
// lists and maps are replaced whole.
type decoder struct {
	problems problem.List
	secret   bool // values must not be shown
}

// field is one key of a config struct.
type field struct {
	key              string
	required, secret bool
	index            int
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		option := t.Field(i).Tag.Get("config")
		fields = append(fields, field{key: key, required: option == "required", secret: option == "secret", index: i})
	}
	return fields
}

// parse reads JSON and keeps numbers as they are written.
func parse(text string) (any, error) {
	from := json.NewDecoder(strings.NewReader(text))
	from.UseNumber()
	var value any
	err := from.Decode(&value)
	return value, err
}

func (d *decoder) decode(path string, from any, into reflect.Value) {
	if from == nil {
		d.problems.Add(path, "has no value; remove the key to take the default")
		return
	}
	if into.Type() == reflect.TypeFor[spec.Quantity]() {
		if number, is := from.(json.Number); is {
			from = number.String() // `cpu: 2` is as good as `cpu: "2"`
		}
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		setDefaults(into)
		d.decode(path, from, into.Elem())
	case reflect.Struct:
		if object, ok := expect[map[string]any](d, path, from, "an object"); ok {
			d.decodeStruct(path+".", object, into)
		}
	case reflect.Map:
		if object, ok := expect[map[string]any](d, path, from, "an object"); ok {
			d.decodeMap(path, object, into)
		}
	case reflect.Slice:
		if list, ok := expect[[]any](d, path, from, "a list"); ok {
			d.decodeList(path, list, into)
		}
	case reflect.Interface: // values of a chart, which only the chart knows
		into.Set(reflect.ValueOf(numbers(from)))
	default:
		d.decodeScalar(path, from, into)
	}
}

func (d *decoder) decodeMap(path string, object map[string]any, into reflect.Value) {
	into.Set(reflect.MakeMap(into.Type()))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := reflect.New(into.Type().Elem()).Elem()
		setDefaults(value.Addr())
		d.decode(path+"."+key, object[key], value)
		into.SetMapIndex(reflect.ValueOf(key), value)
	}
}

func (d *decoder) decodeList(path string, list []any, into reflect.Value) {
	into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
	for i, value := range list {
		setDefaults(into.Index(i).Addr())
		d.decode(path+"["+strconv.Itoa(i)+"]", value, into.Index(i))
	}
}

func (d *decoder) decodeScalar(path string, from any, into reflect.Value) {
	switch into.Kind() {
	case reflect.String:
		if text, ok := expect[string](d, path, from, "a string"); ok {
			into.SetString(text)
		}
	case reflect.Bool:
		if truth, ok := expect[bool](d, path, from, "true or false"); ok {
			into.SetBool(truth)
		}
	case reflect.Float64:
		number, _ := from.(json.Number)
		value, err := number.Float64()
		if err != nil {
			d.wrongType(path, from, "a number")
			return
		}
		into.SetFloat(value)
	case reflect.Int:
		number, _ := from.(json.Number)
		whole, err := strconv.Atoi(number.String())
		if err != nil {
			d.wrongType(path, from, "a whole number")
			return
		}
		into.SetInt(int64(whole))
	default:
		panic("stacks: no way to decode into " + into.Type().String()) // a new field of a type that none had before
	}
}

// expect returns a value as T, or notes that it is of another type; want names T for people.
func expect[T any](d *decoder, path string, from any, want string) (T, bool) {
	value, ok := from.(T)
	if !ok {
		d.wrongType(path, from, want)
	}
	return value, ok
}

// decodeStruct reads an object; prefix is what stands before its keys in messages.
func (d *decoder) decodeStruct(prefix string, object map[string]any, into reflect.Value) {
	fields := fieldsOf(into.Type())
	var known []string
	for _, f := range fields {
		known = append(known, f.key)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, key) {
			d.problems.Add(prefix+key, "is no known key; known are %s", strings.Join(known, ", "))
		}
	}
	for _, f := range fields {
		value, given := object[f.key]
		switch {
		case given:
			before := d.secret
			d.secret = before || f.secret
			d.decode(prefix+f.key, value, into.Field(f.index))
			d.secret = before
		case f.required:
			d.problems.Add(prefix+f.key, "is missing, and required")
		}
	}
}

func (d *decoder) wrongType(path string, from any, want string) {
	shown := "a value of another type"
	if !d.secret {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(from) // it came from JSON
		shown = strings.TrimSpace(text.String())
		if len(shown) > 60 {
			shown = shown[:60] + "..."
		}
	}
	d.problems.Add(path, "is %s, want %s", shown, want)
}

func setDefaults(pointer reflect.Value) {
	if with, ok := pointer.Interface().(interface{ SetDefaults() }); ok {
		with.SetDefaults()
	}
}

// numbers returns a value with its numbers as Go has them.
func numbers(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return int(whole)
		}
		fraction, _ := value.Float64() // it came from JSON
		return fraction
	case map[string]any:
		for key, below := range value {
			value[key] = numbers(below)
		}
	case []any:
		for i, below := range value {
			value[i] = numbers(below)
		}
	}
	return value
}
