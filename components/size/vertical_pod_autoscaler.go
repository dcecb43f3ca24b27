package size

import "github.com/opex-project/opex/components/spec"

// The types below are the fields of a VerticalPodAutoscaler (autoscaling.k8s.io/v1) that are set here.

type adviceSpec struct {
	TargetRef      targetRef      `json:"targetRef"`
	UpdatePolicy   updatePolicy   `json:"updatePolicy"`
	ResourcePolicy resourcePolicy `json:"resourcePolicy"`
}

type targetRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

type updatePolicy struct {
	UpdateMode string `json:"updateMode"`
}

type resourcePolicy struct {
	ContainerPolicies []containerPolicy `json:"containerPolicies"`
}

type containerPolicy struct {
	ContainerName       string       `json:"containerName"`
	Mode                string       `json:"mode"`
	MinAllowed          spec.Amounts `json:"minAllowed"`
	MaxAllowed          spec.Amounts `json:"maxAllowed"`
	ControlledResources []string     `json:"controlledResources"`
	ControlledValues    string       `json:"controlledValues"`
}

func adviceOn(w Workload) adviceSpec {
	return adviceSpec{
		TargetRef:    targetRef{APIVersion: "apps/v1", Kind: w.Kind, Name: w.Name},
		UpdatePolicy: updatePolicy{UpdateMode: w.Sizing.Mode},
		ResourcePolicy: resourcePolicy{ContainerPolicies: []containerPolicy{{
			ContainerName: w.Container,
			Mode:          "Auto", // Off here would give no recommendation at all
			MinAllowed:    w.Sizing.Min, MaxAllowed: w.Sizing.Max,
			ControlledResources: spec.ScaledResources,
			ControlledValues:    "RequestsOnly",
		}}},
	}
}
