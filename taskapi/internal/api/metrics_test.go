package api

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
)

func scrape(t *testing.T, s *service) map[string]*dto.MetricFamily {
	t.Helper()
	a := s.call(t, "GET", "/metrics", "").want(t, 200)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("%v in\n%s", err, a.body)
	}
	return families
}

func labels(m *dto.Metric) map[string]string {
	l := map[string]string{}
	for _, p := range m.GetLabel() {
		l[p.GetName()] = p.GetValue()
	}
	return l
}

func TestMetricsCountRequestsByRoutePattern(t *testing.T) {
	s := start(t)
	path := s.call(t, "POST", "/tasks", `{"title":"x"}`).want(t, 201).header.Get("Location")
	for range 3 {
		s.call(t, "GET", path, "").want(t, 200)
	}
	s.call(t, "GET", "/tasks/none", "").want(t, 400)
	families := scrape(t, s)
	want := map[string]float64{"POST /tasks 201": 1, "GET /tasks/{id} 200": 3, "GET /tasks/{id} 400": 1}
	for _, m := range families["task_api_requests_total"].GetMetric() {
		l := labels(m)
		key := l["method"] + " " + l["route"] + " " + l["status"]
		if n, ok := want[key]; !ok || n != m.GetCounter().GetValue() {
			t.Errorf("%s: %v, want %v", key, m.GetCounter().GetValue(), n)
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("never counted: %v", want)
	}
	for _, m := range families["task_api_request_duration_seconds"].GetMetric() {
		if l := labels(m); l["route"] == "/tasks/{id}" && m.GetHistogram().GetSampleCount() != 4 {
			t.Errorf("%v: %d durations, want 4", l, m.GetHistogram().GetSampleCount())
		}
	}
}

// Around the two latencies that matter, a quantile may be off by a tenth at most.
func TestBucketsAreFineAround245And500Milliseconds(t *testing.T) {
	for _, at := range []float64{0.245, 0.5} {
		i := slices.Index(durationBuckets, at)
		if i < 1 || i+1 >= len(durationBuckets) {
			t.Fatalf("%v is not a bound inside %v", at, durationBuckets)
		}
		for _, neighbour := range []float64{durationBuckets[i-1], durationBuckets[i+1]} {
			if math.Abs(neighbour-at)/at > 0.101 {
				t.Errorf("the bound beside %v is %v", at, neighbour)
			}
		}
	}
	if !slices.IsSorted(durationBuckets) {
		t.Error("the bounds are not in order")
	}
}

func TestClientsCannotMakeTimeSeries(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/a", "/b/c", "/tasks/x/y", "//tasks", "/tasks/../x", "/metrics/", "/tasks/%2e%2e"} {
		for _, method := range []string{"GET", "BREW", "SPAM"} {
			s.call(t, method, path, "")
		}
	}
	routes := []string{"/tasks", "/tasks/{id}", "/health", "/ready", "/metrics", "unknown"}
	methods := []string{"GET", "other"}
	metrics := scrape(t, s)["task_api_requests_total"].GetMetric()
	if len(metrics) == 0 {
		t.Fatal("nothing was counted")
	}
	for _, m := range metrics {
		if l := labels(m); !slices.Contains(routes, l["route"]) || !slices.Contains(methods, l["method"]) {
			t.Errorf("a client made the series %v", l)
		}
	}
}

func TestRequestLogsAreJSONWithTheRouteAndTheCause(t *testing.T) {
	s := startOn(t, pgtest.Start(t))
	s.db.Stop(t)
	s.call(t, "GET", "/tasks?limit=3", "").want(t, 503)
	found := false
	for line := range strings.Lines(s.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if entry["msg"] == "request" && entry["route"] == "/tasks" {
			found = true
			if cause, _ := entry["error"].(string); entry["level"] != "ERROR" || entry["status"] != 503.0 ||
				!strings.Contains(cause, "database unavailable: ") {
				t.Errorf("logged %s", line)
			}
		}
	}
	if !found {
		t.Errorf("the request is not in the log: %s", s.log.String())
	}
}
