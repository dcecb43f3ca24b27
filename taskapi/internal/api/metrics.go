package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// durationBuckets, in seconds, lie close together around 245 ms and 500 ms, the latencies that the service is held to:
// a quantile read from a histogram is as exact as its buckets there, and 500 ms is itself a bound.
var durationBuckets = []float64{
	0.005,
	0.01,
	0.025,
	0.05,
	0.1,
	0.15,
	0.2,
	0.225,
	0.245,
	0.265,
	0.3,
	0.35,
	0.4,
	0.45,
	0.5,
	0.55,
	0.75,
	1,
	2,
	3,
	5,
}

type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics() metrics {
	m := metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "task_api_requests_total",
			Help: "Requests answered, by method, route pattern and HTTP status."}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "task_api_request_duration_seconds",
			Help: "Time from a request's headers to its last byte, in seconds.", Buckets: durationBuckets}, []string{"method", "route"}),
	}
	m.registry.MustRegister(m.requests, m.duration, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m metrics) observe(method, route string, status int, took time.Duration) {
	switch method {
	case http.MethodGet,
		http.MethodHead,
		http.MethodPost,
		http.MethodPut,
		http.MethodPatch,
		http.MethodDelete,
		http.MethodOptions:
	default:
		method = "other" // a client may invent any number of methods
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}
