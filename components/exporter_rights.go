package components

import (
	"fmt"
	"maps"
	"slices"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// right is a rule of a Role: what may be done to which objects. No names are all.
type right struct {
	group     string
	resources []string
	verbs     []string
	names     []string
}

// rightsOf are what the criteria ask of each namespace, and no more: they read, in the namespaces of the services and of the engines that
// the stack has. The one right that is more than reading is to run a command in the pods of the services' own databases, by name: SC-006
// looks at the dump there.
func (a ExporterArgs) rightsOf() map[string][]right {
	list, get := []string{"list"}, []string{"get"}
	var databases []string
	for _, s := range a.Services {
		if s.Database != nil {
			databases = append(databases, s.databaseName()+"-0")
		}
	}
	own := []right{
		{"", []string{"pods"}, list, nil}, {"apps", []string{"deployments", "statefulsets"}, list, nil},
		{"autoscaling", []string{"horizontalpodautoscalers"}, list, nil},
	}
	if a.Looks.Size {
		own = append(own, right{"autoscaling.k8s.io", []string{"verticalpodautoscalers", "verticalpodautoscalercheckpoints"}, list, nil})
	}
	if a.Looks.Backup && len(databases) > 0 {
		own = append(own, right{"", []string{"pods/exec"}, []string{"get", "create"}, databases})
	}
	all := map[string][]right{a.Namespace: own}
	if a.Looks.Cost {
		all[openCostNamespace] = []right{{"", []string{"services/proxy"}, get, []string{fmt.Sprintf("http:%s:%d", openCostName, openCostPort)}}}
	}
	if a.Looks.Size {
		all[recommenderNamespace] = []right{{"apps", []string{"deployments"}, get, []string{recommenderDeployment}}}
	}
	if a.Looks.Backup {
		all[veleroNamespace] = []right{
			{"velero.io", []string{"schedules", "backups", "podvolumebackups"}, list, nil},
			{"velero.io", []string{"backupstoragelocations"}, get, []string{storageLocationName}},
			{"apps", []string{"deployments"}, get, []string{veleroName}}, {"", []string{"pods", "configmaps"}, list, nil},
		}
	}
	if a.Looks.Chaos {
		all[chaosNamespace] = []right{{"", []string{"configmaps"}, list, nil}}
	}
	return all
}

// exporterRights gives the account a Role in each namespace, and leave to see which cluster this is.
func exporterRights(ctx *pulumi.Context, name string, a ExporterArgs, account, home *Object, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var made []pulumi.Resource
	give := func(resource, kind, namespace string, rights []right) error {
		meta := func() *metav1.ObjectMetaArgs {
			m := &metav1.ObjectMetaArgs{Name: pulumi.String(exporterName), Labels: pulumi.ToStringMap(a.objectLabels(exporterName))}
			if namespace != "" {
				m.Namespace = pulumi.String(namespace)
			}
			return m
		}
		rules := pulumi.Array{}
		for _, r := range rights {
			rule := pulumi.Map{"apiGroups": pulumi.ToStringArray([]string{r.group}), "resources": pulumi.ToStringArray(r.resources), "verbs": pulumi.ToStringArray(r.verbs)}
			if len(r.names) > 0 {
				rule["resourceNames"] = pulumi.ToStringArray(r.names)
			}
			rules = append(rules, rule)
		}
		role, err := newObject(ctx, resource, rbac+"/v1", kind, meta(), pulumi.Map{"rules": rules}, opts...)
		if err != nil {
			return err
		}
		binding, err := newObject(ctx, resource+"-binding", rbac+"/v1", kind+"Binding", meta(), pulumi.Map{
			"roleRef":  pulumi.Map{"apiGroup": pulumi.String(rbac), "kind": pulumi.String(kind), "name": role.Name()},
			"subjects": pulumi.Array{pulumi.Map{"kind": pulumi.String("ServiceAccount"), "name": account.Name(), "namespace": home.Name()}},
		}, opts...)
		made = append(made, binding)
		return err
	}
	if err := give(name+"-identity", clusterRole, "", []right{{"", []string{"namespaces"}, []string{"get"}, []string{"kube-system"}}}); err != nil {
		return nil, err
	}
	all := a.rightsOf()
	for _, namespace := range slices.Sorted(maps.Keys(all)) {
		if err := give(name+"-in-"+namespace, "Role", namespace, all[namespace]); err != nil {
			return nil, err
		}
	}
	return made, nil
}
