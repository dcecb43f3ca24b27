package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

var backupRetention = Criterion{
	ID:     "SC-005",
	Title:  "Backups are kept as long as agreed",
	Target: "the newest complete backup expires the stack's TTL after its start, and the Schedule says the same",
	Why:    "What was damaged unnoticed for weeks is restored from a backup of before. Kept longer than agreed, it costs, and holds what had to be deleted.",
	Check:  checkRetention,
}

func checkRetention(ctx context.Context, w *World, _ string, service contract.Service) Result {
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
	evidence := []Fact{{"TTL", fmt.Sprintf("%s of the stack, %s of Schedule %s", exact(plan.ttl), exact(schedule.TTL),
		schedule.Name)}}
	if schedule.TTL != plan.ttl {
		return fail(
			fmt.Sprintf("Schedule %s keeps backups for %s, the stack says %s", schedule.Name, exact(schedule.TTL),
				exact(plan.ttl)),
			putRight,
			evidence...)
	}
	if lock := w.Outputs.Backup.ObjectLock; lock != nil {
		result := judgeLock(*lock, plan.ttl)
		evidence = append(evidence, result.Evidence...)
		if result.Verdict != Pass {
			result.Evidence = evidence
			return result
		}
	}
	all, err := w.backups(ctx, plan.Schedule)
	if err != nil {
		return unproven(err.Error(), nextForVelero(err, "list backups"), evidence...)
	}
	complete := slices.DeleteFunc(
		slices.Clone(all), func(b velero.Backup) bool { return b.Phase != velero.PhaseCompleted },
	)
	if len(complete) == 0 {
		return unproven(
			fmt.Sprintf("Schedule %s has no complete backup yet, among %d", schedule.Name, len(all)),
			w.nextBackup(plan),
			evidence...)
	}
	newest, oldest := complete[0], complete[len(complete)-1]
	evidence = append(
		evidence, Fact{"complete backups", fmt.Sprintf("%d, the oldest of %s", len(complete), utc(oldest.When()))},
	)
	result := w.judgeExpiry(newest, plan)
	result.Evidence = append(evidence, result.Evidence...)
	return result
}

// judgeLock judges whether Object Lock lets Velero delete what has expired.
func judgeLock(lock contract.ObjectLock, ttl time.Duration) Result {
	locked := time.Duration(lock.Days) * 24 * time.Hour
	evidence := Fact{"Object Lock", fmt.Sprintf("%s for %s", lock.Mode, exact(locked))}
	if locked > ttl {
		return fail(
			fmt.Sprintf(
				"Object Lock keeps each object for %s, and backups expire after %s: Velero cannot delete them then",
				exact(locked), exact(ttl),
			),
			"Set backup.ttl to "+exact(locked)+" or more, or fewer days in opex:backup.objectLock",
			evidence,
		)
	}
	return pass("", evidence)
}

// judgeExpiry judges how long a backup is kept.
func (w *World) judgeExpiry(b velero.Backup, plan plan) Result {
	if b.Started.IsZero() || b.Expiration.IsZero() {
		return unproven("backup "+b.Name+" has no start or no expiry", w.veleroLogs(b.Name))
	}
	kept := b.Expiration.Sub(b.Started)
	evidence := Fact{
		"backup " + b.Name,
		fmt.Sprintf("started %s, expires %s: %s later", utc(b.Started), utc(b.Expiration), exact(kept)),
	}
	if (kept - plan.ttl).Abs() > time.Second {
		return fail(fmt.Sprintf("backup %s is kept for %s, want %s", b.Name, exact(kept), exact(plan.ttl)),
			"The next backup has the Schedule's TTL; "+w.nextBackup(plan), evidence)
	}
	return pass(fmt.Sprintf("%s, until %s", exact(kept), utc(b.Expiration)), evidence)
}

// nextBackup says how to get a backup now, and when one comes by itself.
func (w *World) nextBackup(p plan) string {
	return fmt.Sprintf("opex drill makes one and tries it; or wait for %s", utc(p.cron.Next(w.Now.UTC())))
}
