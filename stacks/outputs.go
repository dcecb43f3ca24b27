package stacks

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
)

// identified are the outputs that dashboards and the command read: what the components say of themselves, of which stack and cluster.
// Nothing of it is secret.
func identified(c Config, clusterUID string, outputs pulumi.Map) pulumi.Map {
	all := pulumi.Map{
		contract.OutputEnvironment: pulumi.String(c.Environment),
		contract.OutputCluster:     pulumi.StringMap{"context": pulumi.String(c.Cluster.Context), "uid": pulumi.String(clusterUID)},
	}
	maps.Copy(all, outputs)
	return all
}

// with adds a key to a service's output.
func with(service pulumi.MapOutput, key string, value pulumi.Input) pulumi.MapOutput {
	return pulumi.All(service, value).ApplyT(func(both []any) map[string]any {
		output := maps.Clone(both[0].(map[string]any))
		output[key] = both[1]
		return output
	}).(pulumi.MapOutput)
}
