// Package platform is what bindings and engines share: cost labels, namespaces, parts of pods, Helm releases of pinned
// charts, dashboards and rules.
package platform

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// EngineArgs are what all engines need.
type EngineArgs struct {
	// Owner pays for the engine. What is unset takes its default.
	Owner spec.Owner
	// Environment is the value of the label environment. Required.
	Environment string
	// Images are used instead of the pinned ones.
	Images spec.Images
	// Charts says what differs from the pinned charts.
	Charts spec.Charts
	// Nodes says where the engine's pods may run.
	Nodes spec.Nodes
	// Protect refuses to delete what the engine keeps its data in, and what serves.
	Protect bool
}

// Problems returns all that is wrong.
func (e *EngineArgs) Problems() problem.List {
	found := e.Owner.Problems()
	spec.CheckLabelValue(&found, "Environment", e.Environment)
	found.AddAll("Images.", e.Images.Problems())
	found.AddAll("Charts.", e.Charts.Problems())
	found.AddAll("Nodes.", e.Nodes.Problems())
	return found
}

// Labels are the cost labels of an engine's objects and pods.
func (e EngineArgs) Labels(app string) map[string]string {
	return contract.CostLabels{
		Team:        e.Owner.Team,
		App:         app,
		Environment: e.Environment,
		CostCenter:  e.Owner.CostCenter,
	}.Map()
}

// ObjectLabels are those of an engine's own objects.
func (e EngineArgs) ObjectLabels(app string) map[string]string {
	labels := e.Labels(app)
	labels[contract.LabelManagedBy] = "pulumi"
	return labels
}

// Metadata is that of an engine's own object. A nil namespace is for objects of the whole cluster.
func (e EngineArgs) Metadata(object, app string, namespace pulumi.StringPtrInput) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:      pulumi.String(object),
		Namespace: namespace,
		Labels:    pulumi.ToStringMap(e.ObjectLabels(app)),
	}
}

// NewNamespace declares the namespace of one engine, with its pods held to a Pod Security Standard: restricted, or
// privileged for an engine that reaches into its node.
func (e EngineArgs) NewNamespace(
	ctx *pulumi.Context, name, namespace, app, standard string, opts ...pulumi.ResourceOption,
) (*corev1.Namespace, error) {
	labels := maps.Clone(e.ObjectLabels(app))
	labels["pod-security.kubernetes.io/enforce"] = standard
	if standard == Restricted {
		maps.Copy(labels, RestrictedLabels())
	}
	return corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(namespace), Labels: pulumi.ToStringMap(labels)},
	}, append(opts, pulumi.Protect(e.Protect))...)
}

// Pod Security Standards.
const (
	Restricted = "restricted"
	Privileged = "privileged"
)

// RestrictedLabels hold the pods of a namespace to the restricted Pod Security Standard.
func RestrictedLabels() map[string]string {
	labels := map[string]string{}
	for _, mode := range []string{"enforce", "warn", "audit"} {
		labels["pod-security.kubernetes.io/"+mode] = Restricted
	}
	return labels
}

// NameOf is an object's name; whatever uses it waits for the object.
func NameOf(namespace *corev1.Namespace) pulumi.StringOutput { return namespace.Metadata.Name().Elem() }
