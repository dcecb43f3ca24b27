package spec

import (
	"time"

	"github.com/opex-project/opex/internal/problem"
)

// Exporter describes how the criteria are judged continuously. It is `opex:exporter`.
type Exporter struct {
	// Judge the success criteria in the cluster again and again, for Prometheus: alerts and the dashboard Operational
	// excellence. Off by default: it may look into the database's pod, to see whether the dump is there.
	Enabled bool `json:"enabled"`
	// Time between two judgements.
	Every Duration `json:"every"`
}

// Limits of what is between two judgements: each asks about twenty questions of the API server, however many
// services there are, and runs a command in each database; evidence is a matter of minutes.
const (
	leastEvery = 30 * time.Second
	mostEvery  = time.Hour
)

// SetDefaults fills what is unset.
func (s *Exporter) SetDefaults() { setDefault(&s.Every, "1m") }

// Problems returns all that is wrong, by the config's keys.
func (s Exporter) Problems() problem.List {
	var found problem.List
	if every := s.Every.Value(); every < leastEvery || every > mostEvery {
		found.Add("every", "is %q, want a duration from %s to %s", s.Every, leastEvery, mostEvery)
	}
	return found
}
