package manifests

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/opex-project/opex/internal/review"
)

// check compares an object with the types of its API: those of Kubernetes by its own Go types, those of add-ons as far
// as rules read them. Unread says why the object cannot be compared with anything.
func check(fields map[string]any) (unread string, wrong []review.Mistake) {
	version, kind := text(fields["apiVersion"]), text(fields["kind"])
	of, err := schema.ParseGroupVersion(version)
	if err != nil {
		return fmt.Sprintf("%s is no version of an API", version), nil
	}
	gvk := of.WithKind(kind)
	if t, is := addons[gvk.GroupKind()]; is {
		c := checker{}
		c.value(fields, t, nil)
		return "", c.wrong
	}
	if !scheme.Scheme.IsGroupRegistered(of.Group) {
		return "", nil // of an add-on
	}
	t, is := scheme.Scheme.AllKnownTypes()[gvk]
	if !is {
		return fmt.Sprintf("Kubernetes has no %s in %s%s", kind, version, elsewhere(of.Group, kind)), nil
	}
	if minor := removed(t); minor > 0 {
		return fmt.Sprintf("Kubernetes serves no %s in %s since 1.%d", kind, version, minor), nil
	}
	c := checker{strict: true}
	c.value(fields, t, nil)
	return "", c.wrong
}

// servedMinor is the minor version of Kubernetes whose types these are: k8s.io/api v0.37.
const servedMinor = 37

// removed is the minor version of Kubernetes that no longer serves a type; 0: it is served.
func removed(t reflect.Type) int {
	if old, is := reflect.New(t).Interface().(interface{ APILifecycleRemoved() (int, int) }); is {
		if major, minor := old.APILifecycleRemoved(); major == 1 && minor <= servedMinor {
			return minor
		}
	}
	return 0
}

// elsewhere says where in a group a kind is, or how it is written.
func elsewhere(group, kind string) string {
	var have []string
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Group == group && strings.EqualFold(gvk.Kind, kind) && gvk.Version != "__internal" && removed(t) == 0 {
			have = append(have, gvk.GroupVersion().String()+" "+gvk.Kind)
		}
	}
	if slices.Sort(have); len(have) == 0 {
		return ""
	}
	return ": known is " + strings.Join(have, ", ")
}

// checker collects what of a value does not fit a type.
type checker struct {
	strict bool // fields that the type does not have are wrong
	wrong  []review.Mistake
}

func (c *checker) say(at []string, format string, args ...any) {
	c.wrong = append(c.wrong, review.Mistake{Path: slices.Clone(at), Says: fmt.Sprintf(format, args...)})
}

var (
	quantity     = reflect.TypeFor[resource.Quantity]()
	numberOrText = reflect.TypeFor[intstr.IntOrString]()
	unmarshaler  = reflect.TypeFor[interface{ UnmarshalJSON([]byte) error }]()
	textual      = reflect.TypeFor[encoding.TextUnmarshaler]()
	bytesType    = reflect.TypeFor[[]byte]()
)

func (c *checker) value(v any, t reflect.Type, at []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil || t.Kind() == reflect.Interface {
		return
	}
	switch {
	case t == quantity:
		c.quantity(v, at)
		return
	case t == numberOrText:
		switch v.(type) {
		case float64, string:
		default:
			c.say(at, "is %s, want a number or a percentage", described(v))
		}
		return
	case strings.HasSuffix(t.PkgPath(), "apis/meta/v1") && slices.Contains([]string{"Time", "MicroTime", "Duration"}, t.Name()),
		t == bytesType:
		c.kind(v, "", at)
		return
	case reflect.PointerTo(t).Implements(unmarshaler) || reflect.PointerTo(t).Implements(textual):
		return // it reads itself
	}
	switch t.Kind() {
	case reflect.Struct:
		c.fields(v, t, at)
	case reflect.Map:
		if m, is := c.kind(v, map[string]any{}, at).(map[string]any); is {
			for _, key := range sortedKeys(m) {
				c.value(m[key], t.Elem(), append(at, key))
			}
		}
	case reflect.Slice, reflect.Array:
		if l, is := c.kind(v, []any{}, at).([]any); is {
			for i, one := range l {
				c.value(one, t.Elem(), append(at, strconv.Itoa(i)))
			}
		}
	case reflect.String:
		c.kind(v, "", at)
	case reflect.Bool:
		c.kind(v, false, at)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		if n, is := c.kind(v, 0.0, at).(float64); is && n != math.Trunc(n) {
			c.say(at, "is %v, want a whole number", n)
		}
	case reflect.Float32, reflect.Float64:
		c.kind(v, 0.0, at)
	}
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// kind returns a value that is of the same kind of JSON as another; otherwise nil, and it is said.
func (c *checker) kind(v, want any, at []string) any {
	if reflect.TypeOf(v) == reflect.TypeOf(want) {
		return v
	}
	quote := ""
	if _, is := want.(string); is && jsonKind(v) != "a list" && jsonKind(v) != "a mapping" {
		quote = ": put it in quotes"
	}
	if b, is := v.(bool); is && quote != "" {
		quote += fmt.Sprintf(" (without them on, yes, off and no are %v)", b)
	}
	c.say(at, "is %s, want %s%s", described(v), jsonKind(want), quote)
	c.wrong[len(c.wrong)-1].Fix = meant(v, want)
	return nil
}

// meant is a value in the kind of JSON that was wanted; nil where that is a guess.
func meant(v, want any) any {
	_, text := want.(string)
	_, number := want.(float64)
	switch v := v.(type) {
	case float64:
		if text && v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case string:
		if n, err := strconv.ParseFloat(v, 64); number && err == nil && n == math.Trunc(n) && math.Abs(n) < 1e15 {
			return n
		}
	}
	return nil
}

func jsonKind(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	}
	return "a mapping"
}

func described(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %q", v)
	case float64:
		return "the number " + strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return fmt.Sprint(v)
	}
	return jsonKind(v)
}

func (c *checker) quantity(v any, at []string) {
	switch v := v.(type) {
	case float64:
	case string:
		if _, err := resource.ParseQuantity(v); err != nil {
			c.say(at, "is %q, want a quantity such as 250m or 64Mi", v)
		}
	default:
		c.kind(v, "", at)
	}
}

func (c *checker) fields(v any, t reflect.Type, at []string) {
	m, is := c.kind(v, map[string]any{}, at).(map[string]any)
	if !is {
		return
	}
	known := fieldsOf(t)
	for _, key := range sortedKeys(m) {
		if of, is := known[key]; is {
			c.value(m[key], of, append(at, key))
		} else if c.strict {
			c.say(append(at, key), "is no field of %s", t.Name())
		}
	}
}

// seen are the fields of structs that were looked at.
var seen sync.Map

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known, is := seen.Load(t); is {
		return known.(map[string]reflect.Type)
	}
	known := map[string]reflect.Type{}
	collect(t, known)
	seen.Store(t, known)
	return known
}

// collect finds the fields of a struct by their names in JSON, those of embedded ones among them.
func collect(t reflect.Type, known map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name != "":
			known[name] = f.Type
		case f.Anonymous:
			of := f.Type
			for of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			collect(of, known)
		}
	}
}
