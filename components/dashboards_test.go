package components

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The model is Grafana's own, generated from its schemas: unknown fields, missing ones and wrong types are errors.
func TestEachDashboardIsOneThatGrafanasOwnModelTakes(t *testing.T) {
	models := cog.NewRuntime() // the one that reading asks
	models.RegisterDataqueryVariant(prometheus.VariantConfig())
	kinds := map[string]bool{}
	for _, kind := range []variants.PanelcfgConfig{bargauge.VariantConfig(), stat.VariantConfig(), timeseries.VariantConfig()} {
		models.RegisterPanelcfgVariant(kind)
		kinds[kind.Identifier] = true
	}
	for _, c := range []struct { // with all that they can show
		board  board
		panels int
	}{
		{costDashboard(CostVisibilityArgs{Namespaces: []string{"shops"}}), 6},
		{backupDashboard(BackupVaultArgs{Watches: []BackupWatch{{Service: "shop", RPO: time.Hour, DrillAge: time.Hour}}}), 5},
		{proofDashboard(ExporterArgs{Looks: Looks{Cost: true}}), 9},
	} {
		t.Run(c.board.Title, func(t *testing.T) {
			text, err := json.Marshal(c.board)
			if err != nil {
				t.Fatal(err)
			}
			var model dashboard.Dashboard
			if err := model.UnmarshalJSONStrict(text); err != nil {
				t.Error(err)
			}
			if err := model.Validate(); err != nil {
				t.Error(err)
			}
			if len(model.Panels) != c.panels {
				t.Errorf("it has %d panels, want %d", len(model.Panels), c.panels)
			}
			for i, p := range model.Panels {
				if p.Panel == nil || len(p.Panel.Targets) == 0 || !kinds[p.Panel.Type] {
					t.Errorf("panel %d has no query, or is of a kind whose model is not asked: %+v", i+1, p.Panel)
				}
			}
			odd := strings.Replace(string(text), `"legendFormat"`, `"legend"`, 1)
			if err := new(dashboard.Dashboard).UnmarshalJSONStrict([]byte(odd)); err == nil {
				t.Error("a field that Grafana does not know is taken")
			}
		})
	}
}
