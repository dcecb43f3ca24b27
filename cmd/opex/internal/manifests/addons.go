package manifests

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// addons are the kinds of add-ons that rules read, with the types of the fields that they read. Their CRDs have more
// fields.
var addons = map[schema.GroupKind]reflect.Type{
	{Group: "velero.io", Kind: "Schedule"}:                       reflect.TypeFor[veleroSchedule](),
	{Group: "velero.io", Kind: "Backup"}:                         reflect.TypeFor[veleroBackup](),
	{Group: "autoscaling.k8s.io", Kind: "VerticalPodAutoscaler"}: reflect.TypeFor[verticalPodAutoscaler](),
	{Group: "keda.sh", Kind: "ScaledObject"}:                     reflect.TypeFor[scaledObject](),
	{Group: "chaos-mesh.org", Kind: "Schedule"}:                  reflect.TypeFor[chaosSchedule](),
	{Group: "chaos-mesh.org", Kind: "PodChaos"}:                  reflect.TypeFor[chaosObject](),
	{Group: "chaos-mesh.org", Kind: "NetworkChaos"}:              reflect.TypeFor[chaosObject](),
	{Group: "chaos-mesh.org", Kind: "StressChaos"}:               reflect.TypeFor[chaosObject](),
	{Group: "chaos-mesh.org", Kind: "IOChaos"}:                   reflect.TypeFor[chaosObject](),
	{Group: "chaos-mesh.org", Kind: "DNSChaos"}:                  reflect.TypeFor[chaosObject](),
	{Group: "chaos-mesh.org", Kind: "HTTPChaos"}:                 reflect.TypeFor[httpChaosObject](),
	{Group: "chaos-mesh.org", Kind: "TimeChaos"}:                 reflect.TypeFor[chaosObject](),
	{Group: "argoproj.io", Kind: "Rollout"}:                      reflect.TypeFor[templated](),
	{Group: "apps.openshift.io", Kind: "DeploymentConfig"}:       reflect.TypeFor[deploymentConfig](),
}

type object struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metav1.ObjectMeta `json:"metadata"`
}

type veleroSchedule struct {
	object
	Spec struct {
		Schedule string     `json:"schedule"`
		Paused   bool       `json:"paused"`
		Template veleroSpec `json:"template"`
	} `json:"spec"`
}

type veleroBackup struct {
	object
	Spec veleroSpec `json:"spec"`
}

type veleroSpec struct {
	IncludedNamespaces               []string                `json:"includedNamespaces"`
	ExcludedNamespaces               []string                `json:"excludedNamespaces"`
	IncludedResources                []string                `json:"includedResources"`
	ExcludedResources                []string                `json:"excludedResources"`
	IncludedClusterScopedResources   []string                `json:"includedClusterScopedResources"`
	ExcludedClusterScopedResources   []string                `json:"excludedClusterScopedResources"`
	IncludedNamespaceScopedResources []string                `json:"includedNamespaceScopedResources"`
	ExcludedNamespaceScopedResources []string                `json:"excludedNamespaceScopedResources"`
	IncludeClusterResources          *bool                   `json:"includeClusterResources"`
	LabelSelector                    *metav1.LabelSelector   `json:"labelSelector"`
	OrLabelSelectors                 []*metav1.LabelSelector `json:"orLabelSelectors"`
	SnapshotVolumes                  *bool                   `json:"snapshotVolumes"`
	SnapshotMoveData                 *bool                   `json:"snapshotMoveData"`
	DefaultVolumesToFsBackup         *bool                   `json:"defaultVolumesToFsBackup"`
	TTL                              metav1.Duration         `json:"ttl"`
	StorageLocation                  string                  `json:"storageLocation"`
	Hooks                            struct {
		Resources []veleroHook `json:"resources"`
	} `json:"hooks"`
}

type veleroHook struct {
	Name               string                `json:"name"`
	IncludedNamespaces []string              `json:"includedNamespaces"`
	ExcludedNamespaces []string              `json:"excludedNamespaces"`
	IncludedResources  []string              `json:"includedResources"`
	ExcludedResources  []string              `json:"excludedResources"`
	LabelSelector      *metav1.LabelSelector `json:"labelSelector"`
	Pre                []veleroRun           `json:"pre"`
	Post               []veleroRun           `json:"post"`
}

type veleroRun struct {
	Exec *struct {
		Container string          `json:"container"`
		Command   []string        `json:"command"`
		OnError   string          `json:"onError"`
		Timeout   metav1.Duration `json:"timeout"`
	} `json:"exec"`
}

type targetRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

type verticalPodAutoscaler struct {
	object
	Spec struct {
		TargetRef    *targetRef `json:"targetRef"`
		UpdatePolicy *struct {
			UpdateMode  string `json:"updateMode"`
			MinReplicas int32  `json:"minReplicas"`
		} `json:"updatePolicy"`
		ResourcePolicy *struct {
			ContainerPolicies []struct {
				ContainerName       string   `json:"containerName"`
				Mode                string   `json:"mode"`
				ControlledResources []string `json:"controlledResources"`
			} `json:"containerPolicies"`
		} `json:"resourcePolicy"`
	} `json:"spec"`
}

type scaledObject struct {
	object
	Spec struct {
		ScaleTargetRef  *targetRef `json:"scaleTargetRef"`
		MinReplicaCount int32      `json:"minReplicaCount"`
		MaxReplicaCount int32      `json:"maxReplicaCount"`
		Triggers        []struct {
			Type       string            `json:"type"`
			MetricType string            `json:"metricType"`
			Metadata   map[string]string `json:"metadata"`
		} `json:"triggers"`
	} `json:"spec"`
}
