package costs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// Source is where costs and their evidence are asked for.
type Source struct {
	Cluster kube.Getter          // for OpenCost and Prometheus
	Client  kubernetes.Interface // for the live objects that lineage looks at
	Outputs stack.Outputs
	Now     time.Time
}

// ErrOff says that the stack has no cost visibility.
var ErrOff = errors.New(
	"cost visibility is off in this stack: set opex:cost.enabled to true in its config and run `pulumi up`",
)

// errNoData says that OpenCost has nothing to tell about a window.
var errNoData = errors.New("OpenCost knows no allocation")

// labelKeys are the cost labels, in the order that they are asked for.
var labelKeys = []string{contract.LabelTeam, contract.LabelApp, contract.LabelEnvironment, contract.LabelCostCenter}

// Row is what one pod cost over a window, or one volume that no pod mounts.
type Row struct {
	Namespace, Controller, Pod string
	Labels                     map[string]string // of labelKeys; opencost.Unallocated where it has none
	Money

	Hours              float64 // in which the pod ran
	CPURequestHours    float64 // CPUs times hours
	CPUHours           float64 // as charged: the greater of request and usage
	MemoryRequestHours float64 // GiB times hours
	MemoryHours        float64
	StorageHours       float64

	gpu float64 // money, part of Other
}

// Spending is all that a cluster cost over a window.
type Spending struct {
	Window  Window
	Covered Window // the part with data, from the first to the last
	Rows    []Row
	Idle    Money
	// IdleKnown is false where the window is too short for it.
	IdleKnown bool
	Notes     []string
}

const gib = 1 << 30

// Load asks OpenCost, pod by pod: whatever else is asked is a sum over pods. A window without data is an error.
//
// OpenCost (v1.108.0) answers `aggregate=namespace,controller,pod,label:team,...` with keys joined by a slash. Labels
// are looked up by their sanitised keys; a pod has its node's labels, over them its namespace's, over them its own
// (pkg/costmodel/allocation_helpers.go, applyLabels). Where there is none, the part is `__unallocated__`
// (pkg/kubecost/allocationprops.go, GenerateKey). With includeIdle, what nodes cost beyond their pods is one more line
// `__idle__` (pkg/costmodel/aggregation.go).
func (s Source) Load(ctx context.Context, w Window) (*Spending, error) {
	query := opencost.Query{
		Start:     w.Start,
		End:       w.End,
		Aggregate: []string{"namespace", "controller", "pod"},
		Idle:      true,
	}
	for _, key := range labelKeys {
		query.Aggregate = append(query.Aggregate, "label:"+contract.MetricKey(key))
	}
	allocations, err := opencost.Allocations(ctx, s.Cluster, s.Outputs.Cost.OpenCost, query)
	if err != nil {
		return nil, err
	}
	spending := &Spending{Window: w}
	var idleMinutes float64
	for _, key := range slices.Sorted(maps.Keys(allocations)) {
		a := allocations[key]
		if key == opencost.Idle {
			spending.Idle, idleMinutes = moneyOf(a), a.Minutes
			continue
		}
		if strings.Trim(key, "/"+opencost.Unallocated) == "" {
			continue // what OpenCost answers before it has data: one line without an owner, and without cost
		}
		row, err := newRow(key, a)
		if err != nil {
			return nil, err
		}
		spending.Rows = append(spending.Rows, row)
		spending.cover(a)
	}
	if spending.Total() <= 0 || !spending.Covered.End.After(spending.Covered.Start) {
		return nil, fmt.Errorf(
			"%w from %s; a new OpenCost needs about two minutes, and windows cannot reach beyond what "+
				"Prometheus keeps. Next: kubectl --namespace %s get pods, or another --window",
			errNoData,
			w,
			s.Outputs.Cost.OpenCost.Namespace,
		)
	}
	spending.wholeIdle(idleMinutes)
	note, err := s.restate(ctx, spending)
	if err != nil {
		return nil, err
	}
	spending.note(note)
	return spending, nil
}

func newRow(key string, a opencost.Allocation) (Row, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 3+len(labelKeys) {
		return Row{}, fmt.Errorf(
			"OpenCost: the allocation %q has %d parts, want %d: namespace, controller, pod and %d labels", key,
			len(parts), 3+len(labelKeys), len(labelKeys),
		)
	}
	row := Row{
		Namespace: parts[0], Controller: parts[1], Pod: parts[2], Labels: map[string]string{}, Money: moneyOf(a), gpu: a.GPUCost,
		Hours: a.Minutes / 60, CPUHours: a.CPUCoreHours, MemoryHours: a.RAMByteHours / gib, StorageHours: a.PVByteHours / gib,
	}
	row.CPURequestHours = a.CPUCoreRequestAverage * row.Hours
	row.MemoryRequestHours = a.RAMByteRequestAverage / gib * row.Hours
	for i, label := range labelKeys {
		row.Labels[label] = parts[3+i]
		if parts[3+i] == "" {
			row.Labels[label] = opencost.Unallocated // an empty value names nobody
		}
	}
	return row, nil
}

func (s *Spending) cover(a opencost.Allocation) {
	if a.Minutes <= 0 {
		return
	}
	if s.Covered.Start.IsZero() || a.Start.Before(s.Covered.Start) {
		s.Covered.Start = a.Start
	}
	if a.End.After(s.Covered.End) {
		s.Covered.End = a.End
	}
}

// Total is all money, idle too.
func (s *Spending) Total() float64 { return s.Allocated() + s.Idle.Total() }

// Allocated is the money of pods and volumes, with an owner or without.
func (s *Spending) Allocated() float64 {
	var sum float64
	for _, row := range s.Rows {
		sum += row.Total()
	}
	return sum
}

// note says what makes figures less than they seem.
func (s *Spending) note(restated string) {
	if covered, all := s.Covered.Hours(), s.Window.Hours(); covered < min(0.95*all, all-2./60) {
		s.Notes = append(
			s.Notes, fmt.Sprintf("data covers %s of %s: money outside of it is not known", short(covered), short(all)),
		)
	}
	if restated != "" {
		s.Notes = append(s.Notes, restated)
	}
	if !s.IdleKnown {
		s.Notes = append(s.Notes, "idle money is not known: OpenCost counts nodes in steps of five minutes")
	}
}

// short is a span of hours for people.
func short(hours float64) string {
	switch minutes := hours * 60; {
	case minutes < 120:
		return fmt.Sprintf("%.0f m", minutes)
	case hours < 72:
		return fmt.Sprintf("%.1f h", hours)
	}
	return fmt.Sprintf("%.1f d", hours/24)
}
