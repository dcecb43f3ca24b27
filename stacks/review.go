package stacks

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/review"
)

// declared are the Kubernetes objects that the program declares, whoever does.
type declared struct {
	mutex sync.Mutex
	names []string
	props []any
}

// watch writes down what is declared from now on.
func watch(ctx *pulumi.Context) (*declared, error) {
	d := &declared{}
	return d, ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		// What a chart makes is not known here; and its values may not be, at a preview.
		if strings.HasPrefix(args.Type, "kubernetes:") && !strings.HasPrefix(args.Type, "kubernetes:helm.sh/") && args.Props != nil {
			d.mutex.Lock()
			defer d.mutex.Unlock()
			d.names, d.props = append(d.names, args.Name), append(d.props, pulumi.ToOutput(args.Props))
		}
		return nil
	})
}

// reviewed lets an output through once all that is declared was reviewed, and fails the preview where a rule does not hold. It is for previews:
// later the objects are there already.
func (d *declared) reviewed(ctx *pulumi.Context, output pulumi.Input) pulumi.Output {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	names := d.names
	// Secrets are among what is reviewed, and none of them is in what comes out.
	return pulumi.Unsecret(pulumi.All(append([]any{output}, d.props...)...).ApplyT(func(all []any) (any, error) {
		var objects review.Set
		for i, props := range all[1:] {
			if fields, is := plain(reflect.ValueOf(props)).(map[string]any); is && fields["kind"] != nil && fields["apiVersion"] != nil {
				objects = append(objects, review.Object{Fields: fields, Source: names[i]})
			}
		}
		if err := findings(review.Review(objects)); err != nil {
			return nil, err
		}
		return all[0], ctx.Log.Info(fmt.Sprintf("opex review: nothing found by %d rules in %d objects", len(review.Rules), len(objects)), nil)
	}))
}

func findings(found []review.Finding) error {
	if len(found) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "opex: review of what is declared: %d findings:", len(found))
	for _, f := range found {
		fmt.Fprintf(&text, "\n  - %s %s: %s (resource %s): %s: %s. %s", f.Rule.ID, f.Rule.Title, f.Object, f.Object.Source, f.Where(), f.Says, f.Rule.Why)
	}
	text.WriteString("\nNothing was changed. `opex review` shows the same with what to change")
	return fmt.Errorf("%s", text.String())
}

// plain turns resolved properties into what JSON has: the SDK's structs name their fields by a tag.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("pulumi"), ",")
			if value := plain(v.Field(i)); name != "" && value != nil {
				fields[name] = value
			}
		}
		return fields
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		fields := map[string]any{}
		for key, value := range v.Seq2() {
			if inner := plain(value); inner != nil {
				fields[key.String()] = inner
			}
		}
		return fields
	case reflect.Slice:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = plain(v.Index(i))
		}
		return items
	case reflect.Invalid:
		return nil
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int32, reflect.Int64:
		return float64(v.Int())
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return v.Interface()
}
