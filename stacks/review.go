package stacks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"

	"github.com/opex-project/opex/internal/review"
)

// declared are the Kubernetes objects that the program declares, whoever does.
type declared struct {
	mutex sync.Mutex
	names []string
	props []pulumi.Input
}

// watch writes down what is declared from now on.
func watch(ctx *pulumi.Context) (*declared, error) {
	d := &declared{}
	return d, ctx.RegisterStackTransformation(
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			// What a chart makes is not known here; and its values may not be, at a preview. A patch is a part of an
			// object.
			chart, patch := strings.HasPrefix(args.Type, "kubernetes:helm.sh/"), strings.HasSuffix(args.Type, "Patch")
			if strings.HasPrefix(args.Type, "kubernetes:") && !chart && !patch && args.Props != nil {
				d.mutex.Lock()
				defer d.mutex.Unlock()
				d.names, d.props = append(d.names, args.Name), append(d.props, args.Props)
			}
			return nil
		},
	)
}

// reviewed lets an output through once all that is declared was reviewed, and fails the preview where a rule does not
// hold. It is for previews: later the objects are there already.
//
// The review waits for what is declared and for nothing else: an apply on all of it, or on an output of what is to be
// made, never runs in a preview that makes something.
func (d *declared) reviewed(ctx *pulumi.Context, output pulumi.Input) pulumi.Output {
	d.mutex.Lock()
	names, props := d.names, d.props
	d.mutex.Unlock()
	verdict, done, failed := ctx.NewOutput()
	go func() {
		objects, err := known(ctx.Context(), names, props)
		if err == nil {
			err = judge(ctx, objects)
		}
		if err != nil {
			failed(err)
			return
		}
		done(true)
	}()
	return pulumi.All(output, verdict).ApplyT(func(all []any) any { return all[0] })
}

// judge says what the review found. It fails where that is anything, unless whoever runs the preview asks for a report.
func judge(ctx *pulumi.Context, objects review.Set) error {
	found := review.Review(objects)
	if lines := review.Unjudged(objects); len(lines) > 0 {
		text := "opex review: not all could be judged:\n  - " + strings.Join(lines, "\n  - ")
		if err := ctx.Log.Warn(text, nil); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return ctx.Log.Info(
			fmt.Sprintf("opex review: nothing found by %d rules in %d objects", len(review.Rules), len(objects)), nil,
		)
	}
	switch mode := os.Getenv(review.EnvMode); mode {
	case "":
		return findings(found)
	case review.ModeReport:
		return ctx.Log.Warn(findings(found).Error(), nil)
	default:
		return errors.Join(
			findings(found),
			fmt.Errorf(
				"opex: %s is %q, allowed is %s, which reports findings and lets the preview go on", review.EnvMode,
				mode, review.ModeReport,
			),
		)
	}
}

// known awaits what is declared and returns the objects that rules look at, with the fields that are known by now.
func known(ctx context.Context, names []string, props []pulumi.Input) (review.Set, error) {
	var objects review.Set
	for i := range props {
		o := resolving{ctx: ctx, object: review.Object{Source: names[i]}}
		fields, _ := o.plain(reflect.ValueOf(props[i]), nil).(map[string]any)
		if o.err != nil {
			return nil, fmt.Errorf("opex: review of what is declared: resource %s: %w", names[i], o.err)
		}
		version, _ := fields["apiVersion"].(string)
		kind, _ := fields["kind"].(string)
		if o.object.Fields = fields; version != "" && kind != "" && review.Reviewed(version, kind) {
			objects = append(objects, o.object)
		}
	}
	return objects, nil
}

func findings(found []review.Finding) error {
	if len(found) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "opex: review of what is declared: %d findings:", len(found))
	for _, f := range found {
		fmt.Fprintf(
			&text, "\n  - %s %s: %s (resource %s): %s: %s. %s", f.Rule.ID, f.Rule.Title, f.Object, f.Object.Source,
			f.Where(), f.Says, f.Rule.Why,
		)
	}
	text.WriteString("\nNothing was changed. `opex review` shows the same with what to change")
	return errors.New(text.String())
}

// resolving is an object whose properties are awaited one by one: of what is declared some may be unknown, and the rest
// is judged.
type resolving struct {
	ctx    context.Context
	object review.Object
	err    error
}

// propertyOf is the name of a field's property, or "". The arguments of a resource have none of their own: the struct
// that they become has.
func propertyOf(v reflect.Value, field reflect.StructField) string {
	tag := field.Tag.Get("pulumi")
	if args, is := v.Interface().(pulumi.Input); tag == "" && is && args.ElementType().Kind() == reflect.Struct {
		if resolved, is := args.ElementType().FieldByName(field.Name); is {
			tag = resolved.Tag.Get("pulumi")
		}
	}
	name, _, _ := strings.Cut(tag, ",")
	return name
}

// plain turns properties into what JSON has: the SDK's structs name their fields by a tag. What is unknown or secret is
// left out and written down.
func (r *resolving) plain(v reflect.Value, at []string) any {
	if !v.IsValid() || v.Kind() == reflect.Interface && v.IsNil() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	if output, is := v.Interface().(pulumi.Output); is {
		result, err := internals.UnsafeAwaitOutput(r.ctx, output)
		if err != nil {
			r.err = errors.Join(r.err, err)
			return nil
		}
		if !result.Known || result.Secret {
			r.object.Unknown = append(r.object.Unknown, at)
			return nil
		}
		return r.plain(reflect.ValueOf(result.Value), at)
	}
	below := func(key string) []string { return append(at[:len(at):len(at)], key) }
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return r.plain(v.Elem(), at)
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			name := propertyOf(v, v.Type().Field(i))
			if name == "" {
				continue
			}
			if value := r.plain(v.Field(i), below(name)); value != nil {
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
			if inner := r.plain(value, below(key.String())); inner != nil {
				fields[key.String()] = inner
			}
		}
		return fields
	case reflect.Slice:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = r.plain(v.Index(i), below(strconv.Itoa(i)))
		}
		return items
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
