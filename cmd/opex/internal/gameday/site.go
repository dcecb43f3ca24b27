// Package gameday kills a pod of a service under load, on purpose, and measures what its users notice and how long it
// takes until all is as before.
package gameday

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/chaosmesh"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// Production is the environment in which there are no Game Days.
const Production = "production"

// Site is one service of a stack, with its experiment and the lab.
type Site struct {
	Name    string // of the service
	Service contract.Service
	Plan    contract.ChaosPlan
	Lab     contract.ChaosLab
	Outputs stack.Outputs
	Cluster *kube.Cluster
	Chaos   chaosmesh.Client
	People  io.Writer // progress

	recovery, p95, limit time.Duration
	address              string            // Service of Kubernetes
	endpoint             contract.Endpoint // the same, as the API server's proxy reaches it
}

// Open looks the service up in the outputs.
func Open(cluster *kube.Cluster, outputs stack.Outputs, name string, people io.Writer) (*Site, error) {
	service := outputs.Services[name]
	switch {
	case outputs.Environment == Production:
		return nil, fmt.Errorf(
			"service %s: the stack's environment is production, where nothing is broken on purpose", name,
		)
	case outputs.Chaos == nil:
		return nil, fmt.Errorf(
			"service %s: chaos is off in this stack: set opex:chaos.enabled to true and run `pulumi up`", name,
		)
	case service.Chaos == nil && service.NoChaos != "":
		return nil, fmt.Errorf("service %s is never tried: %s", name, service.NoChaos)
	case service.Chaos == nil:
		return nil, fmt.Errorf("service %s has no experiment in the stack's outputs: `pulumi up` declares one", name)
	}
	s := &Site{
		Name:    name,
		Service: service,
		Plan:    *service.Chaos,
		Lab:     *outputs.Chaos,
		Outputs: outputs,
		Cluster: cluster,
		People:  people,
		Chaos:   chaosmesh.Client{Dynamic: cluster.Dynamic, Namespace: service.Namespace},
	}
	var wrong [4]error
	s.recovery, wrong[0] = time.ParseDuration(s.Plan.Recovery)
	s.p95, wrong[1] = time.ParseDuration(s.Plan.P95)
	s.limit, wrong[2] = time.ParseDuration(s.Plan.Limit)
	read, err := url.Parse(service.URL)
	if err == nil {
		s.address, _, _ = strings.Cut(read.Hostname(), ".")
	}
	if port, wrongPort := strconv.Atoi(read.Port()); s.address == "" || wrongPort != nil {
		wrong[3] = fmt.Errorf("url %q names no service and port", service.URL)
	} else {
		s.endpoint = contract.Endpoint{Namespace: service.Namespace, Service: s.address, Port: port}
	}
	if err := errors.Join(wrong[:]...); err != nil {
		return nil, fmt.Errorf("service %s: the stack's outputs: %w", name, err)
	}
	if s.Plan.Kind != "PodChaos" || s.Plan.Action != "pod-kill" {
		return nil, fmt.Errorf(
			"service %s declares %s %s; a Game Day measures PodChaos pod-kill", name, s.Plan.Kind, s.Plan.Action,
		)
	}
	return s, nil
}

// Say writes one line for people.
func (s *Site) Say(format string, arguments ...any) {
	fmt.Fprintln(s.People, s.Name+": "+fmt.Sprintf(format, arguments...))
}

func (s *Site) record(run evidence.Run, now time.Time) evidence.GameDay {
	return evidence.GameDay{
		Schema: evidence.GameDaySchema, Version: evidence.GameDayVersion, Verdict: evidence.Unproven, Run: run,
		Service: s.Name, Environment: s.Outputs.Environment, ClusterUID: s.Cluster.UID, Namespace: s.Service.Namespace, StartedAt: now.UTC(), OpexVersion: version(),
		Experiment: evidence.Experiment{Schedule: s.Plan.Schedule, Kind: s.Plan.Kind, Action: s.Plan.Action},
		Objectives: evidence.ChaosTarget{Recovery: evidence.InSeconds(s.recovery), P95: evidence.InSeconds(s.p95)},
		Replicas:   s.Service.Replicas,
	}
}

// version is that of this program: the module's or, built from a checkout, the commit's.
func version() string {
	info, is := debug.ReadBuildInfo()
	if !is {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}

// setup is what is tried: the service's Deployment as it is now (right: get on deployments).
func (s *Site) setup(ctx context.Context) (evidence.Setup, error) {
	d, err := s.Cluster.Client.AppsV1().
		Deployments(s.Service.Namespace).
		Get(ctx, s.Service.Deployment, metav1.GetOptions{})
	if err != nil {
		return evidence.Setup{}, err
	}
	return pods.Setup(d, s.Service.Container), nil
}
