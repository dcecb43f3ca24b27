package verify

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/crons"
)

var backupSchedule = Criterion{
	ID:     "SC-004",
	Title:  "Backups are made in time, of everything",
	Target: "the Schedule is the stack's, in force, keeps to the RPO and missed no time; its backups hold the service's pods and run the stack's hooks, no others; Velero and its bucket are ready",
	Why:    "A backup that is not made is noticed on the day it is needed. One that leaves pods out runs no hook, and is called complete.",
	Check:  checkSchedule,
}

func checkSchedule(ctx context.Context, w *World, name string, service contract.Service) Result {
	plan, other := w.plan(service)
	if other != nil {
		return *other
	}
	schedule, err := w.schedule(ctx, plan.Schedule)
	if err != nil {
		return unproven(err.Error(), nextForVelero(err, "list schedules"))
	}
	if schedule == nil {
		return fail(fmt.Sprintf("Schedule %s/%s does not exist", w.Outputs.Backup.Namespace, plan.Schedule), makeAgain)
	}
	inTime := w.inTime(ctx, plan, *schedule)
	found := worst([]Result{inTime, w.covers(ctx, name, service, plan, *schedule), w.bucketReady(ctx, *schedule),
		w.veleroReady(ctx, service)})
	if found.Verdict == Pass {
		found.Actual = inTime.Actual
	}
	return found
}

// inTime judges when a Schedule makes backups.
func (w *World) inTime(ctx context.Context, plan plan, s velero.Schedule) Result {
	who := "Schedule " + s.Name
	asked := "never asked for a backup"
	if !s.LastBackup.IsZero() {
		asked = "last asked for a backup " + utc(s.LastBackup)
	}
	evidence := []Fact{{who, fmt.Sprintf("phase %s, cron %q, made %s, %s", s.Phase, s.Cron, utc(s.Created), asked)}}
	flaw, next := s.Flaw(), putRight
	if s.Paused {
		next = fmt.Sprintf(
			"kubectl --namespace %s patch schedules.velero.io %s --type=merge --patch='{\"spec\":{\"paused\":false}}'",
			w.Outputs.Backup.Namespace, s.Name,
		)
	}
	switch {
	case flaw != "":
		return fail(who+" is "+flaw, next, evidence...)
	case s.Cron != plan.Cron:
		return fail(fmt.Sprintf("%s has cron %q, the stack's is %q", who, s.Cron, plan.Cron), putRight, evidence...)
	case s.Phase != velero.PhaseEnabled:
		return unproven(fmt.Sprintf("Velero has not taken %s up yet: its phase is %q", who, s.Phase),
			"Wait a minute; "+w.veleroLogs(s.Name), evidence...)
	}
	gap := crons.LongestGap(plan.cron, w.Now)
	if gap == math.MaxInt64 {
		return fail(fmt.Sprintf("cron %q comes to no further time: no backup is made", s.Cron),
			"Set another backup.schedule and run `pulumi up`", evidence...)
	}
	var times []string
	for at := plan.cron.Next(w.Now.UTC()); len(times) < 3; at = plan.cron.Next(at) {
		times = append(times, utc(at))
	}
	evidence = append(evidence, Fact{"next backups", strings.Join(times, ", ")},
		Fact{"longest time between two", fmt.Sprintf("%s, the RPO is %s", exact(gap), exact(plan.rpo))})
	if gap > plan.rpo {
		return fail(
			fmt.Sprintf(
				"cron %q leaves %s between two backups, and the RPO is %s", s.Cron, exact(gap), exact(plan.rpo),
			),
			"Set a backup.schedule that keeps to backup.rpo and run `pulumi up`",
			evidence...)
	}
	if late := w.late(ctx, plan, s); late != nil {
		late.Evidence = evidence
		return *late
	}
	return pass(fmt.Sprintf("%s in UTC, next %s", s.Cron, times[0]), evidence...)
}

// late says which time a Schedule missed, or nothing. Velero counts from the last backup that it asked for itself, and
// makes none while another of the Schedule is under way (pkg/controller/schedule_controller.go of v1.18.3).
func (w *World) late(ctx context.Context, plan plan, s velero.Schedule) *Result {
	last := s.Created
	for _, t := range []time.Time{s.LastBackup, s.LastSkipped} {
		if t.After(last) {
			last = t
		}
	}
	if last.After(w.Now.Add(slack)) {
		r := unproven(fmt.Sprintf("Schedule %s dates its last backup %s, which cannot be", s.Name, utc(last)),
			"Compare the clocks of this machine and of the cluster")
		return &r
	}
	due := plan.cron.Next(last.UTC())
	if w.Now.Sub(due) <= slack {
		return nil
	}
	all, err := w.backups(ctx, s.Name)
	if err != nil {
		r := unproven(err.Error(), nextForVelero(err, "list backups"))
		return &r
	}
	for _, b := range all {
		if !velero.Done(b.Phase) {
			r := unproven(
				fmt.Sprintf(
					"the backup of %s waits for %s, which is %s since %s", utc(due), b.Name, b.Phase, utc(b.When()),
				),
				w.veleroLogs(b.Name),
			)
			return &r
		}
	}
	r := fail(fmt.Sprintf("Schedule %s missed its time: a backup was due %s, %s", s.Name, utc(due), w.ago(due)),
		w.veleroLogs(s.Name))
	return &r
}
