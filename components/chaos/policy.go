package chaos

import (
	"fmt"

	admissionv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/admissionregistration/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The policy is written in CEL. Chaos Mesh's controller is held to it as everybody is: what it makes itself is
// PodNetworkChaos, beside the pods that a NetworkChaos hits.
const (
	// aimKinds hold one experiment; Schedule holds one of these.
	aimKinds = `["PodChaos", "NetworkChaos", "StressChaos"]`
	// experimentIn is the experiment in an object, an empty one where it is none of those.
	experimentIn = `request.kind.kind in ` + aimKinds + ` ? object.spec :
  request.kind.kind != "Schedule" ? dyn({}) :
  object.spec.type == "PodChaos" && has(object.spec.podChaos) ? object.spec.podChaos :
  object.spec.type == "NetworkChaos" && has(object.spec.networkChaos) ? object.spec.networkChaos :
  object.spec.type == "StressChaos" && has(object.spec.stressChaos) ? object.spec.stressChaos : dyn({})`
	// aimsIn are the experiment's selectors with their modes; a NetworkChaos may have two.
	aimsIn = `(has(variables.experiment.selector) ? [variables.experiment] : []) +
  (has(variables.experiment.target) ? [variables.experiment.target] : [])`
)

// experimentPolicy is the spec of the ValidatingAdmissionPolicy that refuses what is aimed outside of a namespace.
func experimentPolicy(target string) *admissionv1.ValidatingAdmissionPolicySpecArgs {
	return &admissionv1.ValidatingAdmissionPolicySpecArgs{
		FailurePolicy: pulumi.String("Fail"),
		MatchConstraints: &admissionv1.MatchResourcesArgs{ResourceRules: admissionv1.NamedRuleWithOperationsArray{
			&admissionv1.NamedRuleWithOperationsArgs{
				ApiGroups:   texts("chaos-mesh.org"),
				ApiVersions: texts("*"), Resources: texts("*"), Operations: texts("CREATE", "UPDATE"),
			},
		}},
		// What is being deleted may lose its finalizers, whatever it says.
		MatchConditions: admissionv1.MatchConditionArray{&admissionv1.MatchConditionArgs{
			Name: pulumi.String("stays"), Expression: pulumi.String(`!has(object.metadata.deletionTimestamp)`),
		}},
		Variables: admissionv1.VariableArray{
			&admissionv1.VariableArgs{Name: pulumi.String("experiment"), Expression: pulumi.String(experimentIn)},
			&admissionv1.VariableArgs{Name: pulumi.String("aims"), Expression: pulumi.String(aimsIn)},
		},
		Validations: validations(target),
	}
}

func texts(all ...string) pulumi.StringArray { return pulumi.ToStringArray(all) }

func validations(target string) admissionv1.ValidationArray {
	rule := func(expression, message string) *admissionv1.ValidationArgs {
		return &admissionv1.ValidationArgs{
			Expression: pulumi.String(expression),
			Message:    pulumi.String(message),
			Reason:     pulumi.String("Forbidden"),
		}
	}
	return admissionv1.ValidationArray{
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
	}
}
