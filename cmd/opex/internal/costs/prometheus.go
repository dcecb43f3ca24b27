package costs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"
)

// sample is one series of an instant query's answer.
type sample struct {
	Labels map[string]string
	Value  float64
}

// ask answers an instant query of Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries).
// An empty answer is no error.
func (s Source) ask(ctx context.Context, query string, at time.Time) ([]sample, error) {
	data, err := s.Cluster.Get(ctx, s.Outputs.Cost.Prometheus, "/api/v1/query",
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
		return nil, fmt.Errorf("Prometheus: the answer is not the JSON of an instant vector: %w; it starts with %.80q", err, data)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("Prometheus: answered with status %q: %s", answer.Status, answer.Error)
	}
	var samples []sample
	for _, series := range answer.Data.Result {
		text, _ := series.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Errorf("Prometheus: the series %v has the value %v, which is no number", series.Metric, series.Value[1])
		}
		samples = append(samples, sample{series.Metric, value})
	}
	return samples, nil
}
