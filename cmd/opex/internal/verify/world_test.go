package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

const (
	podsOf       = "/api/v1/namespaces/staging/pods"
	deployments  = "/apis/apps/v1/namespaces/staging/deployments"
	statefulSets = "/apis/apps/v1/namespaces/staging/statefulsets"
	autoscalers  = "/apis/autoscaling.k8s.io/v1/namespaces/staging/verticalpodautoscalers"
	checkpoints  = "/apis/autoscaling.k8s.io/v1/namespaces/staging/verticalpodautoscalercheckpoints"
	horizontal   = "/apis/autoscaling/v2/namespaces/staging/horizontalpodautoscalers"
	recommender  = "/apis/apps/v1/namespaces/vertical-pod-autoscaler/deployments/vertical-pod-autoscaler-recommender"
	metrics      = "/apis/metrics.k8s.io/v1beta1"
	schedules    = "/apis/velero.io/v1/namespaces/velero/schedules"
	backups      = "/apis/velero.io/v1/namespaces/velero/backups"
	volumes      = "/apis/velero.io/v1/namespaces/velero/podvolumebackups"
	location     = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default"
	veleroServer = "/apis/apps/v1/namespaces/velero/deployments/velero"
	veleroPods   = "/api/v1/namespaces/velero/pods"
	records      = "/api/v1/namespaces/velero/configmaps"
	inDatabase   = "/api/v1/namespaces/staging/pods/task-api-db-0/exec"
	byTeam       = "/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation?label:team"
	byController = "/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation?namespace,controller,label:team"
)

// noon is when testdata/cluster.yaml is looked at.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// outputs are those of a stack with one service, task-api.
func outputs() stack.Outputs {
	identity := func(name, component string) map[string]string {
		return map[string]string{
			contract.LabelName:      name,
			contract.LabelInstance:  "task-api",
			contract.LabelComponent: component,
		}
	}
	return stack.Outputs{
		Environment: "staging",
		Cluster:     contract.Cluster{Context: "staging", UID: "here"},
		Size: &contract.SizeAdvisor{
			Namespace:   "vertical-pod-autoscaler",
			Deployment:  "vertical-pod-autoscaler-recommender",
			FloorCPU:    "10m",
			FloorMemory: "10Mi",
		},
		Cost: &contract.CostVisibility{
			Currency: "USD",
			OpenCost: contract.Endpoint{Namespace: "opencost", Service: "opencost", Port: 9003},
		},
		Backup: &contract.BackupVault{
			Namespace:       "velero",
			Deployment:      "velero",
			NodeAgent:       "node-agent",
			StorageLocation: "default",
			Bucket:          "opex-staging-backups",
			Prefix:          "velero",
		},
		Chaos: &contract.ChaosLab{
			Namespace:  "chaos-mesh",
			Deployment: "chaos-controller-manager",
			Targets:    []string{"staging"},
			Policy:     "opex-chaos",
		},
		Services: map[string]contract.Service{"task-api": {
			Namespace: "staging", Deployment: "task-api", Container: "task-api", Selector: identity("task-api", "api"),
			Labels: contract.CostLabels{
				Team:        "product-team",
				App:         "task-api",
				Environment: "staging",
				CostCenter:  "engineering",
			}.Map(),
			Database: &contract.Database{
				StatefulSet: "task-api-db",
				Container:   "postgres",
				DumpVolume:  "dumps",
				Selector:    identity("postgresql", "database"),
			},
			Backup: &contract.BackupPlan{
				Schedule:  "staging-task-api",
				Cron:      "0 2 * * *",
				TTL:       "720h",
				RPO:       "24h",
				RTO:       "30m",
				DrillAge:  "168h",
				ReadyPath: "/ready",
				Sentinel:  &contract.Sentinel{Path: "/tasks", Body: `{"title": "opex drill"}`},
				Dump: &contract.Dump{File: "/dumps/current/dump", Manifest: "/dumps/current/manifest.json",
					Pre:  &contract.Hook{Command: []string{"/opex/hooks/dump.sh", "384"}, Timeout: "6m39s"},
					Post: &contract.Hook{Command: []string{"/opex/hooks/settle.sh", "60"}, Timeout: "1m15s"}},
			},
			Replicas: 3,
			Chaos: &contract.ChaosPlan{
				Schedule:   "task-api",
				Kind:       "PodChaos",
				Action:     "pod-kill",
				Recovery:   "30s",
				P95:        "500ms",
				Limit:      "5m",
				GameDayAge: "168h",
				Load:       contract.Load{Rate: 200},
			},
			VerticalPodAutoscalers: []contract.VerticalPodAutoscaler{
				{Name: "task-api", TargetKind: "Deployment", TargetName: "task-api", Containers: []string{"task-api"}},
				{
					Name:       "task-api-db",
					TargetKind: "StatefulSet",
					TargetName: "task-api-db",
					Containers: []string{"postgres"},
				},
			},
		}},
	}
}

