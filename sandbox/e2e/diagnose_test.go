package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// causesAreNamed makes what keeps pods from serving happen, one after another, and wants `opex diagnose --live` to name
// it first.
func causesAreNamed(t *testing.T) {
	container := func(change string) func(*testing.T) {
		patch := fmt.Sprintf(`{"spec": {"template": {"spec": {"containers": [{"name": "task-api", %s}]}}}}`, change)
		return func(t *testing.T) {
			t.Helper()
			kubectl(t, "patch", "deployment", "task-api", "--patch="+patch)
		}
	}
	undo := func(t *testing.T) { t.Helper(); kubectl(t, "rollout", "undo", "deployment/task-api") }
	for _, c := range []struct {
		cause, made string
		make, undo  func(*testing.T)
	}{
		{"image-pull", "an image that is nowhere", container(`"image": "ghcr.io/opex-project/task-api:0.0.0-none"`), undo},
		{"scheduling", "a request that no node has", container(`"resources": {"requests": {"cpu": "64"}, "limits": {"cpu": "64"}}`), undo},
		{"container-config", "a Secret that is missing", container(`"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "x"}}}]`), undo},
		{"crash-loop", "a program that ends at once", container(`"env": [{"name": "PORT", "value": "none"}]`), undo},
		{"init-container", "an init container that waits", func(t *testing.T) {
			t.Helper()
			kubectl(t, "patch", "deployment", "task-api", `--patch={"spec": {"template": {"spec": {"initContainers": [{"name": "wait",
				"image": "registry.k8s.io/pause:3.10.1", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}}}`)
		}, undo},
		{"replacement-blocked", "a quota that is full", func(t *testing.T) {
			t.Helper()
			kubectl(t, "create", "quota", "full", "--hard=pods=1")
			eventually(t, 30*time.Second, func() error { // until its controller has counted, it holds up nobody
				if hard := kubectl(t, "get", "quota", "full", "--output=jsonpath={.status.hard.pods}"); hard != "1" {
					return fmt.Errorf("the quota's status says %q", hard)
				}
				return nil
			})
			kubectl(t, "delete", "pods", ofTheService, "--grace-period=0", "--force")
		}, func(t *testing.T) { t.Helper(); kubectl(t, "delete", "quota", "full") }},
		{"database-reconnect", "a database that is away", func(t *testing.T) {
			t.Helper()
			kubectl(t, "scale", "statefulset", "task-api-db", "--replicas=0")
		}, func(t *testing.T) { t.Helper(); kubectl(t, "scale", "statefulset", "task-api-db", "--replicas=1") }},
	} {
		t.Run(c.cause+" is "+c.made, func(t *testing.T) {
			c.make(t)
			eventually(t, time.Minute, func() error {
				out, code := opex(t, "diagnose", "--live", "--service=task-api", "--format=json")
				var all []struct{ Findings []struct{ Cause string } }
				if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 {
					return fmt.Errorf("exit code %d, %w: %s", code, err, out)
				}
				for _, d := range all {
					if len(d.Findings) > 0 && d.Findings[0].Cause == c.cause {
						return nil
					}
				}
				return fmt.Errorf("it says %s", out)
			})
			c.undo(t)
			kubectl(t, "rollout", "status", "--timeout=120s", "deployment/task-api")
		})
	}
	if out, code := opex(t, "diagnose", "--live", "--service=task-api", "--format=json"); code != 0 || out != "[]\n" {
		t.Errorf("all is well again, and it says, with exit code %d: %s", code, out)
	}
}
