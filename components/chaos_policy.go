package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The policy is written in CEL. Chaos Mesh's controller is held to it as everybody is: what it makes itself is PodNetworkChaos, beside the
// pods that a NetworkChaos hits.
const (
	// aimKinds hold one experiment; Schedule holds one of these.
	aimKinds = `["PodChaos", "NetworkChaos", "StressChaos"]`
	// experimentOf is the experiment in an object, an empty one where it is none of those.
	experimentOf = `request.kind.kind in ` + aimKinds + ` ? object.spec :
  request.kind.kind != "Schedule" ? dyn({}) :
  object.spec.type == "PodChaos" && has(object.spec.podChaos) ? object.spec.podChaos :
  object.spec.type == "NetworkChaos" && has(object.spec.networkChaos) ? object.spec.networkChaos :
  object.spec.type == "StressChaos" && has(object.spec.stressChaos) ? object.spec.stressChaos : dyn({})`
	// aimsOf are the experiment's selectors with their modes; a NetworkChaos may have two.
	aimsOf = `(has(variables.experiment.selector) ? [variables.experiment] : []) +
  (has(variables.experiment.target) ? [variables.experiment.target] : [])`
)

// experimentPolicy is the spec of the ValidatingAdmissionPolicy that refuses what is aimed outside of a namespace.
func experimentPolicy(target string) pulumi.Map {
	rule := func(expression, message string) pulumi.Map {
		return pulumi.Map{"expression": pulumi.String(expression), "message": pulumi.String(message), "reason": pulumi.String("Forbidden")}
	}
	text := pulumi.ToStringArray
	return pulumi.Map{
		"failurePolicy": pulumi.String("Fail"),
		"matchConstraints": pulumi.Map{"resourceRules": pulumi.Array{pulumi.Map{
			"apiGroups": text([]string{"chaos-mesh.org"}), "apiVersions": text([]string{"*"}), "resources": text([]string{"*"}),
			"operations": text([]string{"CREATE", "UPDATE"}),
		}}},
		// What is being deleted may lose its finalizers, whatever it says.
		"matchConditions": pulumi.Array{pulumi.Map{
			"name": pulumi.String("stays"), "expression": pulumi.String(`!has(object.metadata.deletionTimestamp)`),
		}},
		"variables": pulumi.Array{
			pulumi.Map{"name": pulumi.String("experiment"), "expression": pulumi.String(experimentOf)},
			pulumi.Map{"name": pulumi.String("aims"), "expression": pulumi.String(aimsOf)},
		},
		"validations": pulumi.Array{
			rule(fmt.Sprintf(`request.namespace == %q`, target),
				fmt.Sprintf("chaos objects are allowed in the namespace %s only", target)),
			rule(`request.kind.kind in `+aimKinds+` + ["Schedule", "PodNetworkChaos"]`,
				"allowed kinds are PodChaos, NetworkChaos, StressChaos, and a Schedule of these"),
			rule(`request.kind.kind == "PodNetworkChaos" || size(variables.aims) > 0`,
				"a Schedule may hold a PodChaos, NetworkChaos or StressChaos with a selector, and nothing else"),
			rule(fmt.Sprintf(`variables.aims.all(a, has(a.selector.namespaces) && a.selector.namespaces == [%q])`, target),
				fmt.Sprintf("selector.namespaces must be [%s]", target)),
			rule(`variables.aims.all(a, has(a.selector.labelSelectors) && size(a.selector.labelSelectors) > 0)`,
				"selector.labelSelectors must name the pods of one service"),
			rule(`variables.aims.all(a, !has(a.selector.pods) && !has(a.selector.nodes) && !has(a.selector.nodeSelectors))`,
				"selector.pods, nodes and nodeSelectors are not allowed: they reach past labels"),
			rule(`variables.aims.all(a, has(a.mode) && a.mode == "one")`,
				"mode must be one: a Game Day hits a single pod"),
		},
	}
}
