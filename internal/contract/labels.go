// Package contract holds what the Pulumi program and the command agree on: label keys and the names of stack outputs.
package contract

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Keys of the cost labels. Every object and every pod of a service carries all four; selectors never do, since a
// selector cannot be changed later and a cost center can.
const (
	LabelTeam        = "team"
	LabelApp         = "app"
	LabelEnvironment = "environment"
	LabelCostCenter  = "cost-center"
)

// Keys of the identity labels, after the Kubernetes recommendation. Selectors are made of the first three.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelInstance  = "app.kubernetes.io/instance"
	LabelComponent = "app.kubernetes.io/component"
	LabelManagedBy = "app.kubernetes.io/managed-by"
)

// CostLabels says who pays for an object.
type CostLabels struct {
	Team        string
	App         string
	Environment string
	CostCenter  string
}

// Map returns the labels by key.
func (l CostLabels) Map() map[string]string {
	return map[string]string{
		LabelTeam: l.Team, LabelApp: l.App, LabelEnvironment: l.Environment, LabelCostCenter: l.CostCenter,
	}
}

// LabelKeys returns every key that the program itself sets, sorted.
func LabelKeys() []string {
	keys := slices.Collect(maps.Keys(CostLabels{}.Map()))
	keys = append(keys, LabelName, LabelInstance, LabelComponent, LabelManagedBy)
	slices.Sort(keys)
	return keys
}

var notInMetrics = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// MetricKey is a label's key as Prometheus and OpenCost know it: `cost-center` becomes `cost_center`.
func MetricKey(key string) string { return notInMetrics.ReplaceAllString(key, "_") }

// Collisions returns the groups of keys that become one key in metrics, each group and the list sorted. One of such
// labels would hide the other, and its cost would be counted for the wrong team.
func Collisions(keys []string) [][]string {
	groups := map[string][]string{}
	for _, key := range keys {
		if metric := MetricKey(key); !slices.Contains(groups[metric], key) {
			groups[metric] = append(groups[metric], key)
		}
	}
	var collisions [][]string
	for _, group := range groups {
		if len(group) > 1 {
			slices.Sort(group)
			collisions = append(collisions, group)
		}
	}
	slices.SortFunc(collisions, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return collisions
}
