package proof

import (
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/chaos"
	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/components/size"
)

// permission is a rule of a Role. Empty names mean all names.
type permission struct {
	group     string
	resources []string
	verbs     []string
	names     []string
}

// permissionsOf are what the criteria ask of each namespace, and no more: they read, in the namespaces of the services
// and of the engines that the stack has. The one right that is more than reading is to run a command in the pods of the
// services' own databases, by name: SC-006 looks at the dump there.
func (a ExporterArgs) permissionsOf() map[string][]permission {
	list, get := []string{"list"}, []string{"get"}
	var databases []string
	for _, s := range a.Services {
		if s.Database != nil {
			databases = append(databases, s.DatabaseName()+"-0")
		}
	}
	own := []permission{
		{"", []string{"pods"}, list, nil}, {"apps", []string{"deployments", "statefulsets"}, list, nil},
		{"autoscaling", []string{"horizontalpodautoscalers"}, list, nil},
	}
	if a.Looks.Size {
		own = append(
			own,
			permission{
				"autoscaling.k8s.io", []string{"verticalpodautoscalers", "verticalpodautoscalercheckpoints"}, list, nil,
			},
		)
	}
	if a.Looks.Backup && len(databases) > 0 {
		own = append(own, permission{"", []string{"pods/exec"}, []string{"get", "create"}, databases})
	}
	all := map[string][]permission{a.Namespace: own}
	if a.Looks.Cost {
		all[cost.OpenCostNamespace] = []permission{
			{
				"", []string{"services/proxy"}, get,
				[]string{fmt.Sprintf("http:%s:%d", cost.OpenCostName, cost.OpenCostPort)},
			},
		}
	}
	if a.Looks.Size {
		all[size.Namespace] = []permission{{"apps", []string{"deployments"}, get, []string{size.Deployment}}}
	}
	if a.Looks.Backup {
		all[backup.Namespace] = []permission{
			{"velero.io", []string{"schedules", "backups", "podvolumebackups"}, list, nil},
			{"velero.io", []string{"backupstoragelocations"}, get, []string{backup.StorageLocationName}},
			{
				"apps", []string{"deployments"}, get, []string{backup.DeploymentName},
			}, {"", []string{"pods", "configmaps"}, list, nil},
		}
	}
	if a.Looks.Chaos {
		all[chaos.Namespace] = []permission{{"", []string{"configmaps"}, list, nil}}
	}
	return all
}

// newPermissions gives the account a Role in each namespace, and lets it see which cluster this is. It returns the
// bindings.
func newPermissions(
	ctx *pulumi.Context, name string, a ExporterArgs, account *corev1.ServiceAccount, child pulumi.ResourceOption,
) ([]pulumi.Resource, error) {
	subjects := rbacv1.SubjectArray{&rbacv1.SubjectArgs{
		Kind: pulumi.String("ServiceAccount"),
		Name: account.Metadata.Name().Elem(), Namespace: account.Metadata.Namespace(),
	}}
	identity := name + "-identity"
	role, err := rbacv1.NewClusterRole(ctx, identity, &rbacv1.ClusterRoleArgs{
		Metadata: a.Metadata(exporterName, exporterName, nil),
		Rules:    rulesOf([]permission{{"", []string{"namespaces"}, []string{"get"}, []string{"kube-system"}}}),
	}, child)
	if err != nil {
		return nil, err
	}
	binding, err := rbacv1.NewClusterRoleBinding(ctx, identity+"-binding", &rbacv1.ClusterRoleBindingArgs{
		Metadata: a.Metadata(exporterName, exporterName, nil),
		RoleRef:  roleRef("ClusterRole", role.Metadata), Subjects: subjects,
	}, child)
	if err != nil {
		return nil, err
	}
	bindings := []pulumi.Resource{binding}
	all := a.permissionsOf()
	for _, namespace := range slices.Sorted(maps.Keys(all)) {
		resource := name + "-in-" + namespace
		role, err := rbacv1.NewRole(ctx, resource, &rbacv1.RoleArgs{
			Metadata: a.Metadata(exporterName, exporterName, pulumi.String(namespace)), Rules: rulesOf(all[namespace]),
		}, child)
		if err != nil {
			return nil, err
		}
		binding, err := rbacv1.NewRoleBinding(ctx, resource+"-binding", &rbacv1.RoleBindingArgs{
			Metadata: a.Metadata(exporterName, exporterName, pulumi.String(namespace)),
			RoleRef:  roleRef("Role", role.Metadata), Subjects: subjects,
		}, child)
		if err != nil {
			return nil, err
		}
		bindings = append(bindings, binding)
	}
	return bindings, nil
}

func roleRef(kind string, role metav1.ObjectMetaOutput) *rbacv1.RoleRefArgs {
	return &rbacv1.RoleRefArgs{
		ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String(kind), Name: role.Name().Elem(),
	}
}

func rulesOf(permissions []permission) rbacv1.PolicyRuleArray {
	var rules rbacv1.PolicyRuleArray
	for _, p := range permissions {
		rule := &rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray([]string{p.group}),
			Resources: pulumi.ToStringArray(p.resources), Verbs: pulumi.ToStringArray(p.verbs),
		}
		if len(p.names) > 0 {
			rule.ResourceNames = pulumi.ToStringArray(p.names)
		}
		rules = append(rules, rule)
	}
	return rules
}
