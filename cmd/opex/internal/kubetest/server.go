// Package kubetest is an API server for tests: it answers what a file or a test says, and counts what it was asked.
package kubetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
)

// World is what the server answers, by path: an object, an HTTP status that is an error, a text as it is, a Command for
// an exec, or a func() any or func(*http.Request) any that gives one of these for each request. A path may hold a
// query's `aggregate` after a question mark. What is not there is not found.
type World map[string]any

// Load reads a world from a YAML file.
func Load(t testing.TB, path string) World {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var w World
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// Get returns a field of an answer, such as items.0.spec.
func (w World) Get(t testing.TB, path, field string) any {
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

// Set changes a field of an answer; nil removes it.
func (w World) Set(t testing.TB, path, field string, value any) {
	t.Helper()
	here := w[path]
	last := field
	if cut := strings.LastIndex(field, "."); cut >= 0 {
		here, last = w.Get(t, path, field[:cut]), field[cut+1:]
	}
	fields := here.(map[string]any)
	fields[last] = value
	if value == nil {
		delete(fields, last)
	}
}

// Asked counts requests.
type Asked struct {
	mu       sync.Mutex
	n, execs int
}

// Count returns how many there were, commands in pods left out.
func (a *Asked) Count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}

// Execs returns how many commands were run in pods.
func (a *Asked) Execs() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.execs
}

func (a *Asked) note(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if isExec(r) {
		a.execs++
	} else {
		a.n++
	}
}

// seal adds the digests of records of evidence, where they do not say one themselves: most tests are about something
// else.
func (w World) seal() {
	const key = "record.json"
	for _, answer := range w {
		list, _ := answer.(map[string]any)
		items, _ := list["items"].([]any)
		for _, item := range items {
			object, _ := item.(map[string]any)
			data, _ := object["data"].(map[string]any)
			text, is := data[key].(string)
			if !is {
				continue
			}
			for name, value := range shelf.Seal([]byte(text)) {
				if _, said := data[name]; !said {
					data[name] = value
				}
			}
		}
	}
}

// Serve starts the server, for as long as the test runs.
func (w World) Serve(t testing.TB) (*kube.Cluster, *Asked) {
	t.Helper()
	w.seal()
	asked := &Asked{}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		asked.note(r)
		w.answer(out, r)
	}))
	t.Cleanup(server.Close)
	cluster, err := kube.On(&rest.Config{Host: server.URL, Timeout: 5 * time.Second, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return cluster, asked
}

func (w World) answer(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Content-Type", "application/json")
	status := func(code int) {
		out.WriteHeader(code)
		_ = json.NewEncoder(out).
			Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
				"reason":  map[int]string{404: "NotFound", 403: "Forbidden", 503: "ServiceUnavailable"}[code],
				"message": "answered with " + strconv.Itoa(code)})
	}
	found, is := w[r.URL.Path+"?"+r.URL.Query().Get("aggregate")]
	if !is {
		found = w[r.URL.Path]
	}
	if now, is := found.(func() any); is {
		found = now()
	}
	if now, is := found.(func(*http.Request) any); is {
		found = now(r)
	}
	if isExec(r) {
		switch answer := found.(type) {
		case map[string]any:
			answerExec(out, r, saying(answer))
			return
		case Command:
			answerExec(out, r, answer)
			return
		}
	}
	switch answer := found.(type) {
	case nil:
		status(http.StatusNotFound)
	case int:
		status(answer)
	case string:
		_, _ = out.Write([]byte(answer))
	default:
		_ = json.NewEncoder(out).Encode(answer)
	}
}
