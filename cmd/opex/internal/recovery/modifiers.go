package recovery

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rule is one of Velero's resource modifiers: what it patches while it restores. Conditions see the object as it was
// backed up.
type rule struct {
	Conditions   conditions  `json:"conditions"`
	MergePatches []patch     `json:"mergePatches,omitempty"`
	Patches      []operation `json:"patches,omitempty"`
}

type conditions struct {
	GroupResource string                `json:"groupResource"`
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	Matches       []match               `json:"matches,omitempty"`
}

type match struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

type patch struct {
	PatchData string `json:"patchData"`
}

type operation struct {
	Operation string `json:"operation"`
	Path      string `json:"path"`
}

// spreads is how many constraints of a pod are looked at.
const spreads = 4

// asNew makes objects fit to be created once more. Claims ask for volumes of their own: a restored claim would name the
// one that it was bound to, which is in use by the service itself or gone. Pods lose the matchLabelKeys of their
// spread, which Kubernetes 1.34 and later have added to its labelSelector, and refuse where they are in both.
func asNew() []rule {
	rules := []rule{merge("persistentvolumeclaims", `{"spec":{"volumeName":null}}`)}
	for i := range spreads {
		path := fmt.Sprintf("/spec/topologySpreadConstraints/%d/matchLabelKeys", i)
		rules = append(
			rules,
			rule{
				Conditions: conditions{GroupResource: "pods", Matches: []match{{path, `["pod-template-hash"]`}}},
				Patches:    []operation{{"remove", path}},
			},
		)
	}
	return rules
}

// asCopy turns a service into a copy that runs beside it. Replicas is of each Deployment that has any; 0 leaves them as
// they were. Its Services take no traffic from outside the cluster. Restored pods of Deployments, which these labels
// select, stay unscheduled and unowned: the ReplicaSets make as many as there are to be, and the others would first
// take the room that the database needs.
func asCopy(replicas int, deployed map[string]string) []rule {
	rules := asNew()
	if len(deployed) > 0 { // no labels would select all, the database too
		aside := merge(
			"pods",
			`{"metadata":{"labels":{"pod-template-hash":null,"`+labelAside+`":"true"}},"spec":{"schedulingGates":[{"name":"`+labelAside+`"}]}}`,
		)
		aside.Conditions.LabelSelector = &metav1.LabelSelector{MatchLabels: deployed}
		rules = append(rules, aside)
	}
	if replicas > 0 {
		for _, kind := range []string{"deployments.apps", "replicasets.apps"} {
			rules = append(rules, merge(kind, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)),
				merge(kind, `{"spec":{"replicas":0}}`, match{"/spec/replicas", "0"})) // an old revision stays one
		}
	}
	rules = append(rules, merge("services", `{"spec":{"externalIPs":null}}`))
	for _, kind := range []string{"LoadBalancer", "NodePort"} {
		rules = append(
			rules,
			merge("services", `{"spec":{"type":"ClusterIP","loadBalancerIP":null,"loadBalancerClass":null,`+
				`"loadBalancerSourceRanges":null,"allocateLoadBalancerNodePorts":null,"externalTrafficPolicy":null,"healthCheckNodePort":null}}`,
				match{"/spec/type", kind}),
		)
	}
	return rules
}

func merge(resource, data string, matches ...match) rule {
	return rule{Conditions: conditions{GroupResource: resource, Matches: matches}, MergePatches: []patch{{data}}}
}

// labelAside marks a restored pod that stays unscheduled, and is the gate that keeps it so.
const labelAside = "opex/aside"

// document is the content of the ConfigMap that Velero reads.
func document(rules []rule) string {
	data, err := json.MarshalIndent(map[string]any{"version": "v1", "resourceModifierRules": rules}, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return string(data)
}

// leftOut are kinds that no restore brings back. Claims always get new volumes. Addresses of pods are those of before:
// they would lead a copy's Services to the live pods. Experiments are no data, and `pulumi up` declares them again: a
// Chaos Mesh that does not answer, or its admission policy, would make the restore fail for them.
var leftOut = []any{"persistentvolumes", "endpoints", "endpointslices.discovery.k8s.io",
	"schedules." + chaosGroup, "podchaos." + chaosGroup, "networkchaos." + chaosGroup, "stresschaos." + chaosGroup}

const chaosGroup = "chaos-mesh.org"

// leftOutOfCopy are kinds that would take the service's traffic, act on others, or undo the number of replicas.
var leftOutOfCopy = append(
	[]any{"ingresses.networking.k8s.io", "httproutes.gateway.networking.k8s.io", "cronjobs.batch",
		"horizontalpodautoscalers.autoscaling"},
	leftOut...)
