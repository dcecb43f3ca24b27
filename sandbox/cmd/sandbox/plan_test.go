package main

import (
	"strings"
	"testing"

	"github.com/opex-project/opex/sandbox/internal/golden"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

func TestDryRunPrintsTheWholePlan(t *testing.T) {
	for name, nodes := range map[string]int{"plan-one-node.txt": 1, "plan-two-nodes.txt": 2} {
		s, err := layout.New("/repository", "staging", "", nodes)
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		if err := printPlan(&plan, s); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, plan.String())
	}
}

func TestDryRunPlanHoldsNoMachinePathAndNoKey(t *testing.T) {
	s, err := layout.New("/repository", "staging", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	if err := printPlan(&plan, s); err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"/repository", "ROOT_SECRET", "SECRET-KEY"} {
		if strings.Contains(plan.String(), forbidden) {
			t.Errorf("the plan holds %q", forbidden)
		}
	}
}
