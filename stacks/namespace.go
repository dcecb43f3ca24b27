package stacks

import (
	"maps"

	"github.com/opex-project/opex/internal/contract"
)

// namespaceLabels holds the namespace's pods to the restricted Pod Security Standard. Of the cost labels it carries those
// that all services share.
func namespaceLabels(c Config) map[string]string {
	labels := map[string]string{
		contract.LabelTeam:       c.Services[0].Team,
		contract.LabelApp:        c.Services[0].Name,
		contract.LabelCostCenter: c.Services[0].CostCenter,
	}
	for _, service := range c.Services {
		own := map[string]string{
			contract.LabelTeam: service.Team, contract.LabelApp: service.Name, contract.LabelCostCenter: service.CostCenter,
		}
		maps.DeleteFunc(labels, func(key, value string) bool { return own[key] != value })
	}
	labels[contract.LabelEnvironment] = c.Environment
	labels[contract.LabelManagedBy] = "pulumi"
	for _, mode := range []string{"enforce", "warn", "audit"} {
		labels["pod-security.kubernetes.io/"+mode] = "restricted"
	}
	return labels
}
