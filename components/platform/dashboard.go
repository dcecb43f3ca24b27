package platform

import (
	"encoding/json"
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/grafana"
)

// Dashboard is a page for Grafana and the objectives that its queries are held against, by the panel's title.
type Dashboard struct {
	grafana.Dashboard
	Objectives map[string]float64 `json:"-"`
}

// NewDashboard puts a dashboard into a namespace, where the sidecar of Grafana's chart finds it. The output is a
// contract.Dashboard as a map.
func NewDashboard(
	ctx *pulumi.Context, name string, d Dashboard, namespace *corev1.Namespace, labels map[string]string,
	opts ...pulumi.ResourceOption,
) (pulumi.MapOutput, error) {
	text, err := json.Marshal(d.Dashboard)
	if err != nil {
		return pulumi.MapOutput{}, err
	}
	labels = maps.Clone(labels)
	labels["grafana_dashboard"] = "1" // what the sidecar looks for
	object := "opex-dashboard-" + d.Tags[0]
	configMap, err := corev1.NewConfigMap(ctx, name, &corev1.ConfigMapArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name:      pulumi.String(object),
			Namespace: NameOf(namespace),
			Labels:    pulumi.ToStringMap(labels),
		},
		Data: pulumi.StringMap{d.UID + ".json": pulumi.String(string(text))},
	}, opts...)
	if err != nil {
		return pulumi.MapOutput{}, err
	}
	return pulumi.All(configMap.ID(), configMap.Metadata.Namespace().Elem()).ApplyT(func(ids []any) (map[string]any, error) {
		return contract.Map(contract.Dashboard{
			Title: d.Title, UID: d.UID, ConfigMap: ids[1].(string) + "/" + object, Queries: d.Queries(), Objectives: d.Objectives,
		})
	}).(pulumi.MapOutput), nil
}
