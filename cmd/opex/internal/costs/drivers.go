package costs

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
)

// Causes of a change.
const (
	CauseNew           = "new"
	CauseGone          = "gone"
	CauseReplicas      = "replicas"
	CauseCPURequest    = "cpu request"
	CauseCPUUse        = "cpu use above request"
	CauseCPUPrice      = "cpu price"
	CauseMemoryRequest = "memory request"
	CauseMemoryUse     = "memory use above request"
	CauseMemoryPrice   = "memory price"
	CauseStorage       = "storage"
	CauseStoragePrice  = "storage price"
	CauseNetwork       = "network"
	CauseOther         = "other"
	CauseIdle          = "idle"
	CauseRounding      = "rounding"
)

// Driver is one cause of a change at one workload.
type Driver struct {
	Line     string  `json:"line"`     // of the report
	Workload string  `json:"workload"` // namespace/kind:name; empty for idle money
	Cause    string  `json:"cause"`
	Amount   float64 `json:"amount"` // money; all amounts of a change add up to it
	Detail   string  `json:"detail"`
}

// comparison is a workload in both windows.
type comparison struct {
	key     workloadKey
	was, is workload
	means   [resources][2]float64 // prices of all workloads
	hours   float64               // of the window
}

// drivers share out a workload's change. They add up to it.
func (c comparison) drivers() []Driver {
	change := c.is.Total() - c.was.Total()
	switch {
	case c.was.hours == 0 && c.was.Total() == 0:
		return []Driver{c.driver(CauseNew, change, fmt.Sprintf("is new, with %.1f pods", c.is.hours/c.hours))}
	case c.is.hours == 0 && c.is.Total() == 0:
		return []Driver{c.driver(CauseGone, change, fmt.Sprintf("is gone; it ran %.1f pods", c.was.hours/c.hours))}
	}
	cpu := c.resource(cpu, c.was.cpuRequest, c.is.cpuRequest)
	memory := c.resource(memory, c.was.memoryRequest, c.is.memoryRequest)
	storage := c.storage()
	drivers := []Driver{
		c.driver(CauseReplicas, cpu.shares[pods]+memory.shares[pods],
			fmt.Sprintf("ran %.1f pods instead of %.1f", c.is.hours/c.hours, c.was.hours/c.hours)),
		c.driver(
			CauseCPURequest, cpu.shares[request],
			cpu.detail(request, "requested %.0fm CPU per pod instead of %.0fm", 1000),
		),
		c.driver(
			CauseCPUUse, cpu.shares[above],
			cpu.detail(above, "used %.0fm CPU per pod above its request instead of %.0fm", 1000),
		),
		c.driver(CauseCPUPrice, cpu.shares[unit], cpu.detail(unit, "paid %.6f an hour for a CPU instead of %.6f", 1)),
		c.driver(
			CauseMemoryRequest, memory.shares[request],
			memory.detail(request, "requested %.0fMi of memory per pod instead of %.0fMi", 1024),
		),
		c.driver(
			CauseMemoryUse, memory.shares[above],
			memory.detail(above, "used %.0fMi of memory per pod above its request instead of %.0fMi", 1024),
		),
		c.driver(
			CauseMemoryPrice, memory.shares[unit],
			memory.detail(unit, "paid %.6f an hour for a GiB of memory instead of %.6f", 1),
		),
		c.driver(
			CauseStorage, storage[0],
			fmt.Sprintf("had %.1f GiB of volumes instead of %.1f", c.is.pvs/c.hours, c.was.pvs/c.hours),
		),
		c.driver(CauseStoragePrice, storage[1], "paid another price for volumes"),
		c.driver(CauseNetwork, c.is.Network-c.was.Network, "sent and received at another cost"),
		c.driver(CauseOther, c.is.Other-c.was.Other, "had other GPUs, or another part of shared and external cost"),
	}
	// OpenCost rounds money and hours, so that one is not quite the other times the price.
	var explained float64
	for _, d := range drivers {
		explained += d.Amount
	}
	return append(drivers, c.driver(CauseRounding, change-explained, "no cause: OpenCost rounds money and hours"))
}

func (c comparison) driver(cause string, amount float64, detail string) Driver {
	return Driver{c.key.line, c.key.name, cause, amount, detail}
}

// resourceChange is how the factors of a resource were and are, and the money that each makes up.
type resourceChange struct{ was, is, shares []float64 }

func (c comparison) resource(resource int, requestedBefore, requestedNow float64) resourceChange {
	before, after := c.was.of(resource), c.is.of(resource)
	price := prices(before, after, c.means[resource])
	was := factors(before.hours, c.was.hours, requestedBefore, price[0])
	is := factors(after.hours, c.is.hours, requestedNow, price[1])
	return resourceChange{was, is, shapley(was, is, value)}
}

func (r resourceChange) detail(factor int, form string, scale float64) string {
	return fmt.Sprintf(form, r.is[factor]*scale, r.was[factor]*scale)
}

// storage shares the change of volumes out to their size and their price.
func (c comparison) storage() []float64 {
	before, after := c.was.of(storage), c.is.of(storage)
	price := prices(before, after, c.means[storage])
	return shapley(
		[]float64{before.hours, price[0]}, []float64{after.hours, price[1]},
		func(f []float64) float64 { return f[0] * f[1] },
	)
}

// nothing is what floating point may leave of a sum.
const nothing = 1e-12

// byAmount sorts drivers, largest first, and leaves out those of nothing.
func byAmount(drivers []Driver) []Driver {
	slices.SortStableFunc(drivers, func(a, b Driver) int { return cmp.Compare(math.Abs(b.Amount), math.Abs(a.Amount)) })
	return slices.DeleteFunc(drivers, func(d Driver) bool { return math.Abs(d.Amount) < nothing })
}

func idleDriver(was, is Money) Driver {
	change := is.Total() - was.Total()
	what := "less capacity was idle"
	if change > 0 {
		what = "more capacity was idle"
	}
	return Driver{Line: opencost.Idle, Cause: CauseIdle, Amount: change, Detail: what}
}
