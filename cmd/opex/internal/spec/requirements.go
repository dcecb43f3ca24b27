package spec

import (
	"fmt"

	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

// requirements are what is asked of the service, what gives it, and the criteria that prove it. What is not asked for
// says why.
func requirements(o stack.Outputs, s contract.Service) []row {
	by := func(component, criteria string) string {
		return fmt.Sprintf("by `%s`; proven by %s", component, criteria)
	}
	off := func(what string) string { return "not asked for: " + what + " off in this stack" }
	cost, size := by("CostLabeledApp", "SC-001, SC-002"), by("RightSizing", "SC-003")
	if o.Cost == nil {
		cost = by("CostLabeledApp", "SC-001") + "; its costs are " + off("cost visibility is")
	}
	if o.Size == nil {
		size = off("size advice is")
	}
	backup, chaos := by("BackupPlan", "SC-004 to SC-007"), by("ChaosExperiment", "SC-008 to SC-010")
	switch {
	case s.NoBackup != "":
		backup = "not asked for: " + s.NoBackup
	case o.Backup == nil:
		backup = off("backups are")
	}
	switch {
	case o.Environment == gameday.Production:
		chaos = "not tried here: nothing is broken on purpose in production; the staging stack proves it"
	case s.NoChaos != "":
		chaos = "not asked for: " + s.NoChaos
	case o.Chaos == nil:
		chaos = off("chaos is")
	}
	return []row{
		{"What it costs, and who pays, is known", cost}, {"It is of the right size", size},
		{"It can be got back", backup}, {"It survives the loss of a pod", chaos},
	}
}
