package platform

import (
	"maps"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
)

// Values of the label app.kubernetes.io/component.
const (
	ComponentAPI      = "api"
	ComponentDatabase = "database"
)

// Labels are those of one service.
type Labels struct {
	instance string // the service's name
	cost     contract.CostLabels
	further  map[string]string
}

// LabelsOf returns the labels of a service.
func LabelsOf(s spec.Service, environment string) Labels {
	return Labels{
		instance: s.Name,
		cost:     contract.CostLabels{Team: s.Team, App: s.Name, Environment: environment, CostCenter: s.CostCenter},
		further:  s.Labels,
	}
}

// Identity tells a component's pods from all others, and is what selectors hold. It never changes while the service
// lives, as a selector must not; no cost label is in it, since those may change.
func (l Labels) Identity(component string) map[string]string {
	name := l.instance
	if component == ComponentDatabase {
		name = "postgresql"
	}
	return map[string]string{
		contract.LabelName: name, contract.LabelInstance: l.instance, contract.LabelComponent: component,
	}
}

// Object returns the labels of every object and pod template of a component.
func (l Labels) Object(component string) map[string]string {
	all := l.Identity(component)
	maps.Copy(all, l.further)
	maps.Copy(all, l.cost.Map())
	all[contract.LabelManagedBy] = "pulumi"
	return all
}

// Cost returns the cost labels.
func (l Labels) Cost() map[string]string { return l.cost.Map() }

// Metadata is that of an object of a component.
func (l Labels) Metadata(object, component string, namespace pulumi.StringInput) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name: pulumi.String(object), Namespace: namespace.ToStringOutput().ToStringPtrOutput(),
		Labels: pulumi.ToStringMap(l.Object(component)),
	}
}

// Selector finds what carries all of the labels.
func Selector(labels map[string]string) *metav1.LabelSelectorArgs {
	return &metav1.LabelSelectorArgs{MatchLabels: pulumi.ToStringMap(labels)}
}
