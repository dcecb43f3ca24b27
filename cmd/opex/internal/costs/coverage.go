package costs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/internal/contract"
)

// LeastCoverage is the share of money on a known team below which Coverage looks where the rest was lost.
const LeastCoverage = 0.99

// mostTraced is how many pods are looked at one by one, those with most money first.
const mostTraced = 5

// Coverage is how much of the money has an owner. Idle money is not counted: it has none.
type Coverage struct {
	// share on a team of the stack's services or engines, or with a budget: 0 to 1
	Known       float64  `json:"known"`
	Labelled    float64  `json:"labelled"`    // share on other teams: 0 to 1
	Unallocated float64  `json:"unallocated"` // share on no team: 0 to 1
	OtherTeams  []string `json:"otherTeams"`
	// Inherited is the share on a team, known or not, by no label of the pod's own: OpenCost takes the namespace's,
	// else the node's, and an earlier one of the pod's within the window. InheritedBy are such pods.
	Inherited   float64  `json:"inherited"`
	InheritedBy []string `json:"inheritedBy"`
	Traces      []Trace  `json:"traces,omitempty"` // where labels were lost, for the pods with most money
	NotTraced   int      `json:"notTraced,omitempty"`
}

// NewCoverage tells shares, and below LeastCoverage looks for the cause.
func (s Source) NewCoverage(ctx context.Context, spending *Spending) (*Coverage, error) {
	known := knownTeams(s.Outputs)
	var onKnown, onOthers float64
	others := map[string]bool{}
	var lost []Row
	for _, row := range spending.Rows {
		switch team := row.Labels[contract.LabelTeam]; {
		case team == opencost.Unallocated:
			lost = append(lost, row)
		case slices.Contains(known, team):
			onKnown += row.Total()
		default:
			onOthers += row.Total()
			others[team] = true
		}
	}
	all := spending.Allocated()
	coverage := &Coverage{
		Known: ratio(onKnown, all), Labelled: ratio(onOthers, all), Unallocated: ratio(all-onKnown-onOthers, all),
		OtherTeams: slices.AppendSeq([]string{}, maps.Keys(others)), InheritedBy: []string{},
	}
	slices.Sort(coverage.OtherTeams)
	if err := s.inherited(ctx, spending, coverage); err != nil {
		return nil, err
	}
	if coverage.Known >= LeastCoverage {
		return coverage, nil
	}
	slices.SortStableFunc(lost, func(a, b Row) int { return cmp.Compare(b.Total(), a.Total()) })
	coverage.NotTraced = max(0, len(lost)-mostTraced)
	for _, row := range lost[:min(len(lost), mostTraced)] {
		trace, err := s.trace(ctx, row, contract.LabelTeam)
		if err != nil {
			return nil, err
		}
		coverage.Traces = append(coverage.Traces, trace)
	}
	return coverage, nil
}

// inherited finds pods that have a team in OpenCost, and no label in Prometheus when the data ends.
func (s Source) inherited(ctx context.Context, spending *Spending, coverage *Coverage) error {
	without, err := s.ask(
		ctx, fmt.Sprintf("kube_pod_labels{label_%s=\"\"}", contract.MetricKey(contract.LabelTeam)),
		spending.Covered.End,
	)
	if err != nil {
		return err
	}
	bare := map[string]bool{}
	for _, sample := range without {
		bare[sample.Labels["namespace"]+"/"+sample.Labels["pod"]] = true
	}
	var money float64
	for _, row := range spending.Rows {
		if name := row.Namespace + "/" + row.Pod; bare[name] && row.Labels[contract.LabelTeam] != opencost.Unallocated {
			money += row.Total()
			coverage.InheritedBy = append(coverage.InheritedBy, name)
		}
	}
	coverage.Inherited = ratio(money, spending.Allocated())
	return nil
}

// String is the coverage in words.
func (c *Coverage) String() string {
	text := fmt.Sprintf("coverage: %s of the money, idle aside, is on a known team", percent(c.Known))
	if len(c.OtherTeams) > 0 {
		text += fmt.Sprintf(
			", %s on others (%s: not in this stack, and without a budget)", percent(c.Labelled),
			strings.Join(c.OtherTeams, ", "),
		)
	}
	text += fmt.Sprintf(", %s on none", percent(c.Unallocated))
	if n := len(c.InheritedBy); n > 0 {
		text += fmt.Sprintf(
			". %s is on a team by the namespace's label only, or by an earlier one (such as pod %s): see opex verify --only SC-001",
			percent(c.Inherited), c.InheritedBy[0],
		)
	}
	return text
}
