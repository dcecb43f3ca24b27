package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestTwoNodes runs the stack over two nodes: the service's pods stand on both, so that some reach the database, and
// all are reached, from the other node.
func TestTwoNodes(t *testing.T) {
	must(t, "clean")
	must(t, "--nodes=2", "up")
	defer must(t, "clean")
	ready := in(
		t, "kubectl", "get", "nodes",
		`--output=jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`,
	)
	if ready != fmt.Sprintf("%[1]s-0 True\n%[1]s-1 True\n", instance) {
		t.Fatalf("nodes: %q", ready)
	}
	hosts := map[string]bool{}
	for _, host := range strings.Fields(kubectl(t, "get", "pods", "--selector=app.kubernetes.io/component=api", "--output=jsonpath={.items[*].spec.nodeName}")) {
		hosts[host] = true
	}
	if len(hosts) != 2 {
		t.Errorf("the service's pods are all on %v", hosts)
	}
	for range 30 { // more answers than replicas: each pod has its turn
		has(t, create(t, "over two nodes"))
	}
	for _, step := range []struct {
		promise string
		check   func(*testing.T)
	}{
		{"NetworkPolicies are enforced, within a node and between nodes", policiesAreEnforced},
		{"who is not meant to reach the database, or the world, does not", trafficIsHeld},
		{"opex passes the policies from the control plane's address", commandsPassPolicies},
		{"what keeps a pod from serving is named", causesAreNamed},
	} {
		t.Run(step.promise, step.check)
	}
	must(t, "down")
	must(t, "up") // as many nodes as before
	has(t, create(t, "after a restart"))
	if out := in(t, "kubectl", "get", "nodes", "--output=name"); strings.Count(out, "node/") != 2 {
		t.Errorf("nodes after the restart: %s", out)
	}
}
