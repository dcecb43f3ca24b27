package aws

import (
	"encoding/json"
	"reflect"
)

// overlay is the inputs that were declared, with what is really there. Where both mean the same, the declared spelling
// stays, so that only true drift shows.
func (fs fields) overlay(declared, live plain) plain {
	out := plain{}
	for name, f := range fs {
		if x := f.overlay(declared[name], live[name]); x != nil {
			out[name] = x
		}
	}
	return out
}

func (f field) overlay(declared, live any) any {
	switch {
	case isZero(declared) && isZero(live):
		return declared
	case isZero(live):
		return nil
	case isZero(declared):
		return live
	}
	switch f.kind {
	case object:
		return f.fields.overlay(declared.(plain), live.(plain))
	case list:
		d, r := declared.([]any), live.([]any)
		if len(d) != len(r) {
			return live
		}
		out := make([]any, len(d))
		for i := range d {
			out[i] = f.of.overlay(d[i], r[i])
		}
		return out
	case document:
		if sameDocument(declared.(string), live.(string)) {
			return declared
		}
	}
	return live
}

// sameDocument tells whether two JSON documents mean the same to AWS: a list of one is that one.
func sameDocument(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	return reflect.DeepEqual(unwrapLists(x), unwrapLists(y))
}

func unwrapLists(x any) any {
	switch x := x.(type) {
	case []any:
		if len(x) == 1 {
			return unwrapLists(x[0])
		}
		out := make([]any, len(x))
		for i := range x {
			out[i] = unwrapLists(x[i])
		}
		return out
	case plain:
		out := plain{}
		for name := range x {
			out[name] = unwrapLists(x[name])
		}
		return out
	}
	return x
}
