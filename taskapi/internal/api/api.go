// Package api is the HTTP face of the service: routes, JSON, limits, metrics and request logs.
package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/opex-project/opex/taskapi/internal/store"
)

// readTimeout is for a whole request to arrive.
const readTimeout = 10 * time.Second

// API answers requests; it is an http.Handler.
type API struct {
	store    *store.Store
	log      *slog.Logger
	metrics  metrics
	mux      *http.ServeMux
	routes   map[string]bool
	draining atomic.Bool
}

// New makes the handler.
func New(s *store.Store, log *slog.Logger) *API {
	a := &API{store: s, log: log, metrics: newMetrics(), mux: http.NewServeMux(), routes: map[string]bool{}}
	prometheusHandler := promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{})
	a.handle("/tasks", methods{"POST": a.createTask, "GET": a.listTasks})
	a.handle("/tasks/{id}", methods{"GET": a.getTask, "PATCH": a.updateTask, "DELETE": a.deleteTask})
	a.handle("/health", methods{"GET": a.health})
	a.handle("/ready", methods{"GET": a.ready})
	a.handle("/metrics", methods{"GET": func(w http.ResponseWriter, r *http.Request) error {
		prometheusHandler.ServeHTTP(w, r)
		return nil
	}})
	a.mux.HandleFunc("/", a.wrap(func(http.ResponseWriter, *http.Request) error {
		return &Error{status: http.StatusNotFound, Code: "route_not_found", Message: "this path does not exist"}
	}))
	return a
}

// Server returns an http.Server with every time limit set. Work is the longest that an answer may take once its request
// is read.
func (a *API) Server(work time.Duration) *http.Server {
	return &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + work + 5*time.Second, // it starts with the request, so it must outlast both
		// longer than common proxies keep theirs, so that they close first
		IdleTimeout:    75 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

// Drain makes /ready refuse from now on, and each connection end with its next answer. Requests are still served.
func (a *API) Drain() { a.draining.Store(true) }

type handler func(http.ResponseWriter, *http.Request) error

type methods map[string]handler

// handle registers one route: its methods, and a JSON answer for all the others.
func (a *API) handle(pattern string, m methods) {
	a.routes[pattern] = true
	var allowed []string
	for method, h := range m {
		a.mux.HandleFunc(method+" "+pattern, a.wrap(h))
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead) // ServeMux serves it with the same handler
		}
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	a.mux.HandleFunc(pattern, a.wrap(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return &Error{
			status:  http.StatusMethodNotAllowed,
			Code:    "method_not_allowed",
			Message: "allowed here: " + allow,
		}
	}))
}

// wrap answers what a handler could not, and turns its panic into an answer.
func (a *API) wrap(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fail := func(err error) {
			w.(*recorder).cause = err // ServeHTTP is the only way in
			writeError(w, asError(err))
		}
		defer func() {
			if p := recover(); p != nil {
				fail(panicked{fmt.Sprint(p), string(debug.Stack())})
			}
		}()
		if err := h(w, r); err != nil {
			fail(err)
		}
	}
}

type panicked struct{ value, stack string }

func (p panicked) Error() string { return "panic: " + p.value + "\n" + p.stack }

// ServeHTTP serves one request and records it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if a.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	a.mux.ServeHTTP(rec, r)
	took, route := time.Since(start), a.route(r)
	a.metrics.observe(r.Method, route, rec.status, took)

	level := slog.LevelInfo
	fields := []any{"method", r.Method, "route", route, "path", r.URL.Path, "status", rec.status,
		"duration_ms", float64(took.Microseconds()) / 1000, "bytes", rec.bytes}
	if route == "/health" || route == "/ready" || route == "/metrics" {
		level = slog.LevelDebug // asked every few seconds, by machines
	} else if rec.status >= 500 {
		level = slog.LevelError
	}
	if rec.cause != nil {
		fields = append(fields, "error", rec.cause.Error())
	}
	a.log.Log(r.Context(), level, "request", fields...)
}

// route is the pattern that ServeMux chose, without its method. Whatever matched none has one label in common: clients
// must not be able to make new time series.
func (a *API) route(r *http.Request) string {
	pattern := r.Pattern[strings.Index(r.Pattern, " ")+1:]
	if !a.routes[pattern] {
		return "unknown"
	}
	return pattern
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
	cause  error // why it was no success
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}
