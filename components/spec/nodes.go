package spec

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/internal/problem"
)

// Nodes says where pods may run.
type Nodes struct {
	// Labels that a node must have, such as karpenter.sh/nodepool: system. Empty: any node.
	Selector map[string]string `json:"selector"`
	// Taints of nodes that the pods bear.
	Tolerations []Toleration `json:"tolerations"`
}

// Toleration bears a taint of a node.
type Toleration struct {
	// Key of the taint.
	Key string `json:"key" config:"required"`
	// Equal, or Exists for any value.
	Operator string `json:"operator"`
	// Value of the taint, with Equal.
	Value string `json:"value,omitempty"`
	// NoSchedule, PreferNoSchedule or NoExecute. Empty: any.
	Effect string `json:"effect,omitempty"`
}

// SetDefaults fills what is unset.
func (t *Toleration) SetDefaults() { setDefault(&t.Operator, "Equal") }

var effects = []string{"", "NoSchedule", "PreferNoSchedule", "NoExecute"}

// Problems returns all that is wrong, by the config's keys.
func (n Nodes) Problems() problem.List {
	var found problem.List
	found.AddAll("selector.", labelProblems(n.Selector))
	for i, t := range n.Tolerations {
		path := fmt.Sprintf("tolerations[%d].", i)
		if wrong := validation.IsQualifiedName(t.Key); len(wrong) > 0 {
			found.Add(path+"key", "%q: %s", t.Key, wrong[0])
		}
		if t.Operator != "Equal" && (t.Operator != "Exists" || t.Value != "") {
			found.Add(
				path+"operator", "is %q with value %q, allowed are Equal, and Exists without a value", t.Operator,
				t.Value,
			)
		}
		if !slices.Contains(effects, t.Effect) {
			found.Add(path+"effect", "is %q, allowed are %s", t.Effect, strings.Join(effects[1:], ", "))
		}
	}
	return found
}
