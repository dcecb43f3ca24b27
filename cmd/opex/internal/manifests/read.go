// Package manifests reads Kubernetes objects before they reach a cluster: from files of YAML or JSON, and from previews
// of Pulumi.
package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opex-project/opex/internal/review"
)

// StandardInput is the source of what is read from there.
const StandardInput = "standard input"

// ErrNone is in the error of a file that can be read and is no manifest, as values.yaml and package.json are none.
var ErrNone = errors.New("holds no Kubernetes object")

// Read returns the objects of a file: documents of YAML or JSON, lists and arrays of objects, or what `pulumi preview
// --json` prints. What has neither kind nor apiVersion is passed over, as values files are. The error names everything
// that could not be read; the objects beside it are returned all the same. A file without any object is an error.
func Read(name string, data []byte) (review.Set, error) {
	r := reader{name: name, place: map[string]int{}}
	s := &source{name: name, data: data}
	first := bytes.TrimLeft(data, " \t\r\n\ufeff")
	if len(first) == 0 || first[0] != '{' && first[0] != '[' || !r.readJSON(s) {
		r = reader{name: name, place: map[string]int{}}
		s.parts = nil
		r.readYAML(s)
	}
	if len(r.objects) == 0 && r.wrong == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrNone)
	}
	return r.objects, r.wrong
}

// reader collects the objects of one file, and what is wrong with it.
type reader struct {
	name    string
	objects review.Set
	wrong   error
	place   map[string]int // of a preview's objects, by URN
}

func (r *reader) fail(p *part, err error) {
	r.wrong = errors.Join(r.wrong, fmt.Errorf("%s: document at line %d: %w", r.name, p.line, err))
}

func (r *reader) readYAML(s *source) {
	s.split()
	for _, p := range s.parts {
		if p.kind == frame {
			continue
		}
		root, err := p.node()
		if err != nil && !mayBeObject(p.text) {
			continue // not even a broken one
		}
		if err != nil {
			r.fail(p, err)
			continue
		}
		if root == nil {
			continue
		}
		v, err := value(root)
		if err != nil {
			r.fail(p, err)
			continue
		}
		if m, is := v.(map[string]any); p.kind == item && (!is || m["kind"] == nil && m["apiVersion"] == nil) {
			r.fail(p, errors.New("this item of the list is no object"))
			continue
		}
		r.take(p, v, nil)
	}
}

// mayBeObject says whether a text that cannot be read may hold an object: every object says kind and apiVersion.
func mayBeObject(text []byte) bool {
	lower := bytes.ToLower(text)
	return bytes.Contains(lower, []byte("apiversion")) || bytes.Contains(lower, []byte("kind"))
}

// take adds the objects of a value.
func (r *reader) take(p *part, v any, at []string) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			r.take(p, item, append(slices.Clone(at), fmt.Sprint(i)))
		}
	case map[string]any:
		if steps, is := v["steps"].([]any); is && v["kind"] == nil {
			for _, step := range steps {
				r.step(step)
			}
			return
		}
		r.object(p, v, at)
	}
}

func (r *reader) object(p *part, fields map[string]any, at []string) {
	kind, version := text(fields["kind"]), text(fields["apiVersion"])
	if items, is := fields["items"]; is && strings.HasSuffix(kind, "List") && version != "" {
		list, is := items.([]any)
		if !is && items != nil {
			r.fail(p, fmt.Errorf("items of the %s are no list", kind))
		}
		for i, item := range list {
			inner, is := item.(map[string]any)
			if !is {
				r.fail(p, fmt.Errorf("item %d of the %s is no object", i, kind))
				continue
			}
			// as the API server sends them
			if own := strings.TrimSuffix(kind, "List"); own != "" && inner["kind"] == nil &&
				inner["apiVersion"] == nil {
				inner["kind"], inner["apiVersion"] = own, version
			}
			r.object(p, inner, append(slices.Clone(at), "items", fmt.Sprint(i)))
		}
		return
	}
	if missing := incomplete(fields); missing != "" {
		r.fail(p, fmt.Errorf("%s, so that it is no Kubernetes object and no other file either", missing))
		return
	}
	if kind == "" || version == "" || !review.Reviewed(version, kind) {
		if kind != "" && version != "" {
			r.objects = append(
				r.objects,
				review.Object{
					Fields: map[string]any{"kind": kind, "apiVersion": version, "metadata": fields["metadata"]},
					Source: r.name,
				},
			)
		}
		return
	}
	where := place{p, slices.Clone(at)}
	o := review.Object{Fields: fields, Source: r.name, Place: where, Line: where.line}
	o.Unread, o.Mistyped = check(fields)
	r.objects = append(r.objects, o)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// incomplete says which of kind and apiVersion is missing where the other is there, or is written differently.
func incomplete(fields map[string]any) string {
	var have, lack []string
	for _, key := range []string{"kind", "apiVersion"} {
		if text(fields[key]) != "" {
			have = append(have, key)
			continue
		}
		lack = append(lack, "has no "+key)
		for other := range fields {
			if other != key && strings.EqualFold(other, key) {
				have = append(have, other)
				lack[len(lack)-1] = fmt.Sprintf("has %s, which is written %s", other, key)
			}
		}
	}
	if len(have) == 0 || len(lack) == 0 {
		return ""
	}
	return strings.Join(lack, " and ")
}

// step adds the object that a step of a preview would leave in the cluster. One that is replaced has several steps, and
// is one object.
func (r *reader) step(v any) {
	step, _ := v.(map[string]any)
	state, _ := step["newState"].(map[string]any)
	inputs, _ := state["inputs"].(map[string]any)
	token, urn := text(state["type"]), text(state["urn"])
	if !strings.HasPrefix(token, "kubernetes:") || inputs == nil {
		return
	}
	kind, version := text(inputs["kind"]), text(inputs["apiVersion"])
	parts := strings.Split(urn, "::")
	var o review.Object
	switch named := parts[len(parts)-1]; {
	case strings.HasPrefix(token, "kubernetes:helm.sh/"):
		fields := map[string]any{
			"kind":       "Release",
			"apiVersion": "helm.sh/v3",
			"metadata":   map[string]any{"name": named, "namespace": inputs["namespace"]},
		}
		o = review.Object{Fields: fields, Unread: "nobody knows before the update what a chart brings"}
	case strings.HasSuffix(token, "Patch"):
		o = review.Planned(inputs, "")
		o.Unread = "a patch changes an object that is somewhere else"
	case kind == "" || version == "" || !review.Reviewed(version, kind):
		return
	default:
		o = review.Planned(inputs, "")
		o.Unread, o.Mistyped = check(o.Fields)
	}
	o.Source = r.name + ": " + parts[len(parts)-1]
	if i, is := r.place[urn]; is {
		r.objects[i] = o
		return
	}
	r.place[urn] = len(r.objects)
	r.objects = append(r.objects, o)
}
