package components

import (
	"maps"

	"github.com/opex-project/opex/internal/contract"
)

// Values of the label app.kubernetes.io/component.
const (
	componentAPI      = "api"
	componentDatabase = "database"
)

// labels are those of one service.
type labels struct {
	instance string // the service's name
	cost     contract.CostLabels
	further  map[string]string
}

func newLabels(s ServiceSpec, environment string) labels {
	return labels{
		instance: s.Name,
		cost:     contract.CostLabels{Team: s.Team, App: s.Name, Environment: environment, CostCenter: s.CostCenter},
		further:  s.Labels,
	}
}

// identity tells a component's pods from all others, and is what selectors hold. It never changes while the service lives, as a
// selector must not; no cost label is in it, since those may change.
func (l labels) identity(component string) map[string]string {
	name := l.instance
	if component == componentDatabase {
		name = "postgresql"
	}
	return map[string]string{
		contract.LabelName: name, contract.LabelInstance: l.instance, contract.LabelComponent: component,
	}
}

// object returns the labels of every object, pod template and volume claim of a component.
func (l labels) object(component string) map[string]string {
	all := l.identity(component)
	maps.Copy(all, l.further)
	maps.Copy(all, l.cost.Map())
	all[contract.LabelManagedBy] = "pulumi"
	return all
}
