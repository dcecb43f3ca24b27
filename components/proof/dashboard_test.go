package proof

import (
	"testing"

	"github.com/opex-project/opex/internal/grafana/grafanatest"
)

func TestDashboardIsOneThatGrafanasOwnModelTakes(t *testing.T) {
	grafanatest.Check(t, dashboardOf(ExporterArgs{Looks: Looks{Cost: true}}).Dashboard, 9) // with all that it can show
}
