package rightsize

import (
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

var now = time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC)

const (
	autoscalers = "/apis/autoscaling.k8s.io/v1/namespaces/staging/verticalpodautoscalers"
	checkpoints = "/apis/autoscaling.k8s.io/v1/namespaces/staging/verticalpodautoscalercheckpoints"
	horizontal  = "/apis/autoscaling/v2/namespaces/staging/horizontalpodautoscalers"
	deployment  = "/apis/apps/v1/namespaces/staging/deployments/task-api"
	statefulSet = "/apis/apps/v1/namespaces/staging/statefulsets/task-api-db"
	recommender = "/apis/apps/v1/namespaces/vertical-pod-autoscaler/deployments/vertical-pod-autoscaler-recommender"
	metrics     = "/apis/metrics.k8s.io/v1beta1"
	openCost    = "/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation"

	// Fields of the first object.
	advice     = "items.0.status.recommendation.containerRecommendations"
	policies   = "items.0.spec.resourcePolicy.containerPolicies"
	containers = "spec.template.spec.containers"
	requests   = containers + ".0.resources.requests"
)

// newWorld is the cluster of testdata/cluster.yaml, to be changed.
func newWorld(t *testing.T) kubetest.World {
	t.Helper()
	return kubetest.Load(t, "testdata/cluster.yaml")
}

func newOutputs() stack.Outputs {
	return stack.Outputs{
		Environment: "staging",
		Size: &contract.SizeAdvisor{
			Namespace:   "vertical-pod-autoscaler",
			Deployment:  "vertical-pod-autoscaler-recommender",
			FloorCPU:    "10m",
			FloorMemory: "10Mi",
		},
		Cost: &contract.CostVisibility{Currency: "USD", Prices: &contract.Prices{CPUHour: 0.04, MemoryGiBHour: 0.005},
			OpenCost: contract.Endpoint{Namespace: "opencost", Service: "opencost", Port: 9003}},
		Services: map[string]contract.Service{"task-api": {
			Namespace: "staging", Labels: map[string]string{"team": "product-team", "app": "task-api"},
			VerticalPodAutoscalers: []contract.VerticalPodAutoscaler{
				{
					Name:       "task-api",
					TargetKind: "Deployment",
					TargetName: "task-api",
					Containers: []string{"task-api"},
					Setting:    "resources",
				},
				{
					Name:       "task-api-db",
					TargetKind: "StatefulSet",
					TargetName: "task-api-db",
					Containers: []string{"postgres"},
					Setting:    "database.resources",
				},
			},
		}},
	}
}

func advise(t *testing.T, w kubetest.World, outputs stack.Outputs) Report {
	t.Helper()
	cluster, _ := w.Serve(t)
	report, err := Advise(
		t.Context(), cluster, outputs, outputs.Names(), Options{Threshold: DefaultThreshold, Now: now},
	)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
