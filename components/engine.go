package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// OwnerSpec says who pays for the engines. It is `opex:platform`.
type OwnerSpec struct {
	Team       string `config:"team" doc:"Team that runs the engines: the value of their label team."`
	CostCenter string `config:"costCenter" doc:"Cost center that is charged for them: the value of their label cost-center."`
}

// SetDefaults fills what is unset.
func (o *OwnerSpec) SetDefaults() {
	setDefault(&o.Team, "platform-team")
	setDefault(&o.CostCenter, "engineering")
}

// Problems returns all that is wrong, by the config's keys.
func (o OwnerSpec) Problems() problem.List {
	var found problem.List
	checkLabelValue(&found, "team", o.Team)
	checkLabelValue(&found, "costCenter", o.CostCenter)
	return found
}

// EngineNamespaces returns the namespaces that belong to engines.
func EngineNamespaces() []string {
	return []string{openCostNamespace, prometheusNamespace, recommenderNamespace, veleroNamespace, chaosNamespace, exporterNamespace}
}

// EngineArgs are what all engines need.
type EngineArgs struct {
	// Owner pays for the engine. What is unset takes its default.
	Owner OwnerSpec
	// Environment is the value of the label environment. Required.
	Environment string
	// Images are used instead of the pinned ones.
	Images Images
}

func (e *EngineArgs) problems() problem.List {
	found := e.Owner.Problems()
	checkLabelValue(&found, "Environment", e.Environment)
	found.AddAll("Images.", e.Images.Problems())
	return found
}

// labels are the cost labels of an engine's objects and pods.
func (e EngineArgs) labels(app string) map[string]string {
	return contract.CostLabels{Team: e.Owner.Team, App: app, Environment: e.Environment, CostCenter: e.Owner.CostCenter}.Map()
}

// objectLabels are those of an engine's own objects.
func (e EngineArgs) objectLabels(app string) map[string]string {
	labels := e.labels(app)
	labels[contract.LabelManagedBy] = "pulumi"
	return labels
}

// newEngineNamespace declares the namespace of one engine, with its pods held to the restricted Pod Security Standard.
func newEngineNamespace(ctx *pulumi.Context, name, namespace string, e EngineArgs, opts ...pulumi.ResourceOption) (*Object, error) {
	labels := e.objectLabels(namespace)
	for _, mode := range []string{"enforce", "warn", "audit"} {
		labels["pod-security.kubernetes.io/"+mode] = "restricted"
	}
	return NewNamespace(ctx, name, namespace, labels, nil, opts...)
}
