package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChaos is one story: failures are declared and none happens; each fence is attacked on its own, and holds; then
// pods are killed under load, and what was measured is evidence.
func TestChaos(t *testing.T) {
	must(t, "clean")
	must(t, "up", "--no-deploy")
	backupsFarAway(t)
	must(t, "up")
	t.Cleanup(func() { _, _ = sandbox(context.Background(), "clean") })

	for _, step := range []struct {
		promise string
		check   func(*testing.T)
	}{
		{"up declares the experiment and kills nothing", nothingIsKilled},
		{"what is aimed elsewhere is refused by the cluster", policyRefuses},
		{"Chaos Mesh has rights in the target alone", rightsAreHeld},
		{"without the policy nothing outside the target is hit", scopeHolds},
		{"without the annotation nothing at all is hit", filterHolds},
		{"a Game Day is refused by each fence and kills nothing", gameDayIsRefused},
		{"kills under load hit one pod each and are proven", gameDaysAreProven},
		{"a graceful end costs no request of any kind", gracefulCostsNothing},
		{"an interrupted Game Day leaves nothing and a second one beside it is refused", interruptedGameDayLeavesNothing},
		{"all breaches are each noticed by the criterion that they are about and by no other", breachesAreNoticed},
	} {
		if !t.Run(step.promise, step.check) {
			t.Fatal("the steps after this one stand on it")
		}
	}
}

// pods returns the UIDs of the running pods of a namespace by name.
func pods(t *testing.T, namespace string, selector ...string) map[string]string {
	t.Helper()
	out := in(
		t,
		append([]string{"kubectl", "--namespace=" + namespace, "get", "pods", "--field-selector=status.phase=Running",
			`--output=jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}`}, selector...)...)
	found := map[string]string{}
	for line := range strings.Lines(out) {
		if name, uid, is := strings.Cut(strings.TrimSpace(line), " "); is {
			found[name] = uid
		}
	}
	if len(found) == 0 {
		t.Fatalf("no pods in %s", namespace)
	}
	return found
}

const ofTheService = "--selector=app.kubernetes.io/instance=task-api,app.kubernetes.io/component=api"

func nothingIsKilled(t *testing.T) {
	if got := kubectl(t, "get", "schedules.chaos-mesh.org", "task-api", `--output=jsonpath={.metadata.annotations.experiment\.chaos-mesh\.org/pause} {.spec.podChaos.mode} {.status.time}`); got != "true one null" {
		t.Errorf("the Schedule says %q, want it paused, of one pod, never run", got)
	}
	before := pods(t, namespace)
	must(t, "up")
	if left := in(t, "kubectl", "get", "podchaos,networkchaos,stresschaos", "--all-namespaces", "--output=name"); left != "" {
		t.Errorf("experiments are there: %s", left)
	}
	if after := pods(t, namespace); !maps.Equal(before, after) {
		t.Errorf("pods were %v and are %v", before, after)
	}
}

// aim is a selector of the service's own pods, with one wrong.
func aim(change func(map[string]any)) map[string]any {
	selector := map[string]any{"namespaces": []any{namespace}, "labelSelectors": map[string]any{
		"app.kubernetes.io/instance": "task-api", "app.kubernetes.io/component": "api"}}
	experiment := map[string]any{"action": "pod-kill", "mode": "one", "selector": selector}
	change(experiment)
	return experiment
}

func of(experiment map[string]any) map[string]any { return experiment["selector"].(map[string]any) }

