package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	postgresImage = "docker.io/library/postgres:15.20"
	// speaks answers on two ports; hears tries both ports of an address and prints those that answer.
	speaks = `perl -MIO::Socket::INET -e 'for $p (8080, 8081) {next if fork; $s = IO::Socket::INET->new(LocalPort => $p, Listen => 9) or die $!; ` +
		`while ($c = $s->accept) {print $c "ok"; close $c} exit} sleep'`
	hears = `for port in %s; do timeout 2 bash -c "exec 3<>/dev/tcp/%s/$port" 2>/dev/null && echo $port; done; true`
)

// pod is a manifest of a pod that runs a shell command, as restricted as the stack's own.
func pod(namespace, name, node, labels, command string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %[2]s, namespace: %[1]s, labels: {%[4]s}}
spec:
  nodeName: %[3]s
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: shell
    image: %[6]s
    imagePullPolicy: IfNotPresent
    command: [sh, -c, %[5]q]
    ports: [{name: web, containerPort: 8080}]
    readinessProbe: {exec: {command: ["false"]}} # no Service sends it anything
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`, namespace, name, node, labels, command, postgresImage)
}

// temporary makes a namespace in which pods can be made, for as long as the test runs.
func temporary(t *testing.T, name string) {
	t.Helper()
	in(t, "kubectl", "create", "namespace", name)
	t.Cleanup(func() { _, _ = sandbox(context.Background(), "exec", "--", "kubectl", "delete", "namespace", name) })
	eventually(t, time.Minute, func() error {
		_, err := sandbox(t.Context(), "exec", "--", "kubectl", "--namespace="+name, "get", "serviceaccount", "default")
		return err
	})
}

// apply applies a manifest.
func apply(t *testing.T, manifest string) {
	t.Helper()
	file, err := os.CreateTemp("", "*.yaml") // kubectl splits a path at commas, and a test's own folder bears its name
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(manifest); err != nil {
		t.Fatal(err)
	}
	in(t, "kubectl", "apply", "--filename="+file.Name())
}

// address waits until a pod runs and returns its address.
func address(t *testing.T, namespace, name string) string {
	t.Helper()
	in(
		t, "kubectl", "--namespace="+namespace, "wait", "--for=jsonpath={.status.phase}=Running", "--timeout=60s",
		"pod/"+name,
	)
	return in(t, "kubectl", "--namespace="+namespace, "get", "pod", name, "--output=jsonpath={.status.podIP}")
}

// reached are the ports of an address that a pod reaches.
func reached(t *testing.T, namespace, name, address string, ports ...string) []string {
	t.Helper()
	return strings.Fields(in(t, "kubectl", "--namespace="+namespace, "exec", name, "--", "bash", "-c",
		fmt.Sprintf(hears, strings.Join(ports, " "), address)))
}

// policiesAreEnforced tries what upstream's conformance tests try: by pods, namespaces, addresses and ports, in both
// directions.
func policiesAreEnforced(t *testing.T) {
	temporary(t, "policy-a")
	temporary(t, "policy-b")
	one, two := instance+"-0", instance+"-1"
	apply(t, pod("policy-a", "server", one, "role: server", speaks)+
		pod("policy-a", "near", one, "role: near", "sleep 1h")+
		pod("policy-a", "far", two, "role: far", "sleep 1h")+
		pod("policy-b", "stranger", two, "role: stranger", "sleep 1h"))
	server := address(t, "policy-a", "server")
	addresses := map[string]string{"near": address(t, "policy-a", "near"), "far": address(t, "policy-a", "far"),
		"stranger": address(t, "policy-b", "stranger")}
	from := func(peer string) string {
		return "{podSelector: {matchLabels: {role: server}}, policyTypes: [Ingress], ingress: [" + peer + "]}"
	}
	to := func(peer string) string {
		return "{podSelector: {matchLabels: {role: far}}, policyTypes: [Egress], egress: [" + peer + "]}"
	}
	both, web, other, none := []string{"8080", "8081"}, []string{"8080"}, []string{"8081"}, []string{}
	for _, c := range []struct {
		name, spec          string
		near, far, stranger []string
	}{
		{"without a policy", "", both, both, both},
		{"nobody", from(""), none, none, none},
		{"pods", from("{from: [{podSelector: {matchLabels: {role: near}}}]}"), both, none, none},
		{"a namespace", from("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: policy-b}}}]}"), none, none, both},
		{"pods of a namespace", from("{from: [{namespaceSelector: {}, podSelector: {matchLabels: {role: far}}}]}"), none, both, none},
		{"an address", from("{from: [{ipBlock: {cidr: " + addresses["far"] + "/32}}]}"), none, both, none},
		{"all addresses but one", from("{from: [{ipBlock: {cidr: 198.18.64.0/18, except: [" + addresses["stranger"] + "/32]}}]}"), both, both, none},
		{"a named port", from("{ports: [{port: web}]}"), web, web, web},
		{"a port", from("{ports: [{port: 8081}]}"), other, other, other},
		{"to nobody", to(""), both, none, both},
		{"to the named port of pods", to("{to: [{podSelector: {matchLabels: {role: server}}}], ports: [{port: web}]}"), both, web, both},
		{"to another namespace", to("{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: policy-b}}}]}"), both, none, both},
		{"to an address", to("{to: [{ipBlock: {cidr: " + server + "/32}}]}"), both, both, both},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.spec != "" {
				apply(
					t,
					"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: tried, namespace: policy-a}, spec: "+c.spec+"}",
				)
			}
			want := map[string][]string{"near": c.near, "far": c.far, "stranger": c.stranger}
			eventually(t, 30*time.Second, func() error {
				found := map[string][]string{"near": reached(t, "policy-a", "near", server, both...),
					"far": reached(
						t,
						"policy-a",
						"far",
						server,
						both...), "stranger": reached(t, "policy-b", "stranger", server, both...)}
				if !maps.EqualFunc(found, want, slices.Equal) {
					return fmt.Errorf("the server is reached by %v, want %v", found, want)
				}
				return nil
			})
			if c.spec != "" {
				in(t, "kubectl", "--namespace=policy-a", "delete", "networkpolicy", "tried")
			}
		})
	}
}

// trafficIsHeld: who is not meant to reach the database, or the world, does not. Each refusal stands beside somebody
// who may.
func trafficIsHeld(t *testing.T) {
	const service = "app.kubernetes.io/name: task-api, app.kubernetes.io/instance: task-api, app.kubernetes.io/component: api"
	store := "198.18.0.10" // the first node's: outside the pods' network, as the internet is
	temporary(t, "stranger")
	two := instance + "-1"
	// As a restored copy of the service has them: the same labels, in another namespace.
	apply(t, pod("stranger", "copy", two, service, "sleep 1h")+pod(namespace, "probe", two, service, "sleep 1h"))
	defer kubectl(t, "delete", "pod", "probe")
	address(t, "stranger", "copy")
	address(t, namespace, "probe")
	database := kubectl(t, "get", "pod", "task-api-db-0", "--output=jsonpath={.status.podIP}")
	for _, c := range []struct {
		what, namespace, pod, address, port string
		reaches                             bool
	}{
		{"the service's pod reaches its database", namespace, "probe", database, "5432", true},
		{"a pod of another namespace does not", "stranger", "copy", database, "5432", false},
		{"a pod without policies reaches what is outside", "stranger", "copy", store, "9000", true},
		{"the service's pod does not", namespace, "probe", store, "9000", false},
	} {
		eventually(t, 30*time.Second, func() error {
			if got := len(reached(t, c.namespace, c.pod, c.address, c.port)) > 0; got != c.reaches {
				return fmt.Errorf("%s: %v", c.what, got)
			}
			return nil
		})
	}
}

// commandsPassPolicies: the API server is on the first node and everything that the drill restores on the second, so
// what opex asks through the API server's proxy comes from an address that is no pod's.
func commandsPassPolicies(t *testing.T) {
	in(t, "kubectl", "cordon", instance+"-0")
	defer in(t, "kubectl", "uncordon", instance+"-0")
	if out, code := opex(t, "drill"); code != 0 {
		t.Errorf("the drill ends with %d:\n%s", code, out)
	}
}
