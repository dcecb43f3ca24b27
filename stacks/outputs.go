package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
)

// export publishes what dashboards and the command read. Nothing of it is secret.
func export(ctx *pulumi.Context, c Config, clusterUID string, services pulumi.Map) {
	ctx.Export(contract.OutputEnvironment, pulumi.String(c.Environment))
	ctx.Export(contract.OutputCluster, pulumi.StringMap{
		"context": pulumi.String(c.Cluster.Context),
		"uid":     pulumi.String(clusterUID),
	})
	ctx.Export(contract.OutputServices, services)
}
