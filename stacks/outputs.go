package stacks

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
)

// export publishes what dashboards and the command read, with what the components say of themselves. Nothing of it is secret.
func export(ctx *pulumi.Context, c Config, clusterUID string, outputs pulumi.Map) {
	ctx.Export(contract.OutputEnvironment, pulumi.String(c.Environment))
	ctx.Export(contract.OutputCluster, pulumi.StringMap{
		"context": pulumi.String(c.Cluster.Context),
		"uid":     pulumi.String(clusterUID),
	})
	for name, output := range outputs {
		ctx.Export(name, output)
	}
}

// with adds a key to a service's output.
func with(service pulumi.MapOutput, key string, value pulumi.Input) pulumi.MapOutput {
	return pulumi.All(service, value).ApplyT(func(both []any) map[string]any {
		output := maps.Clone(both[0].(map[string]any))
		output[key] = both[1]
		return output
	}).(pulumi.MapOutput)
}
