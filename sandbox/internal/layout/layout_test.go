package layout

import (
	"strings"
	"testing"
)

func TestNewRefusesWrongArgumentsAllAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		repo, stack, instance string
		nodes                 int
		want                  []string
	}{
		"nothing":               {want: []string{`stack ""`, "0 nodes", `repository ""`}},
		"unknown stack":         {repo: "/r", stack: "production", nodes: 1, want: []string{`stack "production"`, "staging, prod"}},
		"unknown instance":      {repo: "/r", stack: "staging", instance: "mine", nodes: 1, want: []string{`sandbox "mine"`, "staging, prod, test"}},
		"too many nodes":        {repo: "/r", stack: "staging", nodes: 17, want: []string{"17 nodes", "1 to 16"}},
		"negative nodes":        {repo: "/r", stack: "staging", nodes: -1, want: []string{"-1 nodes"}},
		"relative repository":   {repo: "r", stack: "staging", nodes: 1, want: []string{`repository "r"`}},
		"stack with path in it": {repo: "/r", stack: "../x", nodes: 1, want: []string{`stack "../x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.repo, c.stack, c.instance, c.nodes)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestSandboxesShareNoPortAndNoFolder(t *testing.T) {
	seen := map[any]string{}
	for _, instance := range Instances {
		s, err := New("/r", "staging", instance, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Ports()
		for _, thing := range []any{p.API, p.S3, p.HTTP, s.State(), s.Name(), s.NodeName(0)} {
			if other, taken := seen[thing]; taken {
				t.Errorf("%v is used by %s and %s", thing, other, instance)
			}
			seen[thing] = instance
		}
	}
}

func TestNodesPodsAndServicesHaveDisjointAddresses(t *testing.T) {
	for i := range MaxNodes {
		if !NodeNetwork.Contains(NodeAddress(i)) {
			t.Errorf("node %d: %s is not in %s", i, NodeAddress(i), NodeNetwork)
		}
		if !PodNetwork.Contains(PodRange(i).Addr()) || PodRange(i).Overlaps(NodeNetwork) ||
			PodRange(i).Overlaps(ServiceNetwork) {
			t.Errorf("pods of node %d: %s", i, PodRange(i))
		}
	}
	for _, address := range []string{DNSAddress.String(), APIServiceAddress.String()} {
		if !strings.HasPrefix(address, "198.19.") {
			t.Errorf("%s is no Service address", address)
		}
	}
}
