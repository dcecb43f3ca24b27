package cost

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/problem"
)

// CostLabeledAppArgs are the arguments of NewCostLabeledApp.
type CostLabeledAppArgs struct {
	// Service is what to run. What is unset takes its default.
	Service spec.Service
	// Environment is the value of the label environment. Required.
	Environment string
	// Namespace is the name of the namespace. Required. As an output of the namespace it makes every object wait for
	// it.
	Namespace pulumi.StringInput
	// Image is used instead of Service.Image, where another resource builds it.
	Image pulumi.StringInput
	// DatabasePassword is required for a service with a database and refused without; an output, such as that of a
	// RandomPassword, will do. It is kept secret in any case, and a new one starts new pods.
	DatabasePassword pulumi.StringInput
	// PriorityClass is the name of the pods' PriorityClass. Nil: the cluster's default.
	PriorityClass pulumi.StringInput
	// ControlPlane are the CIDRs of the API server, whose service proxy the command opex uses. Empty: it cannot reach
	// the service where network policies are enforced.
	ControlPlane []string
	// Callers are let in beside those that Service.Traffic.From names, where it names any.
	Callers []spec.Peer
}

func (a CostLabeledAppArgs) problems(service spec.Service) problem.List {
	found := service.Problems()
	spec.CheckLabelValue(&found, "Environment", a.Environment)
	if a.Namespace == nil {
		found.Add("Namespace", "is nil: the objects would land in whatever namespace the kubeconfig names")
	}
	switch {
	case service.Database != nil && a.DatabasePassword == nil:
		found.Add("DatabasePassword", "is nil, but the service has a database")
	case service.Database == nil && a.DatabasePassword != nil:
		found.Add("DatabasePassword", "is given, but the service has no database")
	}
	for _, cidr := range a.ControlPlane {
		spec.CheckCIDR(&found, "ControlPlane", cidr)
	}
	return found
}

// inputs are what the component's state shows.
func (a CostLabeledAppArgs) inputs(service spec.Service) pulumi.Map {
	return pulumi.Map{
		"service": platform.Values(service), "environment": pulumi.String(a.Environment), "namespace": a.Namespace,
	}
}
