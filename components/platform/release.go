package platform

import (
	"encoding/json"
	"maps"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Release is a Helm release, `kubernetes:helm.sh/v3:Release` of pulumi-kubernetes. It is the one resource that is not
// the SDK's own: kubernetes/helm/v3 imports every kind of Kubernetes, which would take a quarter of an hour to compile
// (docs/decisions/0015-typed-on-the-sdks.md). Token and keys are the SDK's.
type Release struct {
	pulumi.CustomResourceState

	Name      pulumi.StringOutput `pulumi:"name"`
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	Version   pulumi.StringOutput `pulumi:"version"`
}

// releaseArgs are the arguments that are used here, as in helmv3.ReleaseArgs.
type releaseArgs struct {
	Name           string         `pulumi:"name"`
	Chart          string         `pulumi:"chart"`
	Version        string         `pulumi:"version"`
	RepositoryOpts repositoryOpts `pulumi:"repositoryOpts"`
	Namespace      string         `pulumi:"namespace"`
	Values         map[string]any `pulumi:"values"`
	Timeout        int            `pulumi:"timeout"`
	CleanupOnFail  bool           `pulumi:"cleanupOnFail"`
	Compat         string         `pulumi:"compat"`
}

type repositoryOpts struct {
	Repo *string `pulumi:"repo"`
}

// ReleaseArgs are the inputs of a Release.
type ReleaseArgs struct {
	Name           pulumi.StringInput
	Chart          pulumi.StringInput
	Version        pulumi.StringInput
	RepositoryOpts RepositoryOptsArgs
	Namespace      pulumi.StringInput
	Values         pulumi.MapInput
	Timeout        pulumi.IntInput // seconds
	CleanupOnFail  pulumi.BoolInput
	Compat         pulumi.StringInput // "true", as the SDK sets it
}

// ElementType is that of the resolved arguments.
func (ReleaseArgs) ElementType() reflect.Type { return reflect.TypeFor[releaseArgs]() }

// RepositoryOptsArgs say where the chart is. Without a Repo, the chart's name is a reference of its own, such as
// oci://host/chart.
type RepositoryOptsArgs struct {
	Repo pulumi.StringPtrInput `pulumi:"repo"`
}

// ElementType is that of the resolved arguments.
func (RepositoryOptsArgs) ElementType() reflect.Type { return reflect.TypeFor[repositoryOpts]() }

// NewRelease installs an official chart under its own name into a namespace, and waits until what it made is ready.
// Hooks run. Values have the chart's keys as JSON tags. What the stack's file says about the chart comes over it.
func NewRelease(
	ctx *pulumi.Context, name string, c Chart, e EngineArgs, namespace pulumi.StringInput, values pulumi.MapInput,
	opts ...pulumi.ResourceOption,
) (*Release, error) {
	custom := e.Charts.Of(c.Name)
	chart, repository := custom.Source(c.Name, c.Repository)
	args := &ReleaseArgs{
		Name:  pulumi.String(c.Name),
		Chart: pulumi.String(chart), Version: pulumi.String(c.Version), Namespace: namespace,
		Values:  values,
		Timeout: pulumi.Int(int(custom.Timeout.Value().Seconds())),
		// Not atomic: a first install that times out would be removed, and with it the reason. The next update goes on
		// from there.
		CleanupOnFail: pulumi.Bool(true),
		Compat:        pulumi.String("true"),
	}
	if repository != "" {
		args.RepositoryOpts.Repo = pulumi.String(repository)
	}
	if len(custom.Values) > 0 {
		args.Values = values.ToMapOutput().ApplyT(func(own map[string]any) map[string]any {
			return merged(own, custom.Values)
		}).(pulumi.MapOutput)
	}
	release := &Release{}
	return release, ctx.RegisterResource("kubernetes:helm.sh/v3:Release", name, args, release, opts...)
}

// merged returns values with others over them, as Helm merges: key by key, lists whole.
func merged(values, over map[string]any) map[string]any {
	all := maps.Clone(values)
	for key, value := range over {
		below, isMap := value.(map[string]any)
		if own, is := all[key].(map[string]any); is && isMap {
			value = merged(own, below)
		}
		all[key] = value
	}
	return all
}

// Plain turns what has JSON tags, such as a chart's values or the spec of a custom resource, into the maps, lists and
// values that an untyped argument takes.
func Plain(value any) (map[string]any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	return plain, json.Unmarshal(data, &plain)
}

// Values is Plain for what always marshals: structs of plain fields.
func Values(value any) pulumi.Map {
	plain, err := Plain(value)
	if err != nil {
		panic(err)
	}
	return pulumi.ToMap(plain)
}
