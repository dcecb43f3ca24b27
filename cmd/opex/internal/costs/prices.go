package costs

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// priceSeries are OpenCost's own metrics of the prices of nodes.
var priceSeries = map[string]string{
	"cpu": "node_cpu_hourly_cost", "memory": "node_ram_hourly_cost", "gpu": "node_gpu_hourly_cost",
}

// priceDiffers is the least relative difference that is called a change: prices have six decimals.
const priceDiffers = 0.005

// restate makes good that OpenCost prices whole windows at the custom prices of now (v1.108.0,
// pkg/costmodel/allocation_helpers.go, getNodePricing): Prometheus keeps what they were. Volumes are priced by what was
// recorded, and so is everything where the cloud's price list serves. It returns a note if anything changed.
func (s Source) restate(ctx context.Context, spending *Spending) (string, error) {
	if s.Outputs.Cost.Prices == nil {
		return "", nil
	}
	now, err := s.prices(ctx, "avg(last_over_time(%s[10m]))", s.Now)
	if err != nil {
		return "", err
	}
	seconds := max(60, int(spending.Covered.End.Sub(spending.Covered.Start).Seconds()))
	then, err := s.prices(ctx, fmt.Sprintf("avg(avg_over_time(%%s[%ds]))", seconds), spending.Covered.End)
	if err != nil {
		return "", err
	}
	factors := map[string]float64{}
	var changed []string
	for _, resource := range []string{"cpu", "memory", "gpu"} {
		factors[resource] = 1
		was, is := then[resource], now[resource]
		if was <= 0 || is <= 0 || math.Abs(was/is-1) < priceDiffers {
			continue
		}
		factors[resource] = was / is
		changed = append(changed, fmt.Sprintf("%s %.6f, now %.6f", resource, was, is))
	}
	if len(changed) == 0 {
		return "", nil
	}
	for i := range spending.Rows {
		row := &spending.Rows[i]
		row.Money = row.at(factors, row.gpu)
	}
	spending.Idle = spending.Idle.at(factors, 0)
	return fmt.Sprintf(
		"prices per hour from %s were on average: %s. OpenCost counts at those of now; the figures are restated at those of then",
		spending.Covered, strings.Join(changed, "; "),
	), nil
}

// at is the money at other prices; gpu is the part of Other that is for GPUs.
func (m Money) at(factors map[string]float64, gpu float64) Money {
	m.CPU *= factors["cpu"]
	m.Memory *= factors["memory"]
	m.Other += gpu * (factors["gpu"] - 1)
	return m
}

func (s Source) prices(ctx context.Context, form string, at time.Time) (map[string]float64, error) {
	prices := map[string]float64{}
	var parts []string
	for _, resource := range []string{"cpu", "memory", "gpu"} {
		parts = append(
			parts, fmt.Sprintf(`label_replace(`+form+`, "resource", %q, "", "")`, priceSeries[resource], resource),
		)
	}
	samples, err := s.ask(ctx, strings.Join(parts, " or "), at)
	if err != nil {
		return nil, err
	}
	for _, sample := range samples {
		prices[sample.Labels["resource"]] = sample.Value
	}
	return prices, nil
}
