package backup

import (
	"testing"
	"time"

	"github.com/opex-project/opex/internal/grafana/grafanatest"
)

func TestDashboardIsOneThatGrafanasOwnModelTakes(t *testing.T) {
	watches := []Watch{{Service: "shop", RPO: time.Hour, DrillAge: time.Hour}}
	grafanatest.Check(t, dashboardOf(BackupVaultArgs{Watches: watches}).Dashboard, 5) // with all that it can show
}
