package aws

import (
	"context"
	"reflect"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

func (s *server) diff(_ context.Context, req provider.DiffRequest) (provider.DiffResponse, error) {
	r, err := find(string(req.Urn.Type()))
	if err != nil {
		return provider.DiffResponse{}, err
	}
	d := difference(r.inputs, req.OldInputs, req.Inputs)
	if r.tagged && !req.Inputs.Get("tags").HasComputed() {
		// The provider's default tags are no input of the resource, so a change of them shows here only.
		old, _ := toPlain(req.State)["tagsAll"].(plain)
		if all := s.cloud.allTags(toPlain(req.Inputs)); len(old)+len(all) > 0 && !reflect.DeepEqual(old, all) {
			d.DetailedDiff["tagsAll"] = provider.PropertyDiff{Kind: provider.Update}
			d.HasChanges = true
		}
	}
	// Two resources of one name cannot be there at once. A name chosen here is chosen anew for the replacement.
	name := r.named.input
	d.DeleteBeforeReplace = name != "" && !r.named.chose(req.Inputs) &&
		req.OldInputs.Get(name).Equals(req.Inputs.Get(name))
	return d, nil
}

// difference compares old and new inputs. Fields, when given, tell which changes replace the resource.
func difference(fs fields, old, now property.Map) provider.DiffResponse {
	before, after := old, now
	for name, v := range now.All {
		was := old.Get(name)
		if fs[name].kind == document && was.IsString() && v.IsString() && sameDocument(was.AsString(), v.AsString()) {
			before, after = before.Delete(name), after.Delete(name)
		}
	}
	// Notes are no inputs: which names were chosen here, and by which version.
	before, after = withoutNotes(before), withoutNotes(after)
	changes := sdk.ToResourcePropertyMap(before).Diff(sdk.ToResourcePropertyMap(after))
	detailed := map[string]provider.PropertyDiff{}
	for path, d := range plugin.NewDetailedDiffFromObjectDiff(changes, true) {
		kind := [...]provider.DiffKind{provider.Add, provider.AddReplace, provider.Delete, provider.DeleteReplace,
			provider.Update, provider.UpdateReplace}[d.Kind]
		parsed, _ := sdk.ParsePropertyPath(path)
		if top, ok := parsed[0].(string); ok && fs[top].replaces {
			kind += "&replace"
		}
		detailed[path] = provider.PropertyDiff{Kind: kind, InputDiff: true}
	}
	return provider.DiffResponse{HasChanges: len(detailed) > 0, DetailedDiff: detailed}
}

func withoutNotes(m property.Map) property.Map {
	for name := range m.All {
		if strings.HasPrefix(name, "__") {
			m = m.Delete(name)
		}
	}
	return m
}
