package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// defaulted is the input in which pulumi-aws notes the inputs that it chose itself.
const defaulted = "__defaults"

// complete gives a name to a resource whose program gives none: that of its old state when it was chosen here, else a
// new one that ends in seven random hex digits.
func (n naming) complete(inputs, old property.Map, resourceName string, seed []byte) (property.Map, error) {
	if n.input == "" || !inputs.Get(n.input).IsNull() {
		return inputs, nil
	}
	name := old.Get(n.input)
	if !n.chose(old) || !name.IsString() {
		prefix := resourceName + "-"
		if p := inputs.Get(n.prefix); p.IsString() {
			prefix = p.AsString()
		} else if p.IsComputed() {
			return inputs.Set(n.input, p), nil
		}
		if n.lower {
			prefix = strings.ToLower(prefix)
		}
		chosen, err := sdk.NewUniqueName(seed, prefix, 7, n.max, nil)
		if err != nil {
			return inputs, fmt.Errorf("cannot be chosen: %w", err)
		}
		name = property.New(chosen)
	}
	return inputs.Set(n.input, name).Set(defaulted, property.New([]property.Value{property.New(n.input)})), nil
}

// chose tells whether the name in these inputs was chosen here, and not by the program.
func (n naming) chose(inputs property.Map) bool {
	notes := inputs.Get(defaulted)
	return notes.IsArray() && slices.ContainsFunc(notes.AsArray().AsSlice(),
		func(v property.Value) bool { return v.Equals(property.New(n.input)) })
}

type urnKey struct{}

func withURN(ctx context.Context, urn sdk.URN) context.Context {
	return context.WithValue(ctx, urnKey{}, urn)
}

func urnFrom(ctx context.Context) sdk.URN {
	urn, _ := ctx.Value(urnKey{}).(sdk.URN)
	return urn
}
