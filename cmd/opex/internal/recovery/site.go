// Package recovery gets a service back from a backup, proves that it is back, and measures how long that took: as a
// drill beside the service, or for real in its place.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/lease"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// Site is one service of a stack, with its cluster, its plan and its Velero.
type Site struct {
	Name    string // of the service
	Service contract.Service
	Plan    contract.BackupPlan
	Vault   contract.BackupVault
	Outputs stack.Outputs
	Cluster *kube.Cluster
	Velero  velero.Client
	People  io.Writer // progress

	rto, rpo time.Duration
	leaseFor time.Duration     // 0: lease.DefaultDuration
	endpoint contract.Endpoint // of the service, in its own namespace
}

// Open looks the service up in the outputs.
func Open(cluster *kube.Cluster, outputs stack.Outputs, name string, people io.Writer) (*Site, error) {
	service := outputs.Services[name]
	switch {
	case outputs.Backup == nil:
		return nil, fmt.Errorf("service %s: backups are off in this stack: set opex:backup.enabled to true", name)
	case service.Backup == nil && service.NoBackup != "":
		return nil, fmt.Errorf("service %s is not backed up: %s", name, service.NoBackup)
	case service.Backup == nil:
		return nil, fmt.Errorf("service %s has no backup plan in the stack's outputs: `pulumi up` writes one", name)
	}
	s := &Site{
		Name:    name,
		Service: service,
		Plan:    *service.Backup,
		Vault:   *outputs.Backup,
		Outputs: outputs,
		Cluster: cluster,
		People:  people,
		Velero:  velero.Client{Dynamic: cluster.Dynamic, Namespace: outputs.Backup.Namespace},
	}
	var wrong [3]error
	s.rto, wrong[0] = time.ParseDuration(s.Plan.RTO)
	s.rpo, wrong[1] = time.ParseDuration(s.Plan.RPO)
	s.endpoint, wrong[2] = endpoint(service)
	if err := errors.Join(wrong[:]...); err != nil {
		return nil, fmt.Errorf("service %s: the stack's outputs: %w", name, err)
	}
	return s, nil
}

func endpoint(service contract.Service) (contract.Endpoint, error) {
	read, err := url.Parse(service.URL)
	if err != nil {
		return contract.Endpoint{}, err
	}
	name, _, _ := strings.Cut(read.Hostname(), ".")
	port, err := strconv.Atoi(read.Port())
	if name == "" || err != nil {
		return contract.Endpoint{}, fmt.Errorf("url %q names no service and port", service.URL)
	}
	return contract.Endpoint{Namespace: service.Namespace, Service: name, Port: port}, nil
}

// in is the service's endpoint in another namespace.
func (s *Site) in(namespace string) contract.Endpoint {
	at := s.endpoint
	at.Namespace = namespace
	return at
}

// hooks is the folder of the hooks in the database's container.
func (s *Site) hooks() string { return path.Dir(s.Plan.Dump.Load[0]) }

// hasDatabase says that there is a dump to load and to compare.
func (s *Site) hasDatabase() bool { return s.Plan.Dump != nil && s.Service.Database != nil }

func (s *Site) record(kind, target string, now time.Time) evidence.Record {
	return evidence.Record{
		Schema: evidence.Schema, Version: evidence.Version, Kind: kind, Verdict: evidence.Failed,
		Service: s.Name, Environment: s.Outputs.Environment, ClusterUID: s.Cluster.UID, Namespace: s.Service.Namespace, Target: target,
		StartedAt: now.UTC(), Backup: evidence.Backup{Schedule: s.Plan.Schedule},
		Objectives: evidence.Objective{RTO: evidence.InSeconds(s.rto), RPO: evidence.InSeconds(s.rpo)},
	}
}

// Say writes one line for people.
func (s *Site) Say(format string, arguments ...any) {
	fmt.Fprintln(s.People, s.Name+": "+fmt.Sprintf(format, arguments...))
}

// claim keeps two drills, or two restores, of the service apart.
func (s *Site) claim(kind string) lease.Claim {
	return lease.Claim{
		Client:    s.Cluster.Client,
		Namespace: s.Vault.Namespace,
		Name:      "opex-" + kind + "-" + s.Name,
		What:      kind + " of " + s.Name,
		Duration:  s.leaseFor,
	}
}

func (s *Site) hold(ctx context.Context, kind string) (context.Context, func(context.Context) error, error) {
	return s.claim(kind).Hold(ctx, func(line string) { s.Say("%s", line) })
}
