package rightsize

import (
	"context"
	"fmt"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/internal/contract"
)

// hoursPerMonth is the average month, as OpenCost and the clouds count it.
const hoursPerMonth = 730

// prices are those of one service, in money per hour.
type prices struct {
	cpuHour, memoryGiBHour float64
	known                  bool
	from                   string // or why they are not known
}

// priceList answers what a service pays.
type priceList struct {
	cost        *contract.CostVisibility
	allocations map[string]opencost.Allocation // by namespace/app; only where the cloud's prices serve
	failed      error
}

// newPriceList asks OpenCost where the stack has no prices of its own: what was paid over the last 24 hours tells the
// cloud's price of that service's nodes.
func newPriceList(ctx context.Context, cluster kube.Getter, cost *contract.CostVisibility, now time.Time) priceList {
	list := priceList{cost: cost}
	if cost != nil && cost.Prices == nil {
		list.allocations, list.failed = opencost.Allocations(ctx, cluster, cost.OpenCost, opencost.Query{
			Start: now.Add(-24 * time.Hour), End: now, Aggregate: []string{"namespace", "label:" + contract.LabelApp},
		})
	}
	return list
}

func (l priceList) of(service contract.Service) prices {
	switch {
	case l.cost == nil:
		return prices{from: "none: cost visibility is off in this stack. " +
			"Set opex:cost.enabled to true and run `pulumi up` to see money"}
	case l.cost.Prices != nil:
		return prices{l.cost.Prices.CPUHour, l.cost.Prices.MemoryGiBHour, true, "the stack's own"}
	case l.failed != nil:
		return prices{
			from: fmt.Sprintf(
				"none: the stack has no prices of its own, and what the cloud charges could not be asked: %v", l.failed,
			),
		}
	}
	paid := l.allocations[service.Namespace+"/"+service.Labels[contract.LabelApp]]
	if paid.CPUCoreHours <= 0 || paid.RAMByteHours <= 0 || paid.CPUCost <= 0 || paid.RAMCost <= 0 {
		return prices{
			from: "none: the stack has no prices of its own, and OpenCost knows no cost of this service in the last 24 hours. " +
				"A new OpenCost needs about two minutes",
		}
	}
	return prices{paid.CPUCost / paid.CPUCoreHours, paid.RAMCost / (paid.RAMByteHours / gibibyte), true,
		"OpenCost's, as this service paid them over the last 24 hours"}
}

// saved is the money that a change saves (+) or adds (-) per month; a missing request counts as nothing. OpenCost
// counts the greater of request and use, so that raising a request below use adds this much at most.
func (p prices) saved(row Row) *float64 {
	if !p.known || !row.changes() {
		return nil
	}
	less := float64(-amount(row.Resource, *row.Proposed))
	if row.Request != nil {
		less += float64(amount(row.Resource, *row.Request))
	}
	hourly := less / 1000 * p.cpuHour
	if row.Resource == memory {
		hourly = less / gibibyte * p.memoryGiBHour
	}
	saved := hourly * float64(row.Replicas) * hoursPerMonth
	return &saved
}
