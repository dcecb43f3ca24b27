// Package grafanatest holds dashboards against Grafana's own model.
package grafanatest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Check wants a dashboard that Grafana's own model takes, generated from its schemas: unknown fields, missing ones and
// wrong types are errors.
func Check(t *testing.T, board json.Marshaler, panels int) {
	t.Helper()
	models := cog.NewRuntime() // the one that reading asks
	models.RegisterDataqueryVariant(prometheus.VariantConfig())
	kinds := map[string]bool{}
	for _, kind := range []variants.PanelcfgConfig{bargauge.VariantConfig(), stat.VariantConfig(), timeseries.VariantConfig()} {
		models.RegisterPanelcfgVariant(kind)
		kinds[kind.Identifier] = true
	}
	text, err := json.Marshal(board)
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
	if len(model.Panels) != panels {
		t.Errorf("it has %d panels, want %d", len(model.Panels), panels)
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
}
