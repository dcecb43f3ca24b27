package chaos

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
)

// newReader lets the controller read what the chart forgets when it is held to one namespace: the annotation of
// namespaces, without which its filter lets nothing through, and RemoteClusters, without which it gives up every two
// minutes. It returns the binding.
func newReader(
	ctx *pulumi.Context, name string, a ChaosLabArgs, namespace *corev1.Namespace, child pulumi.ResourceOption,
) (pulumi.Resource, error) {
	read := func(group, resource string) *rbacv1.PolicyRuleArgs {
		return &rbacv1.PolicyRuleArgs{
			ApiGroups: texts(group),
			Resources: texts(resource),
			Verbs:     texts("get", "list", "watch"),
		}
	}
	reader, err := rbacv1.NewClusterRole(ctx, name+"-reader", &rbacv1.ClusterRoleArgs{
		Metadata: a.Metadata(chaosReader, chaosName, nil),
		Rules:    rbacv1.PolicyRuleArray{read("", "namespaces"), read("chaos-mesh.org", "remoteclusters")},
	}, child)
	if err != nil {
		return nil, err
	}
	return rbacv1.NewClusterRoleBinding(ctx, name+"-reader-binding", &rbacv1.ClusterRoleBindingArgs{
		Metadata: a.Metadata(chaosReader, chaosName, nil),
		RoleRef: &rbacv1.RoleRefArgs{
			ApiGroup: pulumi.String(rbac), Kind: pulumi.String("ClusterRole"), Name: reader.Metadata.Name().Elem(),
		},
		Subjects: rbacv1.SubjectArray{&rbacv1.SubjectArgs{
			Kind: pulumi.String(
				"ServiceAccount",
			), Name: pulumi.String(Controller), Namespace: platform.NameOf(namespace),
		}},
	}, child)
}
