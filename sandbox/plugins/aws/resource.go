package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
)

// resource is a kind of resource: what it takes, and what makes, finds and removes it.
type resource struct {
	tokens  []string // its names in pulumi-aws v6 and v7, where its shape is the same
	inputs  fields
	outputs []string // computed by put, not known before it
	named   naming   // the input that gets a name when the program gives none
	tagged  bool     // it has tags, and tagsAll in its outputs: the provider's default tags and its own
	foreign bool     // it is kept in the state only, so there is nothing to import

	// verify returns the problems that a field's own description cannot say. Optional.
	verify func(in plain) []provider.CheckFailure
	// put creates the resource when id is empty, and updates it otherwise. It returns the id and the outputs.
	put func(ctx context.Context, c *cloud, id string, in, old plain) (newID string, out plain, err error)
	// get finds the resource as it really is: its inputs and outputs, or errGone. Old is its state, empty on import.
	get func(ctx context.Context, c *cloud, id string, old plain) (in, out plain, err error)
	// remove deletes the resource. One that is gone already is no error.
	remove func(ctx context.Context, c *cloud, id string, old plain) error
}

// naming is how a resource gets a name of its own.
type naming struct {
	input  string // empty: it needs none
	prefix string // the input that replaces the Pulumi name as the name's beginning
	max    int    // characters
	lower  bool
}

// resources are all kinds that the stand-in supports.
var resources = slices.Concat(
	[]resource{bucket, bucketLegacy},
	settings,
	[]resource{policy, role, roleAttachment, oidcProvider},
)

// find returns the resource with the given type token, or a refusal that lists those there are.
func find(token string) (resource, error) {
	var known []string
	for _, r := range resources {
		if slices.Contains(r.tokens, token) {
			return r, nil
		}
		known = append(known, r.tokens...)
	}
	slices.Sort(known)
	return resource{}, fmt.Errorf(
		"%s is not supported by the offline stand-in for pulumi-resource-aws, so nothing was "+
			"done: it knows buckets and the roles that use them, namely %s",
		token,
		strings.Join(known, ", "),
	)
}

// allTags is the provider's default tags with the resource's own.
func (c *cloud) allTags(in plain) plain {
	all := plain{}
	for key, value := range c.defaultTags {
		all[key] = value
	}
	own, _ := in["tags"].(plain)
	for key, value := range own {
		all[key] = value
	}
	return all
}

// ownTags is what is left of all tags without the provider's default ones.
func (c *cloud) ownTags(all plain) plain {
	own := plain{}
	for key, value := range all {
		if d, ok := c.defaultTags[key]; !ok || d != value {
			own[key] = value
		}
	}
	return own
}
