// Package aws is an offline stand-in for pulumi-resource-aws: the S3 resources that a backup bucket needs, done for
// real on an S3 server, and the IAM resources that give access to it, kept as declared. Everything else is refused by
// name.
//
// Tokens and shapes are those of pulumi-aws v6.83.2. Where the official plugin is installed, it is used instead.
package aws

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/opex-project/opex/sandbox/plugins/wire"
)

// Version is the release of pulumi-aws whose behaviour is followed.
const Version = "6.83.2"

// server answers the engine's calls. It is configured before any call about resources.
type server struct{ cloud *cloud }

// Provider makes the stand-in.
func Provider() provider.Provider {
	s := &server{}
	return provider.Provider{
		CheckConfig: func(_ context.Context, req provider.CheckRequest) (provider.CheckResponse, error) {
			inputs, problems := checkConfig(req.Inputs)
			return provider.CheckResponse{Inputs: inputs, Failures: problems}, nil
		},
		// A provider that changes only reaches its resources by other means: no resource is replaced.
		DiffConfig: func(_ context.Context, req provider.DiffRequest) (provider.DiffResponse, error) {
			return difference(nil, req.OldInputs, req.Inputs), nil
		},
		Configure: s.configure,
		Cancel:    func(context.Context) error { return nil },
		Invoke:    s.invoke,
		Check:     s.check,
		Diff:      s.diff,
		Create:    s.create,
		Read:      s.read,
		Update:    s.update,
		Delete:    s.delete,
	}
}

func (s *server) configure(_ context.Context, req provider.ConfigureRequest) error {
	c, err := newConfig(req.Args)
	if err != nil {
		return err
	}
	s.cloud, err = newCloud(c)
	return err
}

func (s *server) check(ctx context.Context, req provider.CheckRequest) (provider.CheckResponse, error) {
	r, err := find(string(req.Urn.Type()))
	if err != nil {
		return provider.CheckResponse{}, err
	}
	problems := r.inputs.check("", req.Inputs)
	inputs, err := r.named.complete(req.Inputs, req.State, req.Urn.Name(), wire.RandomSeed(ctx))
	if err != nil {
		problems = append(problems, provider.CheckFailure{Property: r.named.input, Reason: err.Error()})
	}
	if r.verify != nil && len(problems) == 0 && !property.New(inputs).HasComputed() {
		problems = r.verify(toPlain(inputs))
	}
	return provider.CheckResponse{Inputs: inputs, Failures: problems}, nil
}

func (s *server) create(ctx context.Context, req provider.CreateRequest) (provider.CreateResponse, error) {
	r, err := find(string(req.Urn.Type()))
	if err != nil {
		return provider.CreateResponse{}, err
	}
	if req.DryRun {
		return provider.CreateResponse{Properties: r.unknownOutputs(req.Properties)}, nil
	}
	id, out, err := r.put(withURN(ctx, req.Urn), s.cloud, "", toPlain(req.Properties), plain{})
	if err != nil {
		return provider.CreateResponse{}, fmt.Errorf(
			"%s %q was not created: %w", req.Urn.Type(), req.Urn.Name(), answer(err),
		)
	}
	return provider.CreateResponse{ID: id, Properties: r.state(s.cloud, req.Properties, out)}, nil
}

func (s *server) update(ctx context.Context, req provider.UpdateRequest) (provider.UpdateResponse, error) {
	r, err := find(string(req.Urn.Type()))
	if err != nil {
		return provider.UpdateResponse{}, err
	}
	old := toPlain(req.State)
	out := plain{}
	for _, name := range r.outputs {
		out[name] = old[name]
	}
	if !req.DryRun {
		if _, out, err = r.put(withURN(ctx, req.Urn), s.cloud, req.ID, toPlain(req.Inputs), old); err != nil {
			return provider.UpdateResponse{}, fmt.Errorf("%s %q (%s) was not updated: %w",
				req.Urn.Type(), req.Urn.Name(), req.ID, answer(err))
		}
	}
	return provider.UpdateResponse{Properties: r.state(s.cloud, req.Inputs, out)}, nil
}

func (s *server) read(ctx context.Context, req provider.ReadRequest) (provider.ReadResponse, error) {
	r, err := find(string(req.Urn.Type()))
	if err != nil {
		return provider.ReadResponse{}, err
	}
	old := toPlain(req.Properties)
	if r.foreign && len(old) == 0 {
		return provider.ReadResponse{}, fmt.Errorf(
			"%s %q cannot be imported: the offline stand-in keeps IAM resources in "+
				"the stack's state only, so there is no %q to read",
			req.Urn.Type(),
			req.Urn.Name(),
			req.ID,
		)
	}
	live, out, err := r.get(ctx, s.cloud, req.ID, old)
	if errors.Is(err, errGone) {
		return provider.ReadResponse{}, nil
	}
	if err != nil {
		return provider.ReadResponse{}, fmt.Errorf(
			"%s %q (%s) could not be read: %w", req.Urn.Type(), req.Urn.Name(), req.ID, answer(err),
		)
	}
	declared := toPlain(req.Inputs)
	for name, f := range r.inputs {
		if _, ok := declared[name]; f.computed && !ok && len(declared) > 0 {
			delete(live, name)
		}
	}
	inputs := req.Inputs // Values that are as declared stay, with their secret marks.
	for name, x := range r.inputs.overlay(declared, live) {
		if !reflect.DeepEqual(x, declared[name]) {
			inputs = inputs.Set(name, propertyValue(x))
		}
	}
	for name, x := range declared {
		if f, ok := r.inputs[name]; ok && !isZero(x) && f.overlay(x, live[name]) == nil {
			inputs = inputs.Delete(name)
		}
	}
	return provider.ReadResponse{ID: req.ID, Inputs: inputs, Properties: r.state(s.cloud, inputs, out)}, nil
}

func (s *server) delete(ctx context.Context, req provider.DeleteRequest) error {
	r, err := find(string(req.Urn.Type()))
	if err != nil {
		return err
	}
	if err := r.remove(ctx, s.cloud, req.ID, toPlain(req.Properties)); err != nil {
		return fmt.Errorf("%s %q (%s) was not deleted: %w", req.Urn.Type(), req.Urn.Name(), req.ID, answer(err))
	}
	return nil
}

// state is what the engine keeps of a resource: its inputs and its outputs.
func (r resource) state(c *cloud, inputs property.Map, out plain) property.Map {
	state := inputs.Delete("__defaults")
	if r.tagged {
		if _, ok := out["tagsAll"]; !ok {
			state = state.Set("tagsAll", propertyValue(c.allTags(toPlain(inputs))))
		}
	}
	for name, x := range out {
		if slices.Contains(r.outputs, name) || r.inputs[name].kind == flag || name == "tagsAll" {
			state = state.Set(name, propertyValue(x))
		}
	}
	return state
}

// unknownOutputs is the state in a preview: what put would compute is not known yet.
func (r resource) unknownOutputs(inputs property.Map) property.Map {
	for _, name := range r.outputs {
		inputs = inputs.Set(name, property.New(property.Computed))
	}
	return inputs.Delete("__defaults")
}
