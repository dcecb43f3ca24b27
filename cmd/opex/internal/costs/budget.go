package costs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
	"github.com/opex-project/opex/internal/contract"
)

// States of a budget.
const (
	BudgetOK     = "ok"
	BudgetAtRisk = "at risk" // the projection is over the budget
	BudgetOver   = "over"    // what is spent already is
)

// Budget is what a team may spend in a calendar month (UTC), and how it stands.
type Budget struct {
	Team   string  `json:"team"`
	Amount float64 `json:"budget"`
	Spent  float64 `json:"spent"` // since the month began, as far as there is data
	// Projected is Spent plus the money per hour of the last day, times the hours left in the month. An hour of the
	// last day without data does not count; an hour of the month without data counts as nothing.
	Projected float64 `json:"projected"`
	State     string  `json:"state"`
	Remark    string  `json:"remark,omitempty"`
}

// Budgets holds each team's budget against OpenCost's figures of this month and of the last 24 hours. What was loaded
// already serves if it is of those.
func (s Source) Budgets(ctx context.Context, loaded *Spending) ([]Budget, []string, error) {
	if len(s.Outputs.Cost.Budgets) == 0 {
		return nil, nil, nil
	}
	now := s.Now.UTC().Truncate(time.Second)
	month := Window{time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), now}
	end := month.Start.AddDate(0, 1, 0)
	day := loaded
	if last := (Window{now.Add(-24 * time.Hour), now}); last != loaded.Window {
		var err error
		if day, err = s.Load(ctx, last); err != nil {
			return nil, nil, fmt.Errorf("budgets, the last 24 h: %w", err)
		}
	}
	spent, notes, err := s.month(ctx, month)
	if err != nil {
		return nil, nil, fmt.Errorf("budgets, this month: %w", err)
	}
	var budgets []Budget
	for _, team := range slices.Sorted(maps.Keys(s.Outputs.Cost.Budgets)) {
		perHour := ratio(day.of(team), day.Covered.Hours())
		budgets = append(
			budgets, newBudget(team, s.Outputs.Cost.Budgets[team], spent.of(team), perHour*end.Sub(now).Hours()),
		)
	}
	return budgets, notes, nil
}

// young is a month's age up to which it may have no data yet: scrapes come once a minute, and OpenCost looks back.
const young = 10 * time.Minute

// month is what was spent since the month began, and what is not known of it.
func (s Source) month(ctx context.Context, month Window) (*Spending, []string, error) {
	spent, err := &Spending{}, errNoData
	if month.Hours() >= opencost.Resolution.Hours() {
		spent, err = s.Load(ctx, month)
	}
	switch {
	case errors.Is(err, errNoData) && month.Hours() < young.Hours():
		return &Spending{}, []string{"budgets: this month has just begun, and has no data yet"}, nil
	case err != nil:
		return nil, nil, err
	case spent.Covered.Start.Sub(month.Start) > time.Hour:
		return spent, []string{
			fmt.Sprintf("budgets: this month's data begins at %s; what was spent before is not known, and not counted",
				spent.Covered.Start.UTC().Format("2006-01-02 15:04 UTC")),
		}, nil
	}
	return spent, nil, nil
}

// of is a team's money.
func (s *Spending) of(team string) float64 {
	var sum float64
	for _, row := range s.Rows {
		if row.Labels[contract.LabelTeam] == team {
			sum += row.Total()
		}
	}
	return sum
}

func newBudget(team string, amount, spent, coming float64) Budget {
	b := Budget{Team: team, Amount: amount, Spent: spent, Projected: spent + coming, State: BudgetOK}
	switch {
	case b.Spent > amount:
		b.State = BudgetOver
	case b.Projected > amount:
		b.State = BudgetAtRisk
	}
	if b.Projected == 0 {
		b.Remark = "no cost on this team: no pod carries its label, or its name is misspelt"
	}
	return b
}
