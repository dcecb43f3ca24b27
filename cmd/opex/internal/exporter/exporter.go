// Package exporter judges the criteria again and again, and hands the verdicts to Prometheus.
package exporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// Round is one judgement of all services.
type Round struct {
	Report verify.Report
	Ages   map[string]verify.Ages // of the evidence, by service
	Took   time.Duration
	Ended  time.Time // zero: there was none
}

// Exporter keeps the newest round. It is a prometheus.Collector and an http.Handler.
type Exporter struct {
	Every  time.Duration // between the starts of two rounds, at least
	Judge  func(context.Context) (Round, error)
	People io.Writer // what could not be judged

	mu     sync.Mutex
	last   Round
	failed float64 // rounds
	rounds float64
}

const (
	// stale is after how many intervals since the newest round ended the verdicts are withdrawn, and the exporter is no
	// longer healthy: its pod is started anew.
	stale = 5
	// firstRound is what the first may take until then: how long one takes here is not known yet, and a pod started
	// anew would know no more.
	firstRound = 30 * time.Minute
)

// late says that no round ended since the newest, for too long. A round that takes longer than the interval makes it
// longer.
func (e *Exporter) late() bool { return time.Since(e.last.Ended) > stale*max(e.Every, e.last.Took) }

// pause is what follows a round: at least as much time as it took, so that an API server is asked half of the time at
// most.
func (e *Exporter) pause(took time.Duration) time.Duration { return max(e.Every-took, took) }

// Run judges until the context ends.
func (e *Exporter) Run(ctx context.Context) {
	for {
		began := time.Now()
		round, err := e.Judge(ctx)
		if ctx.Err() != nil {
			return
		}
		round.Ended = time.Now()
		round.Took = round.Ended.Sub(began)
		e.mu.Lock()
		e.rounds++
		if err != nil {
			e.failed++
		} else {
			e.last = round
		}
		e.mu.Unlock()
		if err != nil {
			fmt.Fprintf(e.People, "%s not judged: %v\n", began.UTC().Format(time.RFC3339), err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(e.pause(round.Took)):
		}
	}
}

// Handler serves the metrics, and whether they are kept up: /healthz is 503 where there was no round for too long.
func (e *Exporter) Handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(e)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	began := time.Now()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if since := e.silentSince(began); !since.IsZero() {
			http.Error(
				w, fmt.Sprintf("no judgement since %s", since.UTC().Format(time.RFC3339)),
				http.StatusServiceUnavailable,
			)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// silentSince is since when there was no round, where that is too long; else zero.
func (e *Exporter) silentSince(began time.Time) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	since, late := e.last.Ended, e.late()
	if since.IsZero() {
		limit := firstRound
		if e.rounds > 0 { // and all failed
			limit = stale * e.Every
		}
		since, late = began, time.Since(began) > limit
	}
	if !late {
		return time.Time{}
	}
	return since
}

// What is exported. The names keep to https://prometheus.io/docs/practices/naming.
var (
	criterion = prometheus.NewDesc(
		"opex_criterion", "1 for the verdict that a success criterion has, 0 for those that it does not have.",
		[]string{"service", "id", "verdict"}, nil,
	)
	value = prometheus.NewDesc(
		"opex_criterion_value", "Figure that a criterion hangs on, in its unit, whether it passes or misses its limit.",
		[]string{"service", "id", "unit"}, nil,
	)
	limit = prometheus.NewDesc(
		"opex_criterion_limit", "What opex_criterion_value may be at most.", []string{"service", "id", "unit"}, nil,
	)
	age = prometheus.NewDesc(
		"opex_evidence_age_seconds",
		"Age of the newest record of a drill or a Game Day, and of the newest complete backup.",
		[]string{"service", "kind"}, nil,
	)
	judged = prometheus.NewDesc("opex_verify_last_timestamp_seconds", "When the last judgement ended.", nil, nil)
	took   = prometheus.NewDesc("opex_verify_duration_seconds", "How long the last judgement took.", nil, nil)
	rounds = prometheus.NewDesc("opex_verify_rounds_total", "Judgements, those that failed included.", nil, nil)
	failed = prometheus.NewDesc("opex_verify_rounds_failed_total", "Judgements that could not be made.", nil, nil)
)

// Describe is of prometheus.Collector.
func (e *Exporter) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{criterion, value, limit, age, judged, took, rounds, failed} {
		out <- d
	}
}

// Collect is of prometheus.Collector. Before the first round there are no verdicts, nor are there any that are too old:
// none is no pass.
func (e *Exporter) Collect(out chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	out <- prometheus.MustNewConstMetric(rounds, prometheus.CounterValue, e.rounds)
	out <- prometheus.MustNewConstMetric(failed, prometheus.CounterValue, e.failed)
	if e.last.Ended.IsZero() {
		return
	}
	gauge(judged, float64(e.last.Ended.Unix()))
	gauge(took, e.last.Took.Seconds())
	if e.late() {
		return
	}
	for _, s := range e.last.Report.Services {
		for _, c := range s.Criteria {
			for _, v := range []verify.Verdict{verify.Pass, verify.Fail, verify.Unproven, verify.NotApplicable} {
				is := 0.0
				if c.Verdict == v {
					is = 1
				}
				gauge(criterion, is, s.Name, c.ID, string(v))
			}
			if c.Measure != nil {
				gauge(value, c.Measure.Value, s.Name, c.ID, c.Measure.Unit)
				gauge(limit, c.Measure.Limit, s.Name, c.ID, c.Measure.Unit)
			}
		}
		for kind, d := range e.last.Ages[s.Name] {
			gauge(age, d.Seconds(), s.Name, kind)
		}
	}
}
