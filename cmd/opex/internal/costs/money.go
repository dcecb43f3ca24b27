package costs

import (
	"fmt"
	"math"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
)

// Money is what something cost, in the stack's currency.
type Money struct {
	CPU     float64 `json:"cpu"`
	Memory  float64 `json:"memory"`
	Storage float64 `json:"storage"`
	Network float64 `json:"network"` // transfer and load balancers
	Other   float64 `json:"other"`   // GPUs, and what OpenCost shares out or reads from bills
}

func moneyOf(a opencost.Allocation) Money {
	return Money{
		CPU: a.CPUCost, Memory: a.RAMCost, Storage: a.PVCost,
		Network: a.NetworkCost + a.LoadBalancerCost, Other: a.GPUCost + a.SharedCost + a.ExternalCost,
	}
}

// Total is the sum of the parts. It is not OpenCost's own, which is rounded once more.
func (m Money) Total() float64 { return m.CPU + m.Memory + m.Storage + m.Network + m.Other }

func (m Money) plus(o Money) Money {
	return Money{m.CPU + o.CPU, m.Memory + o.Memory, m.Storage + o.Storage, m.Network + o.Network, m.Other + o.Other}
}

func (m Money) times(k float64) Money {
	return Money{m.CPU * k, m.Memory * k, m.Storage * k, m.Network * k, m.Other * k}
}

// rounding is what OpenCost's answers are rounded to (v1.108.0, pkg/kubecost/allocation_json.go).
const rounding = 0.00001

// decimals are those that show an amount of this size to four digits, but never cents cut off nor more than OpenCost
// tells.
func decimals(amount float64) int {
	switch size := math.Abs(amount); {
	case size >= 100:
		return 2
	case size >= 1:
		return 4
	}
	return 5
}

func amount(value float64, decimals int) string {
	if math.Abs(value) < math.Pow10(-decimals)/2 {
		value = 0 // no minus before a zero
	}
	return fmt.Sprintf("%.*f", decimals, value)
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// ratio is part of whole; nothing of nothing is 0.
func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}
