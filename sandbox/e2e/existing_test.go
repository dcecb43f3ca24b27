package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/sandbox/internal/existing"
	"github.com/opex-project/opex/sandbox/internal/image"
)

// TestExistingCluster deploys the staging stack onto a cluster that was booted and nothing more, and that has a
// metrics-server and the VPA's kinds of somebody else.
func TestExistingCluster(t *testing.T) {
	must(t, "up", "--no-deploy")
	if err := os.RemoveAll(ownFolder()); err != nil { // what a run before may have left
		t.Fatal(err)
	}
	installForeign(t)
	config := ownConfig(t)
	t.Run("what does not fit is refused, and nothing is changed", func(t *testing.T) { refusesExisting(t, config) })
	before := freeOf(t)
	t.Run("the stack is deployed and answers", func(t *testing.T) {
		out := own(t, "up", "--images-present", "--yes", "--config", config)
		for _, words := range []string{"is up on opex-" + instance, "these services answer: task-api"} {
			if !strings.Contains(out, words) {
				t.Errorf("it does not say %q:\n%s", words, out)
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Run("the need that is checked is what the pods request", func(t *testing.T) {
		used := freeOf(t)
		cpu, memory := before.CPU-used.CPU, before.Memory-used.Memory
		t.Logf("requested: %.2f cores, %.2f GiB", cpu, memory/(1<<30))
		if cpu > existing.Need.CPU || memory > existing.Need.Memory {
			t.Errorf("the pods request %.2f cores and %.0f bytes, more than %+v", cpu, memory, existing.Need)
		}
		if cpu < existing.Need.CPU*0.7 || memory < existing.Need.Memory*0.7 {
			t.Errorf("the pods request %.2f cores and %.0f bytes, far less than %+v", cpu, memory, existing.Need)
		}
	})
	t.Run("nothing is left to change, and somebody else's metrics-server stays", func(t *testing.T) {
		own(t, "up", "--images-present", "--yes") // with the config of the first time
		own(t, "exec", "--", "pulumi", "preview", "--expect-no-changes")
		if left := in(t, "kubectl", "get", "deployments", "--all-namespaces", "--selector=app.kubernetes.io/name=metrics-server", "--output=name"); left != "" {
			t.Errorf("a second metrics-server was installed: %s", left)
		}
	})
	t.Run("a drill restores from the store in the cluster", func(t *testing.T) {
		own(t, "exec", "--", "opex", "drill")
		own(t, "exec", "--", "opex", "verify", "--only=SC-004,SC-005,SC-006,SC-007") // ends with 0 if all of them pass
	})
	t.Run("clean leaves what was there before", func(t *testing.T) {
		own(t, "clean", "--yes")
		eventually(t, 2*time.Minute, func() error {
			names := in(t, "kubectl", "get", "namespaces", "--output=name")
			for _, gone := range []string{"staging", "velero", "opencost", "chaos-mesh", "opex-store"} {
				if strings.Contains(names, "namespace/"+gone+"\n") {
					return fmt.Errorf("namespace %s is still there", gone)
				}
			}
			return nil
		})
		in(t, "kubectl", "--namespace=kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=30s")
		in(t, "kubectl", "get", "crd", "verticalpodautoscalers.autoscaling.k8s.io")
	})
}

// ownFolder is where the command keeps what belongs to the cluster.
func ownFolder() string { return filepath.Join(repo(), ".sandbox", "clusters", "opex-"+instance) }

// ownArgs is the command for a cluster that exists already, as a user runs it in a shell of their own.
func ownArgs(args ...string) []string {
	return append([]string{filepath.Join(repo(), ".sandbox", "bin", "sandbox"), "cluster", "--context", "opex-" + instance}, args...)
}

func own(t *testing.T, args ...string) string {
	t.Helper()
	return in(t, ownArgs(args...)...)
}

// ownConfig names the images that the sandbox has at another version than the program's.
func ownConfig(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	data, err := json.Marshal(map[string]any{"config": map[string]any{
		"opex:images": map[string]any{"opencost": image.OpenCost, "prometheus": image.Prometheus},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// installForeign installs a metrics-server and the kinds of the Vertical Pod Autoscaler as somebody else would.
func installForeign(t *testing.T) {
	t.Helper()
	command := exec.Command("go", "list", "-m", "-f={{.Dir}}", "k8s.io/autoscaler/vertical-pod-autoscaler")
	command.Dir = filepath.Join(repo(), "sandbox")
	folder, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	kinds := filepath.Join(strings.TrimSpace(string(folder)), "deploy", "vpa-v1-crd-gen.yaml")
	in(t, "kubectl", "apply", "--server-side", "--filename="+kinds)
	in(t, "kubectl", "apply", "--server-side", "--filename=sandbox/e2e/testdata/metrics-server.yaml")
	in(t, "kubectl", "--namespace=kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=120s")
}

// refusesExisting tries what must not work, one mistake at a time.
func refusesExisting(t *testing.T, config string) {
	t.Helper()
	const unchanged = "nothing was changed"
	up := []string{"up", "--images-present", "--config", config}
	refused(t, []string{unchanged, "--yes"}, ownArgs(up...)...)
	refused(t, []string{unchanged, "REGISTRY="}, ownArgs("up", "--yes")...)
	refused(t, []string{"only staging"}, append(ownArgs(up...), "--yes", "--stack=prod")...)
	refused(t, []string{"missing.yaml"}, ownArgs("up", "--yes", "--images-present", "--config=missing.yaml")...)
	refused(t, []string{`no context "nowhere"`, "opex-" + instance}, append(ownArgs(up...), "--yes", "--context=nowhere")...)
	refused(t, []string{"was not deployed from here"}, ownArgs("exec", "--", "true")...)
	refused(t, []string{"was not deployed from here"}, ownArgs("clean", "--yes")...)

	refused(t, []string{"connection refused"}, ownArgs("up", "--yes", "--registry=127.0.0.1:1/acme")...)
	refused(t, []string{"images-present registry"}, append(ownArgs(up...), "--registry=ghcr.io/acme")...)
	refused(t, []string{`"status"`, "up, exec, shell or clean"}, ownArgs("status")...)

	class := "storageclass.kubernetes.io/is-default-class"
	in(t, "kubectl", "annotate", "storageclass", "local", "--overwrite", class+"=false")
	temporary(t, "velero")
	temporary(t, "production")
	t.Cleanup(func() {
		_, _ = sandbox(context.Background(), "exec", "--", "kubectl", "annotate", "storageclass", "local", "--overwrite", class+"=true")
	})
	before := in(t, "kubectl", "get", "namespaces,storageclasses,pods", "--all-namespaces", "--output=name")
	refused(t, []string{unchanged, "no default StorageClass", "namespaces velero", "holds production"},
		append(ownArgs(up...), "--yes")...)
	if after := in(t, "kubectl", "get", "namespaces,storageclasses,pods", "--all-namespaces", "--output=name"); after != before {
		t.Errorf("the cluster was changed from\n%s\nto\n%s", before, after)
	}
}

// freeOf is what the cluster's nodes have free.
func freeOf(t *testing.T) existing.Size {
	t.Helper()
	t.Setenv("KUBECONFIG", state("kubeconfig"))
	cluster, err := existing.Open(repo(), "opex-"+instance)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := cluster.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var free existing.Size
	for _, node := range facts.Nodes {
		free.CPU += node.Free.CPU
		free.Memory += node.Free.Memory
	}
	return free
}
