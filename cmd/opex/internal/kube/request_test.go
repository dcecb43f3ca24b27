package kube

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/contract"
)

// proxied is a cluster whose OpenCost answers so at /allocation.
func proxied(t *testing.T, answer http.HandlerFunc) *Cluster {
	t.Helper()
	cluster, err := Connect(t.Context(), server(t, answer), contract.Cluster{Context: "staging", UID: "here"})
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func TestRequestReturnsWhatTheServiceSaid(t *testing.T) {
	const proxy = "/api/v1/namespaces/opencost/services/http:opencost:9003/proxy"
	for name, location := range map[string]string{
		"as the service wrote it":          "/tasks/1?x=2",
		"as the API server's proxy has it": proxy + "/tasks/1?x=2",
		"with a host":                      "https://127.0.0.1:6443" + proxy + "/tasks/1?x=2",
	} {
		t.Run(name, func(t *testing.T) {
			cluster := proxied(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusCreated)
				fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), body)
			})
			answer, err := cluster.Request(t.Context(), http.MethodPost, endpoint, "/allocation", []byte(`{"a":1}`))
			if err != nil || answer.Status != http.StatusCreated || answer.Location != "/tasks/1?x=2" ||
				string(answer.Body) != `POST application/json {"a":1}` {
				t.Errorf("answer %+v %s, error %v", answer, answer.Body, err)
			}
		})
	}
}

func TestRequestTellsTheServicesAnswerFromNone(t *testing.T) {
	const status = `{"kind":"Status","apiVersion":"v1","status":"Failure","code":503,"message":"no endpoints available"}`
	for name, c := range map[string]struct {
		status int
		body   string
		silent bool
	}{
		"no endpoint":             {503, status, true},
		"no right":                {403, status, true},
		"the service is not well": {503, `{"error":"no database"}`, false},
		"the service knows none":  {404, `{"error":"no task"}`, false},
		"all is well":             {200, `{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := proxied(
				t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.status); fmt.Fprint(w, c.body) },
			)
			answer, err := cluster.Request(t.Context(), http.MethodGet, endpoint, "/allocation", nil)
			if errors.Is(err, ErrNoAnswer) != c.silent || answer.Status != c.status ||
				c.silent && !strings.Contains(err.Error(), "no endpoints") {
				t.Errorf("answer %+v, error %v", answer, err)
			}
		})
	}
}
