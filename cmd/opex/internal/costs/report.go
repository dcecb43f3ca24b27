package costs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// Report is what `opex costs` shows.
type Report struct {
	Environment  string    `json:"environment"`
	Currency     string    `json:"currency"` // of all money
	Window       Window    `json:"window"`
	Covered      Window    `json:"covered"` // the part of the window with data
	CustomPrices bool      `json:"customPrices"`
	By           string    `json:"by"`
	Lines        []Line    `json:"lines"` // largest first; unallocated and idle money last, always there
	Total        Line      `json:"total"`
	Coverage     *Coverage `json:"coverage"`
	Budgets      []Budget  `json:"budgets"`
	Change       *Change   `json:"change,omitempty"` // where it was asked for
	Notes        []string  `json:"notes"`
	// Unasked is what could not be asked for, which is missing above; nil: nothing is.
	Unasked error `json:"-"`
}

// Line is the money of one key.
type Line struct {
	Name string `json:"name"`
	Money
	Sum   float64 `json:"total"`
	Share float64 `json:"share"` // of all money, idle too: 0 to 1
}

// Keys are those that money can be grouped by: the cost labels, namespaces, and services. A service of the stack is its
// own workload and its database's; any other workload stands for itself.
var Keys = append(slices.Clone(labelKeys), "namespace", "service")

// grouper returns the function that says which line a row belongs to.
func grouper(by string, outputs stack.Outputs) (func(Row) string, error) {
	switch {
	case slices.Contains(labelKeys, by):
		return func(r Row) string { return r.Labels[by] }, nil
	case by == "namespace":
		return func(r Row) string { return r.Namespace }, nil
	case by == "service":
		names := serviceNames(outputs)
		return func(r Row) string {
			if name, is := names[r.workload()]; is {
				return name
			}
			return r.workload()
		}, nil
	}
	return nil, fmt.Errorf("costs by %q: allowed are %s", by, strings.Join(Keys, ", "))
}

// workload is the row's controller with its namespace: staging/deployment:task-api.
func (r Row) workload() string { return r.Namespace + "/" + r.Controller }

// serviceNames are the stack's services by their workloads.
func serviceNames(outputs stack.Outputs) map[string]string {
	names := map[string]string{}
	for name, service := range outputs.Services {
		names[service.Namespace+"/deployment:"+service.Deployment] = name
		if service.Database != nil {
			names[service.Namespace+"/statefulset:"+service.Database.StatefulSet] = name
		}
	}
	return names
}

// NewReport groups what was spent.
func NewReport(spending *Spending, outputs stack.Outputs, by string) (*Report, error) {
	group, err := grouper(by, outputs)
	if err != nil {
		return nil, err
	}
	money := map[string]Money{opencost.Unallocated: {}, opencost.Idle: spending.Idle}
	for _, row := range spending.Rows {
		money[group(row)] = money[group(row)].plus(row.Money)
	}
	report := &Report{
		Environment: outputs.Environment, Currency: outputs.Cost.Currency, Window: spending.Window, Covered: spending.Covered,
		CustomPrices: outputs.Cost.Prices != nil, By: by, Notes: append([]string{}, spending.Notes...),
	}
	all := spending.Total()
	var sum Money
	for _, name := range slices.Sorted(maps.Keys(money)) {
		m := money[name]
		sum = sum.plus(m)
		report.Lines = append(report.Lines, Line{name, m, m.Total(), ratio(m.Total(), all)})
	}
	slices.SortStableFunc(report.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(rank(a.Name), rank(b.Name)), cmp.Compare(b.Sum, a.Sum))
	})
	report.Total = Line{"total", sum, sum.Total(), 1}
	return report, nil
}

// rank puts money without an owner last.
func rank(name string) int {
	return slices.Index([]string{opencost.Unallocated, opencost.Idle}, name)
}

// Prices says in words whose prices these are.
func (r *Report) prices() string {
	if r.CustomPrices {
		return "prices of the stack's config"
	}
	return "prices of the cloud's list"
}

// knownTeams are those that somebody answers for: of the stack's services, of its engines, or with a budget.
func knownTeams(outputs stack.Outputs) []string {
	teams := slices.AppendSeq([]string{outputs.Cost.Platform}, maps.Keys(outputs.Cost.Budgets))
	for _, service := range outputs.Services {
		teams = append(teams, service.Labels[contract.LabelTeam])
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}

// Report asks for all that the command shows. With a window to compare with, it says what changed since.
func (s Source) Report(ctx context.Context, by string, window Window, before *Window) (*Report, error) {
	spending, err := s.Load(ctx, window)
	if err != nil {
		return nil, err
	}
	report, err := NewReport(spending, s.Outputs, by)
	if err != nil {
		return nil, err
	}
	if report.Coverage, err = s.NewCoverage(ctx, spending); err != nil {
		return nil, err
	}
	if before != nil {
		was, err := s.Load(ctx, *before)
		if err != nil {
			return nil, fmt.Errorf("the window to compare with: %w", err)
		}
		if report.Change, err = Compare(was, spending, s.Outputs, by); err != nil {
			return nil, err
		}
		report.Notes = append(report.Notes, report.Change.notes(was)...)
	}
	budgets, notes, err := s.Budgets(ctx, spending)
	// the rest of the report stands without them
	report.Budgets, report.Notes, report.Unasked = budgets, append(report.Notes, notes...), err
	return report, nil
}

// Summary is what happened, in one line for people.
func (r *Report) Summary() string {
	parts := []string{r.Coverage.String()}
	if r.Change != nil {
		parts = append([]string{r.Change.Headline}, parts...)
	}
	for _, b := range r.Budgets {
		switch b.State {
		case BudgetOver:
			parts = append(
				parts,
				fmt.Sprintf(
					"team %s is over its budget: %.2f of %.2f %s are spent", b.Team, b.Spent, b.Amount, r.Currency,
				),
			)
		case BudgetAtRisk:
			parts = append(
				parts,
				fmt.Sprintf(
					"team %s would exceed its budget: %.2f of %.2f %s at the month's end, at the rate of the last 24 h",
					b.Team, b.Projected, b.Amount, r.Currency,
				),
			)
		}
	}
	next := "Next: opex costs --compare says what drove a change"
	if r.Change != nil {
		next = "Next: opex rightsize says which requests are more than needed"
	}
	return strings.Join(parts, "\n") + "\n" + next
}

// OverBudget tells whether a team has spent more than its budget.
func (r *Report) OverBudget() bool {
	return slices.ContainsFunc(r.Budgets, func(b Budget) bool { return b.State == BudgetOver })
}
