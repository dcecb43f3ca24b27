package spec

import (
	"strings"

	"github.com/opex-project/opex/internal/problem"
)

// Chaos describes where experiments may be made. It is `opex:chaos`.
type Chaos struct {
	// Install Chaos Mesh and declare each service's experiment. Never in production: there it is refused.
	Enabled bool `json:"enabled"`
	// containerd's socket on the nodes. k3s has it at /run/k3s/containerd/containerd.sock.
	RuntimeSocket string `json:"runtimeSocket"`
}

// SetDefaults fills what is unset.
func (c *Chaos) SetDefaults() { setDefault(&c.RuntimeSocket, "/run/containerd/containerd.sock") }

// Problems returns all that is wrong, by the config's keys.
func (c Chaos) Problems(environment string) problem.List {
	var found problem.List
	if c.Enabled && environment == "production" {
		found.Add("enabled", "is true, and the environment is production: chaos is for staging only. Remove the key")
	}
	if !strings.HasPrefix(c.RuntimeSocket, "/") {
		found.Add("runtimeSocket", "is %q, want an absolute path", c.RuntimeSocket)
	}
	return found
}

// ServiceProblems returns what a Game Day refuses of a service, by the service's keys.
func (c Chaos) ServiceProblems(s Service) problem.List {
	var found problem.List
	if c.Enabled && s.Chaos.Waived == "" && s.Replicas < 2 {
		found.Add(
			"replicas",
			"is %d: while its only pod is killed, nobody answers. Want 2 or more, or say in chaos.waived why the service is never tried",
			s.Replicas,
		)
	}
	return found
}

// NotInProduction is why an experiment is refused.
const NotInProduction = "is production: chaos is for staging only"
