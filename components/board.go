package components

import (
	"encoding/json"
	"maps"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/grafana"
)

// board is a dashboard and the objectives that its queries are held against, by the panel's title.
type board struct {
	grafana.Dashboard
	objectives map[string]float64
}

// newDashboard puts a dashboard into a namespace, where the sidecar of Grafana's chart finds it. The output is a
// contract.Dashboard as a map.
func newDashboard(ctx *pulumi.Context, name string, b board, home *Object, labels map[string]string, opts ...pulumi.ResourceOption) (pulumi.MapOutput, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return pulumi.MapOutput{}, err
	}
	labels = maps.Clone(labels)
	labels["grafana_dashboard"] = "1" // what the sidecar looks for
	object := "opex-dashboard-" + b.Tags[0]
	configMap, err := newObject(ctx, name, "v1", "ConfigMap", &metav1.ObjectMetaArgs{
		Name: pulumi.String(object), Namespace: home.Name(), Labels: pulumi.ToStringMap(labels),
	}, pulumi.Map{"data": pulumi.StringMap{b.UID + ".json": pulumi.String(string(text))}}, opts...)
	if err != nil {
		return pulumi.MapOutput{}, err
	}
	return pulumi.All(configMap.ID(), configMap.Metadata.Namespace().Elem()).ApplyT(func(ids []any) (map[string]any, error) {
		return contract.Map(contract.Dashboard{
			Title: b.Title, UID: b.UID, ConfigMap: ids[1].(string) + "/" + object, Queries: b.Queries(), Objectives: b.objectives,
		})
	}).(pulumi.MapOutput), nil
}
