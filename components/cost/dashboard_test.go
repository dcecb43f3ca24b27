package cost

import (
	"testing"

	"github.com/opex-project/opex/internal/grafana/grafanatest"
)

func TestDashboardIsOneThatGrafanasOwnModelTakes(t *testing.T) {
	// with all that it can show
	grafanatest.Check(t, costDashboard(CostVisibilityArgs{Namespaces: []string{"shops"}}).Dashboard, 6)
}