// several is testdata/cluster.yaml with so many services for the one, each with workloads, backups, records and a
// database of its own, and the outputs of their stack.
func several(t testing.TB, services int) (kubetest.World, stack.Outputs) {
	t.Helper()
	const path = "testdata/cluster.yaml"
	world, o := kubetest.Load(t, path), outputs()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	contractOf, err := json.Marshal(o.Services["task-api"])
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < services; i++ {
		name := fmt.Sprintf("copy-%d", i)
		as := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("task-api"), []byte(name)) }
		var copied contract.Service
		var others kubetest.World
		if err := errors.Join(json.Unmarshal(as(contractOf), &copied), yaml.Unmarshal(as(text), &others)); err != nil {
			t.Fatal(err)
		}
		o.Services[name] = copied
		for path, answer := range others {
			found, shared := world[path]
			if !shared {
				world[path] = answer // the service's own database
				continue
			}
			into, from := found.(map[string]any), answer.(map[string]any)
			for _, item := range list(from["items"]) {
				if strings.Contains(fmt.Sprint(item), name) {
					into["items"] = append(list(into["items"]), item)
				}
			}
			for _, costs := range list(from["data"]) {
				maps.Copy(list(into["data"])[0].(map[string]any), costs.(map[string]any))
			}
		}
	}
	return world, o
}

func list(of any) []any {
	items, _ := of.([]any)
	return items
}

// scene is a cluster and the outputs of the stack on it.
type scene struct {
	kubetest.World
	outputs *stack.Outputs
}

// change makes a scene another one.
type change func(t *testing.T, s scene)

// with changes one field of an answer; nil removes it.
func with(path, field string, value any) change {
	return func(t *testing.T, s scene) { t.Helper(); s.Set(t, path, field, value) }
}

// scheduled changes one field of the Schedule.
func scheduled(field string, value any) change { return with(schedules, "items.0."+field, value) }

// answer replaces a whole answer; nil is not found.
func answer(path string, value any) change {
	return func(_ *testing.T, s scene) { maps.Copy(s.World, kubetest.World{path: value}) }
}

// adding appends to a list of an answer.
func adding(path, field string, value any) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		s.Set(t, path, field, append(s.Get(t, path, field).([]any), value))
	}
}

// all makes several changes.
func all(changes ...change) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		for _, c := range changes {
			c(t, s)
		}
	}
}

// service changes the service of the outputs.
func service(change func(*contract.Service)) change {
	return func(_ *testing.T, s scene) {
		found := s.outputs.Services["task-api"]
		change(&found)
		s.outputs.Services["task-api"] = found
	}
}

// run judges the changed scene of testdata/cluster.yaml by criteria.
func run(t *testing.T, criteria []Criterion, c change) Report {
	t.Helper()
	o := outputs()
	s := scene{kubetest.Load(t, "testdata/cluster.yaml"), &o}
	if c != nil {
		c(t, s)
	}
	cluster, _ := s.Serve(t)
	return Run(t.Context(), &World{Outputs: o, Cluster: cluster, Now: noon}, criteria, o.Names())
}
