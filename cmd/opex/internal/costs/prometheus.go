package costs

import (
	"context"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/prometheus"
)

func (s Source) ask(ctx context.Context, query string, at time.Time) ([]prometheus.Sample, error) {
	return prometheus.Ask(ctx, s.Cluster, s.Outputs.Cost.Prometheus, query, at)
}
