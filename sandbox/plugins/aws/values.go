package aws

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// plain is a resource's known values as encoding/json would decode them: string, bool, float64, []any, map[string]any.
type plain = map[string]any

// toPlain drops secret marks, and values that are not known or null.
func toPlain(m property.Map) plain {
	out := plain{}
	for name, v := range m.All {
		if x := plainValue(v); x != nil {
			out[name] = x
		}
	}
	return out
}

func plainValue(v property.Value) any {
	switch {
	case v.IsString():
		return v.AsString()
	case v.IsBool():
		return v.AsBool()
	case v.IsNumber():
		return v.AsNumber()
	case v.IsMap():
		return toPlain(v.AsMap())
	case v.IsArray():
		out := []any{}
		for _, e := range v.AsArray().All {
			out = append(out, plainValue(e))
		}
		return out
	}
	return nil
}

// fromPlain is the inverse of toPlain.
func fromPlain(m plain) property.Map {
	out := map[string]property.Value{}
	for name, x := range m {
		out[name] = propertyValue(x)
	}
	return property.NewMap(out)
}

func propertyValue(x any) property.Value {
	switch x := x.(type) {
	case string:
		return property.New(x)
	case bool:
		return property.New(x)
	case float64:
		return property.New(x)
	case plain:
		return property.New(fromPlain(x))
	case []any:
		out := make([]property.Value, len(x))
		for i, e := range x {
			out[i] = propertyValue(e)
		}
		return property.New(out)
	}
	return property.New(property.Null)
}

// convert turns one Go value into another through JSON. Names match whatever their case, so the plugin's camelCase
// inputs become the SDK's types.
func convert[T any](from any) (to T, err error) {
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, &to)
	}
	return to, err
}

// project reads an SDK's value as inputs: it takes what the fields name, whatever its case, and leaves out zero values,
// which the SDK does not tell from unset ones.
func (fs fields) project(live any) plain {
	byName := map[string]any{}
	decoded, _ := convert[plain](live)
	for name, x := range decoded {
		byName[strings.ToLower(name)] = x
	}
	out := plain{}
	for name, f := range fs {
		if x := f.project(byName[strings.ToLower(name)]); !isZero(x) {
			out[name] = x
		}
	}
	return out
}

func (f field) project(live any) any {
	switch elements, isList := live.([]any); {
	case f.kind == object && live != nil:
		return f.fields.project(live)
	case f.kind == list && isList:
		out := []any{}
		for _, e := range elements {
			out = append(out, f.of.project(e))
		}
		return out
	}
	return live
}

func isZero(x any) bool {
	v := reflect.ValueOf(x)
	return !v.IsValid() || v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}
