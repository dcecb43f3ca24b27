package rightsize

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

var update = flag.Bool("update", false, "write the golden files anew instead of comparing with them")

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

// world is what an API server answers, by path: an object, an HTTP status that is an error, or a text as it is. What is not there
// is not found.
type world map[string]any

func newWorld(t *testing.T) world {
	t.Helper()
	data, err := os.ReadFile("testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var w world
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// get returns a field of an answer, such as items.0.spec.
func (w world) get(t *testing.T, path, field string) any {
	t.Helper()
	here := w[path]
	for key := range strings.SplitSeq(field, ".") {
		if n, err := strconv.Atoi(key); err == nil {
			here = here.([]any)[n]
		} else {
			here = here.(map[string]any)[key]
		}
	}
	return here
}

// set changes a field of an answer; nil removes it.
func (w world) set(t *testing.T, path, field string, value any) {
	t.Helper()
	here := w[path]
	last := field
	if cut := strings.LastIndex(field, "."); cut >= 0 {
		here, last = w.get(t, path, field[:cut]), field[cut+1:]
	}
	fields := here.(map[string]any)
	fields[last] = value
	if value == nil {
		delete(fields, last)
	}
}

func (w world) serve(t *testing.T) *kube.Cluster {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		status := func(code int) {
			out.WriteHeader(code)
			_ = json.NewEncoder(out).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
				"reason": map[int]string{404: "NotFound", 403: "Forbidden", 503: "ServiceUnavailable"}[code], "message": "answered with " + strconv.Itoa(code)})
		}
		switch answer := w[r.URL.Path].(type) {
		case nil:
			status(http.StatusNotFound)
		case int:
			status(answer)
		case string:
			_, _ = out.Write([]byte(answer))
		default:
			_ = json.NewEncoder(out).Encode(answer)
		}
	}))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, Timeout: 5 * time.Second}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	others, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &kube.Cluster{Client: client, Dynamic: others}
}

func newOutputs() stack.Outputs {
	return stack.Outputs{
		Environment: "staging",
		Size: &contract.SizeAdvisor{Namespace: "vertical-pod-autoscaler", Deployment: "vertical-pod-autoscaler-recommender",
			FloorCPU: "10m", FloorMemory: "10Mi"},
		Cost: &contract.CostVisibility{Currency: "USD", Prices: &contract.Prices{CPUHour: 0.04, MemoryGiBHour: 0.005},
			OpenCost: contract.Endpoint{Namespace: "opencost", Service: "opencost", Port: 9003}},
		Services: map[string]contract.Service{"task-api": {
			Namespace: "staging", Labels: map[string]string{"team": "product-team", "app": "task-api"},
			VerticalPodAutoscalers: []contract.VerticalPodAutoscaler{
				{Name: "task-api", TargetKind: "Deployment", TargetName: "task-api", Containers: []string{"task-api"}, Setting: "resources"},
				{Name: "task-api-db", TargetKind: "StatefulSet", TargetName: "task-api-db", Containers: []string{"postgres"}, Setting: "database.resources"},
			},
		}},
	}
}

func advise(t *testing.T, w world, outputs stack.Outputs) Report {
	t.Helper()
	report, err := Advise(context.Background(), w.serve(t), outputs, outputs.Names(), Options{Threshold: DefaultThreshold, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s\nIf that is meant, run the test with -update", path, got)
	}
}
