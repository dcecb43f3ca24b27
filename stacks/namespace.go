package stacks

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/review"
)

// newNamespace declares the namespace of all services, with its pods held to the restricted Pod Security Standard.
func (s stack) newNamespace() (*corev1.Namespace, error) {
	annotations := map[string]string{}
	if s.config.Chaos.Enabled {
		maps.Copy(annotations, chaos.TargetAnnotations())
	}
	if !s.config.Size.Enabled {
		annotations[review.AnnotationUnadvised] = "opex:size is not enabled" // or the review would ask for advice
	}
	metadata := s.metadata(s.config.Namespace)
	labels := maps.Clone(platform.RestrictedLabels())
	maps.Copy(labels, s.sharedLabels())
	metadata.Labels = pulumi.ToStringMap(labels)
	if len(annotations) > 0 {
		metadata.Annotations = pulumi.ToStringMap(annotations)
	}
	return corev1.NewNamespace(s.ctx, "namespace", &corev1.NamespaceArgs{Metadata: metadata}, s.object()...)
}

// metadata is that of an object which belongs to all services.
func (s stack) metadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{Name: pulumi.String(name), Labels: pulumi.ToStringMap(s.sharedLabels())}
}

// sharedLabels are those of the cost labels that all services share.
func (s stack) sharedLabels() map[string]string {
	c := s.config
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
	return labels
}
