package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/internal/problem"
)

// CostLabeledAppArgs are the arguments of NewCostLabeledApp.
type CostLabeledAppArgs struct {
	// Service is what to run. What is unset takes its default.
	Service ServiceSpec
	// Environment is the value of the label environment. Required.
	Environment string
	// Namespace is the name of the namespace. Required. As an output of the namespace it makes every object wait for it.
	Namespace pulumi.StringInput
	// ControlPlane are the CIDRs from which the API server's service proxy reaches the service; opex asks it by that. None: pods only.
	ControlPlane pulumi.StringArrayInput
	// DatabasePassword is required for a service with a database and refused without. It is kept secret in any case.
	DatabasePassword pulumi.StringInput
	// DatabasePasswordDigest changes when the password does, and gives nothing away. Required with DatabasePassword: it
	// stands in the pod templates, so that a new password starts new pods.
	DatabasePasswordDigest string
}

func (a CostLabeledAppArgs) problems(spec ServiceSpec) problem.List {
	found := spec.Problems()
	checkLabelValue(&found, "Environment", a.Environment)
	if a.Namespace == nil {
		found.Add("Namespace", "is nil: the objects would land in whatever namespace the kubeconfig names")
	}
	switch {
	case spec.Database != nil && a.DatabasePassword == nil:
		found.Add("DatabasePassword", "is nil, but the service has a database")
	case spec.Database != nil && a.DatabasePasswordDigest == "":
		found.Add("DatabasePasswordDigest", "is empty: a new password would not reach the pods that run")
	case spec.Database == nil && (a.DatabasePassword != nil || a.DatabasePasswordDigest != ""):
		found.Add("DatabasePassword", "is given, but the service has no database")
	}
	return found
}
