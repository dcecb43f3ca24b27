package kube_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

const inPod = "/api/v1/namespaces/shops/pods/db-0/exec"

func TestExecTellsWhatACommandWroteAndHowItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		answer any
		stdout string
		says   string // in the error; empty: none
		status int    // of an ErrExit
	}{
		"a command that went well":     {map[string]any{"stdout": "one\ntwo\n", "stderr": "note"}, "one\ntwo\n", "", 0},
		"a command that failed":        {map[string]any{"stdout": "half", "stderr": "no such file\n", "exit": 3}, "half", "sh in container postgres of pod shops/db-0: exit status 3: no such file", 3},
		"a command that died silently": {map[string]any{"exit": 137}, "", "exit status 137", 137},
		"a pod that is not there":      {nil, "", "pod shops/db-0: unable to upgrade connection: answered with 404", 0},
		"no right to it":               {http.StatusForbidden, "", "answered with 403", 0},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, _ := kubetest.World{inPod: c.answer}.Serve(t)
			stdout, stderr, err := cluster.Exec(
				t.Context(), "shops", "db-0", "postgres", []string{"sh", "-c", "true"}, nil,
			)
			if string(stdout) != c.stdout {
				t.Errorf("wrote %q, want %q", stdout, c.stdout)
			}
			if c.says == "" {
				if err != nil || stderr != "note" {
					t.Errorf("error %v, standard error %q", err, stderr)
				}
				return
			}
			var exit kube.ErrExit
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.As(err, &exit) != (c.status != 0) ||
				exit.Status != c.status {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	server := httptest.NewServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
	)
	defer server.Close()
	config := &rest.Config{Host: server.URL}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := (&kube.Cluster{Client: client, Config: config}).Exec(ctx, "shops", "db-0", "postgres", []string{"sleep"}, nil); err == nil {
		t.Error("a command that never ended was a success")
	}
}
