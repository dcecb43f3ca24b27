package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	sigsjson "sigs.k8s.io/json"
)

// readJSON reads a file of JSON: an object, a list, an array of objects, objects one after another as `kubectl get -o
// json | jq -c .items[]` prints them, or a preview. False: it is no JSON, and may be YAML.
func (r *reader) readJSON(s *source) bool {
	from := json.NewDecoder(bytes.NewReader(s.data))
	type piece struct {
		raw    json.RawMessage
		offset int
	}
	var pieces []piece
	for {
		var raw json.RawMessage
		err := from.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false
		}
		pieces = append(pieces, piece{raw, int(from.InputOffset()) - len(raw)})
	}
	at := 0
	for i, p := range pieces {
		end := len(s.data)
		if i+1 < len(pieces) {
			end = pieces[i+1].offset
		}
		part := s.cut(at, end, 1+bytes.Count(s.data[:p.offset], []byte("\n")), whole)
		if at = end; len(pieces) == 1 {
			part.line = 1
		}
		r.jsonValue(part, p.raw, nil)
	}
	return true
}

// jsonValue takes one value: long ones are taken apart first, so that no more than one object is in memory twice.
func (r *reader) jsonValue(p *part, raw json.RawMessage, at []string) {
	switch {
	case len(raw) > 0 && raw[0] == '[':
		r.jsonItems(p, raw, at)
		return
	case len(raw) > mostBytes:
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			r.fail(p, err)
			return
		}
		for _, name := range []string{"items", "steps"} {
			if list := fields[name]; len(list) > 0 && list[0] == '[' &&
				(name == "steps" || bytes.HasSuffix(fields["kind"], []byte(`List"`))) {
				r.jsonList(p, fields, name, at)
				return
			}
		}
		r.fail(
			p,
			fmt.Errorf(
				"this object has %d bytes, and none that the API server takes has more than %d: not read", len(raw),
				mostBytes,
			),
		)
		return
	}
	v, err := decode(raw)
	if err != nil {
		r.fail(p, err)
		return
	}
	r.take(p, v, at)
}

// jsonList reads a list or a preview item by item.
func (r *reader) jsonList(p *part, fields map[string]json.RawMessage, name string, at []string) {
	if name == "steps" {
		var steps []json.RawMessage
		if err := json.Unmarshal(fields[name], &steps); err != nil {
			r.fail(p, err)
			return
		}
		for _, step := range steps {
			v, err := decode(step)
			if err != nil {
				r.fail(p, err)
				continue
			}
			r.step(v)
		}
		return
	}
	r.jsonItems(p, fields[name], append(at[:len(at):len(at)], name))
}

func (r *reader) jsonItems(p *part, raw json.RawMessage, at []string) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		r.fail(p, err)
		return
	}
	for i, item := range items {
		r.jsonValue(p, item, append(at[:len(at):len(at)], fmt.Sprint(i)))
	}
}

// decode reads a value of at most mostBytes, and refuses keys that stand in it twice.
func decode(raw json.RawMessage) (any, error) {
	if len(raw) > mostBytes {
		return nil, fmt.Errorf(
			"this value has %d bytes, and none that the API server takes has more than %d: not read", len(raw),
			mostBytes,
		)
	}
	var v any
	twice, err := sigsjson.UnmarshalStrict(raw, &v)
	if err == nil {
		err = errors.Join(twice...)
	}
	return floats(v), err
}

// floats makes all numbers float64, as rules expect.
func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case map[string]any:
		for key, inner := range v {
			v[key] = floats(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = floats(inner)
		}
	}
	return v
}
