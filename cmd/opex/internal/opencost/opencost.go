// Package opencost asks OpenCost what was spent, and refuses answers that cannot be trusted.
package opencost

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/internal/contract"
)

// Names that OpenCost gives to money without an owner.
const (
	Unallocated = "__unallocated__" // of pods without the label that is asked for
	Idle        = "__idle__"        // of capacity that nobody used or requested
)

// Resolution is the finest that is of use: Prometheus scrapes OpenCost once a minute. OpenCost's own default of five
// minutes sees nothing of a pod that lived shorter.
const Resolution = time.Minute

// Query is one question about allocations (https://opencost.io/docs/integrations/api).
type Query struct {
	Start, End time.Time
	// Aggregate are the keys to sum up by: `namespace`, `pod`, `label:team` and so on. Answers are keyed by their
	// values joined with a slash.
	Aggregate []string
	// Idle asks for unused capacity too, under the key Idle.
	Idle bool
}

// Allocation is what was allocated to one key over the window. Costs are money in the stack's currency.
type Allocation struct {
	Name       string     `json:"name"`
	Properties Properties `json:"properties"`
	Start      time.Time  `json:"start"`
	End        time.Time  `json:"end"`
	Minutes    float64    `json:"minutes"` // in which it was seen running

	CPUCoreHours          float64 `json:"cpuCoreHours"` // the greater of request and usage, as all hours here
	CPUCoreRequestAverage float64 `json:"cpuCoreRequestAverage"`
	CPUCoreUsageAverage   float64 `json:"cpuCoreUsageAverage"`
	CPUCost               float64 `json:"cpuCost"`
	GPUHours              float64 `json:"gpuHours"`
	GPUCost               float64 `json:"gpuCost"`
	NetworkCost           float64 `json:"networkCost"`
	LoadBalancerCost      float64 `json:"loadBalancerCost"`
	PVByteHours           float64 `json:"pvByteHours"`
	PVCost                float64 `json:"pvCost"`
	RAMByteHours          float64 `json:"ramByteHours"`
	RAMByteRequestAverage float64 `json:"ramByteRequestAverage"`
	RAMByteUsageAverage   float64 `json:"ramByteUsageAverage"`
	RAMCost               float64 `json:"ramCost"`
	SharedCost            float64 `json:"sharedCost"`
	ExternalCost          float64 `json:"externalCost"`
	TotalCost             float64 `json:"totalCost"`
}

// Properties say what an allocation belongs to, as far as the aggregation leaves that single.
type Properties struct {
	Namespace      string            `json:"namespace"`
	Controller     string            `json:"controller"`
	ControllerKind string            `json:"controllerKind"`
	Pod            string            `json:"pod"`
	Container      string            `json:"container"`
	Labels         map[string]string `json:"labels"`
}

// Allocations answers a query, summed up over the whole window, by key. An empty answer is no error: whoever asks
// decides what it means. An answer that is not whole, or holds impossible figures, is one.
func Allocations(
	ctx context.Context, cluster kube.Getter, at contract.Endpoint, q Query,
) (map[string]Allocation, error) {
	if !q.End.After(q.Start) || q.End.Sub(q.Start) < Resolution {
		return nil, fmt.Errorf("OpenCost: the window from %s to %s is shorter than the resolution of %s",
			q.Start.Format(time.RFC3339), q.End.Format(time.RFC3339), Resolution)
	}
	query := url.Values{
		"window":      {q.Start.UTC().Format(time.RFC3339) + "," + q.End.UTC().Format(time.RFC3339)},
		"resolution":  {"1m"},
		"aggregate":   {strings.Join(q.Aggregate, ",")},
		"accumulate":  {"true"},
		"includeIdle": {fmt.Sprint(q.Idle)},
	}
	data, err := cluster.Get(ctx, at, "/allocation", query)
	if err != nil {
		return nil, fmt.Errorf("OpenCost: %w", err)
	}
	var answer struct {
		Code    int                      `json:"code"`
		Message string                   `json:"message"`
		Data    []map[string]*Allocation `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf(
			"OpenCost: the answer is not the JSON of an allocation: %w; it starts with %.80q", err, data,
		)
	}
	if answer.Code != 200 {
		return nil, fmt.Errorf("OpenCost: answered with code %d: %s", answer.Code, answer.Message)
	}
	if len(answer.Data) > 1 {
		return nil, fmt.Errorf("OpenCost: %d sets in the answer to an accumulated query, want one", len(answer.Data))
	}
	allocations := map[string]Allocation{}
	for _, set := range answer.Data {
		for key, a := range set {
			if a == nil {
				return nil, fmt.Errorf("OpenCost: the allocation %q is null", key)
			}
			// Idle is a difference, and below nothing where OpenCost counts nodes over fewer minutes than pods.
			if a.TotalCost < 0 && key != Idle || a.Minutes < 0 {
				return nil, fmt.Errorf(
					"OpenCost: the allocation %q costs %g over %g minutes, which cannot be", key, a.TotalCost,
					a.Minutes,
				)
			}
			allocations[key] = *a
		}
	}
	return allocations, nil
}
