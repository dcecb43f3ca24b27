package costs

import (
	"strings"
	"testing"
	"time"
)

func TestBudgetStates(t *testing.T) {
	cases := map[string]struct {
		amount, spent, coming float64
		state, remark         string
	}{
		"nothing spent":             {10, 0, 0, BudgetOK, "no cost on this team"},
		"well within":               {10, 1, 2, BudgetOK, ""},
		"exactly the budget":        {10, 4, 6, BudgetOK, ""},
		"would be over":             {10, 4, 6.1, BudgetAtRisk, ""},
		"is over":                   {10, 10.1, 0, BudgetOver, ""},
		"spent, and then no more":   {10, 5, 0, BudgetOK, ""},
		"nothing yet, and soon all": {10, 0, 11, BudgetAtRisk, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBudget("x", c.amount, c.spent, c.coming)
			if b.State != c.state || !strings.Contains(b.Remark, c.remark) || (c.remark == "") != (b.Remark == "") {
				t.Errorf("budget %+v", b)
			}
		})
	}
}

func TestBudgetsProjectTheLastDayToTheMonthsEnd(t *testing.T) {
	w := newWorld(shop) // 0.05 an hour
	source := w.source()
	loaded, err := source.Load(t.Context(), lastHours(1))
	if err != nil {
		t.Fatal(err)
	}
	budgets, notes, err := source.Budgets(t.Context(), loaded)
	if err != nil || len(budgets) != 3 || len(notes) != 0 {
		t.Fatalf("budgets %+v, notes %q, error %v", budgets, notes, err)
	}
	commerce := budgets[0]
	spent, left := 0.05*(19*24+12), 0.05*(10*24+12)
	if commerce.Team != "commerce" || !near(commerce.Spent, spent) || !near(commerce.Projected, spent+left) ||
		commerce.State != BudgetOver {
		t.Errorf("budget %+v, want %g spent of 20 and %g projected", commerce, spent, spent+left)
	}
	if ghosts := budgets[1]; ghosts.Team != "ghosts" || ghosts.Spent != 0 || ghosts.Remark == "" {
		t.Errorf("a team without cost is shown with 0 and a remark, not as %+v", ghosts)
	}
	if report := (&Report{Budgets: budgets}); !report.OverBudget() {
		t.Error("a budget is over, and the report says it is not")
	}
}

func TestBudgetsSayThatDataBeginsLaterThanTheMonth(t *testing.T) {
	w := newWorld(shop)
	w.loads = func(window Window) []load {
		if window.Hours() > 30 {
			return []load{with(shop, func(l *load) { l.pods = 1 })}
		}
		return []load{shop}
	}
	source := w.source()
	young := &world{}
	*young = *w
	source.Cluster = getter(func(path string, answer []byte) []byte { // the month's data begins with the 18th
		return []byte(
			strings.ReplaceAll(string(answer), `"start":"2026-11-01T00:00:00Z"`, `"start":"2026-11-18T00:00:00Z"`),
		)
	}).around(young)
	loaded, err := source.Load(t.Context(), Window{now.Add(-time.Hour), now})
	if err != nil {
		t.Fatal(err)
	}
	_, notes, err := source.Budgets(t.Context(), loaded)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "begins at 2026-11-18 00:00 UTC") {
		t.Errorf("notes %q, error %v", notes, err)
	}
}

func TestAMonthThatHasJustBegunIsNoError(t *testing.T) {
	cases := map[string]struct {
		age   time.Duration
		empty bool // OpenCost has nothing on the month
		want  string
		err   string
	}{
		"shorter than the resolution": {30 * time.Second, false, "has just begun", ""},
		"minutes old, no data":        {5 * time.Minute, true, "has just begun", ""},
		"minutes old, with data":      {5 * time.Minute, false, "", ""},
		"an hour old, no data":        {time.Hour, true, "", "budgets, this month: OpenCost knows no allocation"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			w := newWorld()
			w.loads = func(window Window) []load {
				if c.empty && window.Start.Equal(begin) {
					return nil
				}
				return []load{shop}
			}
			source := w.source()
			source.Now = begin.Add(c.age)
			budgets, notes, err := source.Budgets(t.Context(), &Spending{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil || len(budgets) != 3 || !strings.Contains(strings.Join(notes, ""), c.want) ||
				(c.want == "") != (len(notes) == 0) {
				t.Fatalf("budgets %+v, notes %q, error %v", budgets, notes, err)
			}
			if coming := 0.05 * (30*24 - c.age.Hours()); !near(budgets[0].Projected, budgets[0].Spent+coming) ||
				(budgets[0].Spent == 0) != (c.want != "") {
				t.Errorf("budget %+v, want %g to come", budgets[0], coming)
			}
		})
	}
}

func TestWithoutBudgetsNothingIsAsked(t *testing.T) {
	w := newWorld(shop)
	source := w.source()
	source.Outputs.Cost.Budgets = nil
	if budgets, _, err := source.Budgets(t.Context(), nil); err != nil || budgets != nil || len(w.asked) != 0 {
		t.Errorf("budgets %v, error %v, asked %v", budgets, err, w.asked)
	}
}
