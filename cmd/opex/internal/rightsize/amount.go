package rightsize

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

const (
	cpu    = "cpu"
	memory = "memory"

	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// Amounts are whole millicores of cpu, or bytes of memory: the recommender's own units, so that nothing is lost.

func amount(kind string, q resource.Quantity) int64 { return vpa.Amount(corev1.ResourceName(kind), q) }

func quantity(kind string, amount int64) *resource.Quantity {
	if kind == cpu {
		return resource.NewMilliQuantity(amount, resource.DecimalSI)
	}
	return resource.NewQuantity(amount, resource.BinarySI)
}

// of returns what a list holds of a resource, or nil.
func of(list corev1.ResourceList, kind string) *resource.Quantity {
	if found, is := list[corev1.ResourceName(kind)]; is {
		return &found
	}
	return nil
}

// setting is an amount as it is written into a stack file: always a text, never a bare number.
func setting(kind string, q resource.Quantity) string {
	if kind == cpu {
		return fmt.Sprintf("%dm", q.MilliValue())
	}
	return quantity(memory, q.Value()).String()
}

// show writes a quantity for people: cpu in millicores, memory in MiB.
func show(kind string, q *resource.Quantity) string {
	switch {
	case q == nil:
		return "-"
	case kind == cpu:
		return fmt.Sprintf("%dm", q.MilliValue())
	case q.Value()%mebibyte == 0:
		return fmt.Sprintf("%dMi", q.Value()/mebibyte)
	}
	return fmt.Sprintf("%.1fMi", float64(q.Value())/mebibyte)
}

// Steps that proposals are rounded up to. Recommendations move a little at each sample; requests in whole steps do not,
// so that a patch of today is not undone by one of tomorrow, and reviewers read round figures. Up, so that the need
// still fits.
const (
	stepCPU    = 5            // millicores
	stepMemory = 8 * mebibyte // bytes
)

// propose rounds a target up, within the bounds that are given. What a bound allows is never rounded past it.
func propose(kind string, target resource.Quantity, least, most *resource.Quantity) *resource.Quantity {
	step := int64(stepMemory)
	if kind == cpu {
		step = stepCPU
	}
	steps := (amount(kind, target) + step - 1) / step
	rounded := max(step, steps*step)
	if most != nil {
		rounded = min(rounded, amount(kind, *most))
	}
	if least != nil {
		rounded = max(rounded, amount(kind, *least))
	}
	return quantity(kind, rounded)
}
