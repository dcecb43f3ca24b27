// Package prometheus asks Prometheus, in the cluster, by way of the API server.
package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/internal/contract"
)

// Sample is one series of an instant query's answer.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Ask answers an instant query (https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries).
// An empty answer is no error. Right: get on services/proxy.
func Ask(
	ctx context.Context, cluster kube.Getter, endpoint contract.Endpoint, query string, at time.Time,
) ([]Sample, error) {
	data, err := cluster.Get(ctx, endpoint, "/api/v1/query",
		url.Values{"query": {query}, "time": {at.UTC().Format(time.RFC3339)}})
	if err != nil {
		return nil, fmt.Errorf("Prometheus: %w", err)
	}
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf(
			"Prometheus: the answer is not the JSON of an instant vector: %w; it starts with %.80q", err, data,
		)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("Prometheus: answered with status %q: %s", answer.Status, answer.Error)
	}
	var samples []Sample
	for _, series := range answer.Data.Result {
		text, _ := series.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Errorf(
				"Prometheus: the series %v has the value %v, which is no number", series.Metric, series.Value[1],
			)
		}
		samples = append(samples, Sample{series.Metric, value})
	}
	return samples, nil
}
