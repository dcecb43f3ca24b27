package components

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// release is a Helm release: `kubernetes:helm.sh/v3:Release` of pulumi-kubernetes, with its token and keys. The SDK's own
// type would bring every kind of Kubernetes into the first compile (docs/decisions/0003-short-first-compile.md).
type release struct {
	pulumi.CustomResourceState
}

// newRelease installs a chart under the chart's name into a namespace, and waits until what it made is ready. Hooks run.
func newRelease(ctx *pulumi.Context, name string, c chart, namespace pulumi.StringInput, values any, opts ...pulumi.ResourceOption) (*release, error) {
	plain, err := plainOf(values)
	if err != nil {
		return nil, fmt.Errorf("values of chart %s: %w", c.name, err)
	}
	installed := &release{}
	return installed, ctx.RegisterResource("kubernetes:helm.sh/v3:Release", name, pulumi.Map{
		"name":           pulumi.String(c.name),
		"chart":          pulumi.String(c.name),
		"version":        pulumi.String(c.version),
		"repositoryOpts": pulumi.Map{"repo": pulumi.String(c.repository)},
		"namespace":      namespace,
		"values":         pulumi.Any(plain),
		"timeout":        pulumi.Int(300), // seconds
		// A first install that fails leaves nothing behind that the next one would stumble over.
		"atomic":        pulumi.Bool(true),
		"cleanupOnFail": pulumi.Bool(true),
	}, installed, opts...)
}

// plainOf turns what has JSON tags into the maps, lists and values that an argument takes.
func plainOf(value any) (plain any, err error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return plain, json.Unmarshal(data, &plain)
}
