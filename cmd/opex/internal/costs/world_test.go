package costs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	cpuPrice     = 0.04
	memoryPrice  = 0.005
	storagePrice = 0.0001
)

// load is some pods of one controller that ran all through a window.
type load struct {
	namespace, controller string
	team                  string // empty: none
	pods                  int
	cpu, cpuUse           float64 // CPUs per pod: requested and used
	memory                float64 // GiB per pod
	storage               float64 // GiB per pod
}

var (
	taskAPI = load{"staging", "deployment:task-api", "product", 3, 0.25, 0.01, 0.5, 0}
	taskDB  = load{"staging", "statefulset:task-api-db", "product", 1, 0.25, 0.01, 0.25, 12}
	shop    = load{"shop", "deployment:shop", "commerce", 2, 0.5, 0.01, 1, 0}
	coreDNS = load{"kube-system", "deployment:coredns", "", 1, 0.1, 0.01, 0.0625, 0}
)

// world answers as OpenCost and Prometheus do.
type world struct {
	loads  func(w Window) []load // what ran in a window; nil: nothing
	idle   float64               // CPU money per hour
	cpu    float64               // OpenCost's price of now, per CPU and hour
	prices func(at time.Time) float64
	bare   []string                                // namespace/pod without the label team in Prometheus
	series map[string]map[string]string            // labels of kube_pod_labels by pod
	answer func(path string) ([]byte, bool, error) // instead of all that
	asked  []string
}

func newWorld(loads ...load) *world {
	return &world{loads: func(Window) []load { return loads }, idle: 0.02, cpu: cpuPrice}
}

func (w *world) Get(_ context.Context, at contract.Endpoint, path string, query url.Values) ([]byte, error) {
	w.asked = append(w.asked, at.Service+" "+query.Get("window")+query.Get("query"))
	if w.answer != nil {
		if data, is, err := w.answer(path); is {
			return data, err
		}
	}
	switch path {
	case "/allocation":
		first, last, _ := strings.Cut(query.Get("window"), ",")
		start, err := time.Parse(time.RFC3339, first)
		end, err2 := time.Parse(time.RFC3339, last)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		return json.Marshal(map[string]any{"code": 200, "data": []any{w.allocations(Window{start, end})}})
	case "/api/v1/query":
		return w.prometheus(query)
	}
	return nil, fmt.Errorf("path %s", path)
}

func (w *world) allocations(window Window) map[string]any {
	set := map[string]any{}
	loads := w.loads(window)
	if len(loads) == 0 {
		return set
	}
	hours := window.Hours()
	for _, l := range loads {
		team := l.team
		if team == "" {
			team = "__unallocated__"
		}
		for i := range l.pods {
			_, name, _ := strings.Cut(l.controller, ":")
			cpu := max(l.cpu, l.cpuUse) * hours
			key := fmt.Sprintf(
				"%s/%s/%s-%d/%s/%s/staging/__unallocated__", l.namespace, l.controller, name, i, team, name,
			)
			set[key] = map[string]any{
				"name": key, "start": window.Start, "end": window.End, "minutes": 60 * hours,
				"cpuCoreHours": cpu, "cpuCoreRequestAverage": l.cpu, "cpuCost": cpu * w.cpu,
				"ramByteHours": l.memory * gib * hours, "ramByteRequestAverage": l.memory * gib, "ramCost": l.memory * hours * memoryPrice,
				"pvByteHours": l.storage * gib * hours, "pvCost": l.storage * hours * storagePrice,
			}
		}
	}
	set["__idle__"] = map[string]any{
		"name":    "__idle__",
		"start":   window.Start,
		"end":     window.End,
		"minutes": 60 * hours,
		"cpuCost": w.idle * hours,
	}
	return set
}

func (w *world) prometheus(query url.Values) ([]byte, error) {
	var result []any
	series := func(labels map[string]string, value float64) {
		result = append(result, map[string]any{"metric": labels, "value": []any{0, fmt.Sprint(value)}})
	}
	at, err := time.Parse(time.RFC3339, query.Get("time"))
	if err != nil {
		return nil, err
	}
	switch text := query.Get("query"); {
	case strings.Contains(text, "node_cpu_hourly_cost"):
		price := w.cpu
		if w.prices != nil && strings.Contains(text, "avg_over_time") {
			price = w.prices(at)
		}
		series(map[string]string{"resource": "cpu"}, price)
	case strings.HasPrefix(text, "last_over_time(kube_pod_labels"):
		for pod, labels := range w.series {
			if strings.Contains(text, fmt.Sprintf("pod=%q", pod)) {
				series(labels, 1)
			}
		}
	case text == `kube_pod_labels{label_team=""}`:
		for _, pod := range w.bare {
			namespace, name, _ := strings.Cut(pod, "/")
			series(map[string]string{"namespace": namespace, "pod": name}, 1)
		}
	default:
		return nil, fmt.Errorf("query %s", text)
	}
	return json.Marshal(
		map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}},
	)
}

func outputs() stack.Outputs {
	return stack.Outputs{
		Environment: "staging",
		Services: map[string]contract.Service{"task-api": {
			Namespace: "staging", Deployment: "task-api", Labels: map[string]string{"team": "product"}, Database: &contract.Database{StatefulSet: "task-api-db"},
		}},
		Cost: &contract.CostVisibility{
			OpenCost:   contract.Endpoint{Namespace: "opencost", Service: "opencost", Port: 9003},
			Prometheus: contract.Endpoint{Namespace: "prometheus-system", Service: "prometheus-server", Port: 80},
			Currency:   "USD", Platform: "platform", Prices: &contract.Prices{CPUHour: cpuPrice, MemoryGiBHour: memoryPrice},
			Budgets: map[string]float64{"product": 100, "commerce": 20, "ghosts": 5},
		},
	}
}

func (w *world) source(objects ...*corev1.Pod) Source {
	client := fake.NewClientset()
	for _, name := range []string{"staging", "shop", "kube-system"} {
		_ = client.Tracker().Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	for _, pod := range objects {
		_ = client.Tracker().Add(pod)
	}
	return Source{Cluster: w, Client: client, Outputs: outputs(), Now: now}
}

func pod(namespace, name string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}}
}

func lastHours(hours int) Window { return Window{now.Add(-time.Duration(hours) * time.Hour), now} }

func mustLoad(t *testing.T, w *world, window Window) *Spending {
	t.Helper()
	spending, err := w.source().Load(t.Context(), window)
	if err != nil {
		t.Fatal(err)
	}
	return spending
}
