package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
)

// outputs are what dashboards and the command read: of which stack and cluster, and what the components say of
// themselves. Nothing of it is secret.
func (s stack) outputs(e *engines, services pulumi.Map) pulumi.Map {
	all := pulumi.Map{
		contract.OutputEnvironment: pulumi.String(s.config.Environment),
		contract.OutputCluster: pulumi.StringMap{
			"context": pulumi.String(s.config.Cluster.Context), "uid": pulumi.String(s.found.uid),
		},
		contract.OutputServices: services,
	}
	dashboards := pulumi.Map{}
	if e.cost != nil {
		all[contract.OutputCost], dashboards["cost"] = e.cost.Cost, e.cost.Dashboard
	}
	if e.size != nil {
		all[contract.OutputSize] = e.size.Size
	}
	if e.backup != nil {
		all[contract.OutputBackup], dashboards["backup"] = e.backup.Vault, e.backup.Dashboard
	}
	if e.chaos != nil {
		all[contract.OutputChaos] = e.chaos.Lab
	}
	if e.proof != nil {
		dashboards["proof"] = e.proof.Dashboard
	}
	if len(dashboards) > 0 {
		all[contract.OutputDashboards] = dashboards
	}
	return all
}
