package spec

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/internal/problem"
)

// ChartNames are the official charts that are installed, the keys of Charts.
var ChartNames = []string{"chaos-mesh", "metrics-server", "opencost", "prometheus", "velero", "vertical-pod-autoscaler"}

// Charts says what differs from the pinned charts, by name. It is `opex:charts`.
type Charts map[string]Chart

// Chart says what differs from a pinned chart; its version stays.
type Chart struct {
	// A mirror of the chart's repository: https://host/path, or oci://host/path that holds the chart under its name.
	// Empty: the official one.
	Repository string `json:"repository"`
	// How long an install or an upgrade may take.
	Timeout Duration `json:"timeout"`
	// Values of the chart, over those that the program sets. Nothing checks them but the chart itself.
	Values map[string]any `json:"values"`
}

// SetDefaults fills what is unset.
func (c *Chart) SetDefaults() { setDefault(&c.Timeout, "5m") }

// Of returns what the stack says about a chart.
func (c Charts) Of(name string) Chart {
	chart := c[name]
	chart.SetDefaults()
	return chart
}

// Source returns the chart's name or address, and its repository; the latter is empty for an OCI registry.
func (c Chart) Source(name, official string) (chart, repository string) {
	switch {
	case c.Repository == "":
		return name, official
	case strings.HasPrefix(c.Repository, "oci://"):
		return strings.TrimSuffix(c.Repository, "/") + "/" + name, ""
	}
	return name, c.Repository
}

// Problems returns all that is wrong, by the chart's name.
func (c Charts) Problems() problem.List {
	var found problem.List
	for _, name := range slices.Sorted(maps.Keys(c)) {
		chart := c.Of(name)
		if !slices.Contains(ChartNames, name) {
			found.Add(name, "is not a chart of an engine; those are %s", strings.Join(ChartNames, ", "))
			continue
		}
		address, err := url.Parse(chart.Repository)
		if chart.Repository != "" &&
			(err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "oci") {
			found.Add(name+".repository", "is %q, want https://host/path or oci://host/path", chart.Repository)
		}
		if limit := chart.Timeout.Value(); limit < time.Minute || limit > time.Hour {
			found.Add(name+".timeout", "is %q, want a duration from 1m to 1h", chart.Timeout)
		}
	}
	return found
}
