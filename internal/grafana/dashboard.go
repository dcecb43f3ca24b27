// Package grafana builds dashboards as Grafana's sidecar reads them, from a short list of panels.
package grafana

import (
	"encoding/json"
	"slices"
)

// Dashboard is a page of panels, each as wide as it says, in rows of 24 columns.
type Dashboard struct {
	UID    string // stands in the page's address, so links to it last
	Title  string
	Tags   []string
	Panels []Panel
}

// Panel shows one or more queries of the dashboard's Prometheus, which its reader chooses.
type Panel struct {
	Title       string
	Description string
	Kind        string // of Grafana's: timeseries, stat or bargauge
	Unit        string // of Grafana's, such as percentunit or currencyUSD
	Width       int    // columns, of 24
	Queries     []Query
	// Bad is the value from which on the panel is red; nil: no value is. BadBelow turns that round.
	Bad      *float64
	BadBelow bool
}

// Query is PromQL and the name of its series, such as `{{team}}`.
type Query struct {
	Expr   string
	Legend string
}

const (
	columns = 24
	height  = 8 // of a panel, in Grafana's units
)

// Queries returns each panel's first query by the panel's title, for pages that are not Grafana's.
func (d Dashboard) Queries() map[string]string {
	queries := map[string]string{}
	for _, p := range d.Panels {
		queries[p.Title] = p.Queries[0].Expr
	}
	return queries
}

// MarshalJSON writes Grafana's model of the dashboard
// (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model).
func (d Dashboard) MarshalJSON() ([]byte, error) {
	panels := make([]any, len(d.Panels))
	x, y := 0, 0
	for i, p := range d.Panels {
		if x+p.Width > columns {
			x, y = 0, y+height
		}
		panels[i] = p.model(i+1, x, y)
		x += p.Width
	}
	return json.Marshal(map[string]any{
		"uid": d.UID, "title": d.Title, "tags": slices.Concat([]string{"opex"}, d.Tags),
		"schemaVersion": 39, "editable": false, "refresh": "1m", "timezone": "utc",
		"time":   map[string]any{"from": "now-24h", "to": "now"},
		"panels": panels, "annotations": map[string]any{"list": []any{}},
		"templating": map[string]any{"list": []any{map[string]any{
			"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
		}}},
	})
}

var source = map[string]any{"type": "prometheus", "uid": "${datasource}"}

func (p Panel) model(id, x, y int) map[string]any {
	targets := make([]any, len(p.Queries))
	for i, q := range p.Queries {
		targets[i] = map[string]any{
			"refId": string(rune('A' + i)), "expr": q.Expr, "legendFormat": q.Legend, "datasource": source,
			"instant": p.Kind != "timeseries", "range": p.Kind == "timeseries", "format": "time_series",
		}
	}
	return map[string]any{
		"id": id, "title": p.Title, "description": p.Description, "type": p.Kind, "datasource": source, "targets": targets,
		"gridPos": map[string]any{"x": x, "y": y, "w": p.Width, "h": height},
		"fieldConfig": map[string]any{"overrides": []any{}, "defaults": map[string]any{
			"unit": p.Unit, "thresholds": map[string]any{"mode": "absolute", "steps": p.steps()},
		}},
	}
}

func (p Panel) steps() []any {
	step := func(color string, value any) map[string]any { return map[string]any{"color": color, "value": value} }
	switch {
	case p.Bad == nil:
		return []any{step("blue", nil)}
	case p.BadBelow:
		return []any{step("red", nil), step("green", *p.Bad)}
	default:
		return []any{step("green", nil), step("red", *p.Bad)}
	}
}
