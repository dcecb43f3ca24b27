package kube

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/opex-project/opex/internal/contract"
)

var endpoint = contract.Endpoint{Namespace: "opencost", Service: "opencost", Port: 9003}

// server is an API server with a kube-system namespace of UID `here`, behind a kubeconfig with the context `staging`.
func server(t *testing.T, proxied http.HandlerFunc) (kubeconfig string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/namespaces/kube-system", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system","uid":"here"}}`)
	})
	if proxied != nil {
		mux.HandleFunc("/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation", proxied)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %s}}]\n"+
		"users: [{name: u}]\ncontexts: [{name: staging, context: {cluster: c, user: u}}]\n", s.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refusing is a kubeconfig whose cluster answers everything with a status; its user is some YAML. Without TLS, no
// credentials would be got.
func refusing(t *testing.T, code int, reason, user string) string {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(
			w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"%s","reason":"%s","code":%d}`, reason,
			reason, code,
		)
	}))
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(
		"apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %s, insecure-skip-tls-verify: true}}]\n"+
			"users: [{name: u, user: %s}]\ncontexts: [{name: staging, context: {cluster: c, user: u}}]\n",
		s.URL,
		user,
	)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnectRefusesAnyOtherClusterAndSaysWhatToDo(t *testing.T) {
	kubeconfig := server(t, nil)
	const plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: Never}}"
	cases := map[string]struct {
		kubeconfig string
		want       contract.Cluster
		says       string
	}{
		"another cluster": {
			kubeconfig, contract.Cluster{Context: "staging", UID: "there"},
			"the stack lives on there. Nothing was asked of it",
		},
		"an unknown context": {
			kubeconfig, contract.Cluster{Context: "prod", UID: "here"}, `context "prod" of the stack's outputs`,
		},
		"a missing file": {"/nowhere", contract.Cluster{Context: "staging", UID: "here"}, "/nowhere"},
		"expired credentials": {
			refusing(t, 401, "Unauthorized", "{token: old}"), contract.Cluster{Context: "staging", UID: "here"},
			"Sign in again: the credentials of the kubeconfig's context are not accepted (any more)",
		},
		"no right to look": {
			refusing(t, 403, "Forbidden", "{token: weak}"), contract.Cluster{Context: "staging", UID: "here"},
			"A right is missing: get namespaces, of kube-system",
		},
		"a plugin that fails": {
			refusing(t, 401, "Unauthorized", fmt.Sprintf(plugin, "false")),
			contract.Cluster{Context: "staging", UID: "here"},
			"Sign in again: the command by which the kubeconfig's context gets its credentials failed",
		},
		"a plugin that is not there": {
			refusing(t, 401, "Unauthorized", fmt.Sprintf(plugin, "/nowhere/login")),
			contract.Cluster{Context: "staging", UID: "here"}, "as `kubectl --context staging auth whoami` shows",
		},
		"a cluster that died": {
			dead(t), contract.Cluster{Context: "staging", UID: "here"},
			"connection refused. Look whether the API server is up: kubectl --context staging get --raw /readyz",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Connect(t.Context(), c.kubeconfig, c.want); err == nil ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

// dead is a kubeconfig of a server that is gone.
func dead(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %s}}]\n"+
		"users: [{name: u}]\ncontexts: [{name: staging, context: {cluster: c, user: u}}]\n", s.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGetTellsSilenceFromABadAnswer(t *testing.T) {
	cases := map[string]struct {
		answer http.HandlerFunc
		silent bool
	}{
		"no endpoints": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, true,
		},
		"no service": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, true},
		"too slow":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true},
		"a failure": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, false,
		},
		"no right": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cluster, err := Connect(t.Context(), server(t, c.answer), contract.Cluster{Context: "staging", UID: "here"})
			if err != nil {
				t.Fatal(err)
			}
			limit := time.Minute
			if name == "too slow" {
				limit = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err = cluster.Get(ctx, endpoint, "/allocation", nil)
			if err == nil || errors.Is(err, ErrNoAnswer) != c.silent ||
				!strings.Contains(err.Error(), "opencost/opencost:9003/allocation") {
				t.Errorf("error is %v, want silence: %v", err, c.silent)
			}
		})
	}
}

func TestTheCauseThatAServiceTellsIsHandedOn(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"OpenCost's":   {`{"code":500,"status":"","data":null,"message":"Error: no allocations\n 0) query error: refused"}`, "(get services http:opencost:9003): Error: no allocations 0) query error: refused"},
		"Prometheus's": {`{"status":"error","errorType":"bad_data","error":"1:5: parse error"}`, "9003): 1:5: parse error"},
		"other JSON":   {`{"problem":"none"}`, `9003): {"problem":"none"}`},
		"no JSON":      {"down\n for now", "9003): down for now"},
		"nothing":      {"", "9003)"},
		"a long one":   {strings.Repeat("x yz", 9000), "9003): " + strings.Repeat("x yz", 100)},
		"a long query": {`{"message":"0) query error: 'Post \"http://p/query?query=` + strings.Repeat("%28", 400) + `\": dial tcp 10.96.0.2:80: connect: connection refused'"}`,
			`9003): 0) query error: 'Post "http://p/query?query=` + strings.Repeat("%28", 25) + `%2… dial tcp 10.96.0.2:80: connect: connection refused'`},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json") // the client itself quotes the body of plain text
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprint(w, c.body)
			})
			_, err := cluster.Get(t.Context(), endpoint, "/allocation", nil)
			if err == nil || !strings.HasSuffix(err.Error(), c.says) {
				t.Errorf("error is %v, want one that ends with %q", err, c.says)
			}
		})
	}
}

// TestWhySomethingDoesNotAnswerIsHandedOn: the API server knows whether there is no pod, or a pod that refuses.
func TestWhySomethingDoesNotAnswerIsHandedOn(t *testing.T) {
	const why = `no endpoints available for service "opencost"`
	cluster := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(
			w, `{"kind":"Status","status":"Failure","message":%q,"reason":"ServiceUnavailable","code":503}`, why,
		)
	})
	if _, err := cluster.Get(t.Context(), endpoint, "/allocation", nil); !errors.Is(err, ErrNoAnswer) ||
		!strings.HasSuffix(err.Error(), why) {
		t.Errorf("error is %v, want one that ends with %q", err, why)
	}
}

func TestGetHandsOverTheQueryAndTheBody(t *testing.T) {
	cluster, err := Connect(t.Context(), server(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Query().Get("aggregate"))
	}), contract.Cluster{Context: "staging", UID: "here"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := cluster.Get(t.Context(), endpoint, "/allocation", url.Values{"aggregate": {"label:team,namespace"}})
	if err != nil || string(body) != "label:team,namespace" {
		t.Errorf("%q, %v", body, err)
	}
}