// object writes a manifest of Chaos Mesh and returns its path.
func object(t *testing.T, kind, namespace, name string, spec any) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"apiVersion": "chaos-mesh.org/v1alpha1", "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": namespace}, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func policyRefuses(t *testing.T) {
	plain := aim(func(map[string]any) {})
	elsewhere := aim(func(e map[string]any) { of(e)["namespaces"] = []any{"velero"} })
	for name, c := range map[string]struct {
		kind, namespace string
		spec            any
		says            string
	}{
		"another-namespace": {"PodChaos", "default", plain, "chaos objects are allowed in the namespace staging only"},
		"aimed-at-velero":   {"PodChaos", namespace, elsewhere, "selector.namespaces must be [staging]"},
		"aimed-at-two":      {"PodChaos", namespace, aim(func(e map[string]any) { of(e)["namespaces"] = []any{namespace, "velero"} }), "selector.namespaces must be"},
		"at-every-pod":      {"PodChaos", namespace, aim(func(e map[string]any) { delete(of(e), "labelSelectors") }), "selector.labelSelectors must name the pods"},
		"by-pod-name":       {"PodChaos", namespace, aim(func(e map[string]any) { of(e)["pods"] = map[string]any{"velero": []any{"velero-0"}} }), "selector.pods, nodes and nodeSelectors are not allowed"},
		"all-pods":          {"PodChaos", namespace, aim(func(e map[string]any) { e["mode"] = "all" }), "mode must be one"},
		"half-of-them":      {"PodChaos", namespace, aim(func(e map[string]any) { e["mode"], e["value"] = "fixed-percent", "50" }), "mode must be one"},
		"partition-of-two": {"NetworkChaos", namespace, aim(func(e map[string]any) {
			e["action"], e["direction"] = "partition", "both"
			e["target"] = map[string]any{"mode": "one", "selector": of(elsewhere)}
		}), "selector.namespaces must be"},
		"schedule-elsewhere": {"Schedule", namespace, map[string]any{"schedule": "@yearly", "type": "PodChaos", "podChaos": elsewhere}, "selector.namespaces must be"},
		"schedule-of-kernel": {"Schedule", namespace, map[string]any{"schedule": "@yearly", "type": "TimeChaos", "timeChaos": aim(func(e map[string]any) {
			delete(e, "action")
			e["timeOffset"] = "-10m"
		})}, "a Schedule may hold a PodChaos, NetworkChaos or StressChaos"},
		"another-kind": {"TimeChaos", namespace, aim(func(e map[string]any) { delete(e, "action"); e["timeOffset"] = "-10m" }), "allowed kinds are PodChaos"},
		"workflow": {"Workflow", namespace, map[string]any{"entry": "a", "templates": []any{map[string]any{
			"name": "a", "templateType": "PodChaos", "deadline": "1m", "podChaos": elsewhere}}}, "allowed kinds are PodChaos"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(
				t, []string{"opex-chaos", c.says}, "kubectl", "create",
				"--filename="+object(t, c.kind, c.namespace, name, c.spec),
			)
		})
	}
	refused(
		t, []string{"mode must be one"}, "kubectl", "--namespace="+namespace, "patch", "schedules.chaos-mesh.org",
		"task-api", "--type=merge", `--patch={"spec":{"podChaos":{"mode":"all"}}}`,
	)
}

func rightsAreHeld(t *testing.T) {
	for _, c := range []struct {
		verb, what, namespace string
		may                   bool
	}{
		{"delete", "pods", namespace, true}, // or the rest would prove nothing
		{"delete", "pods", "velero", false}, {"delete", "pods", "kube-system", false}, {"delete", "pods", "default", false},
		{"get", "secrets", "velero", false}, {"delete", "namespaces", "", false},
	} {
		out, err := sandbox(
			t.Context(), "exec", "--", "kubectl", "auth", "can-i", c.verb, c.what, "--namespace="+c.namespace,
			"--as=system:serviceaccount:chaos-mesh:chaos-controller-manager",
		)
		if (err == nil) != c.may {
			t.Errorf("the controller may %s %s in %q: want %v, got %s", c.verb, c.what, c.namespace, c.may, out)
		}
	}
}

