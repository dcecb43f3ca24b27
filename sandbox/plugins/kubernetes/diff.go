package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// diff compares the new inputs with the live object as last seen, cut to the shape of the old inputs: what the server
// or another controller added is no difference, what either of them changed is.
func (k *plugin) diff(ctx context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	ctx, done := k.during(ctx)
	defer done()
	if string(req.Urn.Type()) == releaseToken {
		return k.diffRelease(req)
	}
	complete := !hasComputed(req.Inputs)
	oldInputs, live := fromState(req.State)
	oldInputs = normalize(oldInputs, true)
	old := prune(live, oldInputs)
	inputs := normalize(toObject(req.Inputs), complete)
	if err := k.alignNamespaces(old, inputs); err != nil {
		return p.DiffResponse{}, err
	}
	dropServerFields(old)
	if named(inputs) {
		set(old, str(live, "metadata", "name"), "metadata", "name")
	}
	changes, err := withoutIgnored(diffObjects(old, inputs), req.IgnoreChanges)
	if err != nil {
		return p.DiffResponse{}, fmt.Errorf("%s: %w", req.Urn.Name(), err)
	}
	replace := markReplacing(changes, replacingFields(inputs, k.config))
	if len(changes) > 0 && !replace && complete {
		replace = k.askImmutable(ctx, changes, k.applier(req.Urn, inputs, oldInputs, req.State), inputs, live)
	}
	if !replace && annotation(inputs, replaceUnready) == "true" {
		var c *change
		if c, err = k.failedJob(ctx, inputs, live); err != nil {
			return p.DiffResponse{}, err
		}
		if c != nil {
			changes, replace = append(changes, *c), true
		}
	}
	return p.DiffResponse{
		HasChanges:   len(changes) > 0,
		DetailedDiff: detailed(changes),
		// Two objects of one name cannot exist at once; with a made-up name the new one gets another.
		DeleteBeforeReplace: replace && named(inputs) && annotation(inputs, autonamed) != "true" &&
			str(inputs, "metadata", "name") == str(live, "metadata", "name") &&
			str(inputs, "metadata", "namespace") == str(old, "metadata", "namespace"),
	}, nil
}

// alignNamespaces writes the default namespace out, or the namespace away for kinds that have none.
func (k *plugin) alignNamespaces(objects ...map[string]any) error {
	namespaced := true
	if k.cluster != nil {
		var err error
		if namespaced, err = k.cluster.namespaced(kindIn(objects[len(objects)-1])); err != nil {
			return err
		}
	}
	for _, object := range objects {
		if !namespaced {
			unset(object, "metadata", "namespace")
		} else if v, ok := get(object, "metadata", "namespace"); !ok || v == "" {
			set(object, "default", "metadata", "namespace")
		}
	}
	return nil
}

// markReplacing turns the changes that touch one of the fields into replacing ones, and says whether there are any.
func markReplacing(changes []change, fields []string) bool {
	found := false
	for i, c := range changes {
		if c.replaces(fields) || c.kind == p.Delete && c.String() == "metadata" {
			changes[i].kind = replacing(c.kind)
			found = true
		}
	}
	return found
}

func withoutIgnored(changes []change, ignored []string) ([]change, error) {
	var problems []error
	for _, text := range ignored {
		path, err := resource.ParsePropertyPath(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("ignoreChanges has %q, which is not a property path: %w", text, err))
			continue
		}
		changes = slices.DeleteFunc(changes, func(c change) bool { return path.Contains(resource.PropertyPath(c.path)) })
	}
	return changes, errors.Join(problems...)
}

func detailed(changes []change) map[string]p.PropertyDiff {
	diffs := map[string]p.PropertyDiff{}
	for _, c := range changes {
		diffs[c.String()] = p.PropertyDiff{Kind: c.kind}
	}
	return diffs
}
