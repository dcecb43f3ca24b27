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

// expired is a kubeconfig whose cluster accepts nobody.
func expired(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`)
	}))
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %s}}]\n"+
		"users: [{name: u, user: {token: old}}]\ncontexts: [{name: staging, context: {cluster: c, user: u}}]\n", s.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnectRefusesAnyOtherCluster(t *testing.T) {
	kubeconfig := server(t, nil)
	cases := map[string]struct {
		kubeconfig string
		want       contract.Cluster
		says       string
	}{
		"another cluster":     {kubeconfig, contract.Cluster{Context: "staging", UID: "there"}, "the stack lives on there. Nothing was asked of it"},
		"an unknown context":  {kubeconfig, contract.Cluster{Context: "prod", UID: "here"}, `context "prod" of the stack's outputs`},
		"a missing file":      {"/nowhere", contract.Cluster{Context: "staging", UID: "here"}, "/nowhere"},
		"expired credentials": {expired(t), contract.Cluster{Context: "staging", UID: "here"}, "credentials are not accepted (any more): sign in again"},
		"a cluster that died": {dead(t), contract.Cluster{Context: "staging", UID: "here"}, "connection refused"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Connect(t.Context(), c.kubeconfig, c.want); err == nil || !strings.Contains(err.Error(), c.says) {
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
		"no endpoints": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, true},
		"no service":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, true},
		"too slow":     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true},
		"a failure":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, false},
		"no right":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cluster, err := Connect(t.Context(), server(t, c.answer), contract.Cluster{Context: "staging", UID: "here"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer cancel()
			_, err = cluster.Get(ctx, endpoint, "/allocation", nil)
			if err == nil || errors.Is(err, ErrNoAnswer) != c.silent || !strings.Contains(err.Error(), "opencost/opencost:9003/allocation") {
				t.Errorf("error is %v, want silence: %v", err, c.silent)
			}
		})
	}
}

func TestAServiceThatFailsForAMomentIsAskedAgainAndOneThatRefusesIsNot(t *testing.T) {
	for name, c := range map[string]struct {
		statuses []int // of one request after the other; the last is kept
		asked    int
		says     string // empty: no error
	}{
		"a cut connection":   {[]int{500, 200}, 2, ""},
		"a pod that changes": {[]int{503, 503, 503, 200}, 4, ""},
		"a lasting failure":  {[]int{500}, 4, "allocation: an error on the server (\"unknown\") has prevented the request from succeeding (get services http:opencost:9003): error 4: cut off"},
		"no right":           {[]int{403}, 1, "error 1: cut off"},
		"no service":         {[]int{404}, 1, "could not find"},
		"a bad question":     {[]int{400}, 1, "error 1: cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			cluster := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
				status := c.statuses[min(asked, len(c.statuses)-1)]
				asked++
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"code":%d,"message":"error %d:\n  cut off"}`, status, asked)
			})
			_, err := cluster.Get(t.Context(), endpoint, "/allocation", nil)
			if asked != c.asked || (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("asked %d times, error %v; want %d times, and an error that says %q", asked, err, c.asked, c.says)
			}
		})
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