// notHit makes an experiment, gives it time, and requires that it hit nothing and goes when it is deleted.
func notHit(t *testing.T, home string, experiment any, watched ...string) {
	t.Helper()
	before := map[string]map[string]string{}
	for _, namespace := range watched {
		before[namespace] = pods(t, namespace)
	}
	in(t, "kubectl", "create", "--filename="+object(t, "PodChaos", home, "attack", experiment))
	time.Sleep(8 * time.Second) // a kill takes less than one; that nothing happens can only be waited for
	injected := in(
		t, "kubectl", "--namespace="+home, "get", "podchaos", "attack",
		`--output=jsonpath={.status.conditions[?(@.type=="AllInjected")].status}`,
	)
	for namespace, was := range before {
		if is := pods(t, namespace); !maps.Equal(was, is) {
			t.Errorf("pods in %s were %v and are %v", namespace, was, is)
		}
	}
	if injected == "True" {
		t.Error("Chaos Mesh says that all is injected")
	}
	in(t, "kubectl", "--namespace="+home, "delete", "podchaos", "attack", "--timeout=30s")
}

func scopeHolds(t *testing.T) {
	in(t, "kubectl", "delete", "validatingadmissionpolicybinding", "opex-chaos")
	atVelero := map[string]any{
		"action":   "pod-kill",
		"mode":     "all",
		"selector": map[string]any{"namespaces": []any{"velero"}},
	}
	eventually(t, 30*time.Second, func() error { // the API server learns of it by a watch
		_, err := sandbox(
			t.Context(), "exec", "--", "kubectl", "create", "--dry-run=server",
			"--filename="+object(t, "PodChaos", namespace, "attack", atVelero),
		)
		return err
	})
	notHit(t, namespace, atVelero, "velero", namespace)
	notHit(t, "default", atVelero, "velero", namespace)
	notHit(t, "velero", atVelero, "velero", namespace)
	in(t, "pulumi", "refresh", "--yes", "--skip-preview")
	must(t, "up")
	eventually(t, 30*time.Second, func() error {
		if _, err := sandbox(t.Context(), "exec", "--", "kubectl", "create", "--dry-run=server", "--filename="+object(t, "PodChaos", namespace, "attack", atVelero)); err == nil {
			return fmt.Errorf("the policy is not back")
		}
		return nil
	})
}

func filterHolds(t *testing.T) {
	in(t, "kubectl", "annotate", "namespace", namespace, "chaos-mesh.org/inject-")
	notHit(t, namespace, aim(func(map[string]any) {}), namespace)
	in(t, "kubectl", "annotate", "namespace", namespace, "chaos-mesh.org/inject=enabled")
}

// enginesAreGone looks for what engines leave behind that are not uninstalled in order.
func enginesAreGone(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"schedules.chaos-mesh.org", "podchaos.chaos-mesh.org"} {
		if left := in(t, "kubectl", "get", kind, "--all-namespaces", "--output=name"); left != "" {
			t.Errorf("left: %s", left)
		}
	}
	for _, kind := range []string{"namespace/chaos-mesh", "validatingadmissionpolicy/opex-chaos", "clusterrole/opex-chaos-reader"} {
		if left := in(t, "kubectl", "get", kind, "--ignore-not-found", "--output=name"); left != "" {
			t.Errorf("left: %s", left)
		}
	}
	if left := in(t, "kubectl", "get", "validatingwebhookconfigurations,mutatingwebhookconfigurations", "--output=name"); strings.Contains(
		left, "chaos",
	) {
		t.Errorf("left: %s", left)
	}
	if left := in(t, "kubectl", "get", "namespaces", "opencost", "prometheus-system", "vertical-pod-autoscaler", "--ignore-not-found", "--output=name"); left != "" {
		t.Errorf("namespaces left: %s", left)
	}
	if left := in(t, "kubectl", "--namespace=kube-system", "get", "deployment", "metrics-server", "--ignore-not-found", "--output=name"); left != "" {
		t.Errorf("left: %s", left)
	}
	if left := in(t, "kubectl", "get", "clusterroles", "--output=name"); strings.Contains(left, "opencost") ||
		strings.Contains(left, "prometheus") {
		t.Errorf("cluster roles left: %s", left)
	}
}
