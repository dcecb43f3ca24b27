package components

import (
	"encoding/json"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// release is a Helm release: `kubernetes:helm.sh/v3:Release` of pulumi-kubernetes, with its token and keys. The SDK's own
// type would bring every kind of Kubernetes into the first compile (docs/decisions/0003-short-first-compile.md).
type release struct {
	pulumi.CustomResourceState
}

// newRelease installs a chart under the chart's name into a namespace, and waits until what it made is ready. Hooks run. The
// values are what valuesOf returns.
func newRelease(ctx *pulumi.Context, name string, c chart, namespace pulumi.StringInput, values pulumi.Input, opts ...pulumi.ResourceOption) (*release, error) {
	installed := &release{}
	return installed, ctx.RegisterResource("kubernetes:helm.sh/v3:Release", name, pulumi.Map{
		"name":           pulumi.String(c.name),
		"chart":          pulumi.String(c.name),
		"version":        pulumi.String(c.version),
		"repositoryOpts": pulumi.Map{"repo": pulumi.String(c.repository)},
		"namespace":      namespace,
		"values":         values,
		"timeout":        pulumi.Int(300), // seconds
		// A first install that fails leaves nothing behind that the next one would stumble over.
		"atomic":        pulumi.Bool(true),
		"cleanupOnFail": pulumi.Bool(true),
	}, installed, opts...)
}

// valuesOf turns a struct with JSON tags into a chart's values.
func valuesOf(values any) pulumi.Input {
	plain, err := plainOf(values)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return pulumi.Any(plain)
}

// plainOf turns what has JSON tags into the maps, lists and values that an argument takes.
func plainOf(value any) (plain any, err error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return plain, json.Unmarshal(data, &plain)
}
