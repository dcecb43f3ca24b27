package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

var dumpInBackup = Criterion{
	ID:     "SC-006",
	Title:  "The database was dumped for its backup",
	Target: "in the newest finished backup, within the RPO, both hooks ran and none failed, and its copy of the dump volume is whole; the dump is readable and was made then",
	Why:    "Files of a running database that are copied one after another may not start again. A backup without its hooks is called complete.",
	Limit:  5 * time.Minute, // a large dump is read whole
	Check:  checkDump,
}

func checkDump(ctx context.Context, w *World, _ string, service contract.Service) Result {
	plan, other := w.plan(service)
	if other != nil {
		return *other
	}
	if service.Database == nil {
		return notApplicable("the service has no database")
	}
	if plan.Dump == nil {
		return unproven("the stack's outputs do not say where the dump is", writeOutputs)
	}
	all, err := w.backups(ctx, plan.Schedule)
	if err != nil {
		return unproven(err.Error(), nextForVelero(err, "list backups"))
	}
	i := slices.IndexFunc(all, func(b velero.Backup) bool { return velero.Done(b.Phase) })
	var evidence []Fact
	var running string // the oldest that is newer than the newest finished
	for _, b := range all[:max(i, 0)] {
		running = fmt.Sprintf("%s, %s since %s", b.Name, b.Phase, utc(b.When()))
		evidence = append(
			evidence, Fact{"passed over: backup " + b.Name, fmt.Sprintf("%s since %s", b.Phase, utc(b.When()))},
		)
	}
	if i < 0 {
		return unproven(
			fmt.Sprintf("no backup of Schedule %s has finished yet, among %d", plan.Schedule, len(all)),
			w.nextBackup(plan),
			evidence...)
	}
	b := all[i]
	evidence = append(
		evidence,
		Fact{"backup " + b.Name, fmt.Sprintf("%s, started %s, ended %s, hooks attempted %d, failed %d",
			b.Phase, utc(b.When()), utc(b.Completed), b.HooksAttempted, b.HooksFailed)},
	)
	volumes, err := w.volumesIn(ctx, b.Name)
	if err != nil {
		return unproven(err.Error(), nextForVelero(err, "list podvolumebackups"), evidence...)
	}
	for _, v := range volumes {
		evidence = append(evidence, Fact{"copy of volume " + v.Volume + " of pod " + v.Pod,
			strings.TrimSpace(fmt.Sprintf("%s, %d of %d bytes %s", v.Phase, v.BytesDone, v.TotalBytes, v.Message))})
	}
	result := w.judgeBackup(plan, b, volumes, running)
	if result.Verdict == Pass {
		result = w.judgeDump(ctx, service, b, volumes, running)
	}
	result.Evidence = append(evidence, result.Evidence...)
	return result
}

// judgeBackup looks at a backup's own word.
func (w *World) judgeBackup(plan plan, b velero.Backup, volumes []velero.PodVolume, running string) Result {
	logs := w.veleroLogs(b.Name)
	if flaw := b.Flaw(true); flaw != "" {
		return fail(
			fmt.Sprintf("the newest backup, %s, is %s%s", b.Name, flaw, unfinished(volumes)),
			"opex verify --only SC-004 shows what leaves pods and hooks out; "+logs,
		)
	}
	if age := w.Now.Sub(b.When()); age > plan.rpo+slack {
		if running != "" {
			return unproven(
				fmt.Sprintf("the newest finished backup, %s, is %s old, and the RPO is %s; the next one is %s", b.Name,
					span(age), exact(plan.rpo), running),
				"Wait for it; "+logs,
			)
		}
		return fail(
			fmt.Sprintf("the newest backup, %s, is %s old, and the RPO is %s", b.Name, span(age), exact(plan.rpo)),
			"opex verify --only SC-004 shows why none was made; "+w.nextBackup(plan),
		)
	}
	return pass("")
}

// unfinished names the copies of volumes that were not made.
func unfinished(volumes []velero.PodVolume) string {
	var text strings.Builder
	for _, v := range volumes {
		if v.Phase != velero.PhaseCompleted {
			fmt.Fprintf(&text, "; volume %s of pod %s is %s", v.Volume, v.Pod, strings.TrimSpace(v.Phase+" "+v.Message))
		}
	}
	return text.String()
}
