package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// ErrInterrupted says that the command ended before the restore did. Velero goes on.
var ErrInterrupted = errors.New("interrupted")

// Restore does what the prospect says, proves it and keeps the evidence. Decided is when somebody chose to. The record
// is empty where nothing is proven either way: refusal.Refused, ErrInterrupted.
func (s *Site) Restore(
	ctx context.Context, p Prospect, o RestoreOptions, decided time.Time,
) (record evidence.Record, err error) {
	held, release, err := s.hold(ctx, evidence.KindRestore)
	if err != nil {
		return record, err
	}
	after := context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, release(after)) }()

	limit := cmp.Or(o.Timeout, s.restoreLimit())
	if p.Ending {
		if err := s.awaitFree(held, o, limit); err != nil {
			return evidence.Record{}, err
		}
	}
	r := &run{
		site:     s,
		name:     fmt.Sprintf("%s-restore-%s", s.Plan.Schedule, compact(time.Now())),
		backup:   p.Backup.Name,
		target:   s.Service.Namespace,
		rules:    asNew(),
		leftOut:  leftOut,
		question: s.plainQuestion(),
		decided:  decided,
	}
	record = s.restoreRecord(p.Backup, decided)
	record.Restore = r.name
	s.Say("restoring %s into namespace %s", p.Backup.Name, r.target)
	failure := r.restoreAndProve(held, &record, p.Backup, limit)
	if held.Err() != nil {
		return evidence.Record{}, r.interrupted(held)
	}
	if failure != nil {
		record.Reason = failure.Error()
	} else {
		s.judge(&record)
	}
	if err := s.keep(after, &record); err != nil || record.Verdict != evidence.Proven {
		return record, err // Velero's own record stays, to read on in
	}
	if err := r.remove(after); err != nil {
		s.Say("note: %v", err)
	}
	return record, nil
}

// awaitFree waits for the end of a namespace that is being deleted. Then it looks again: somebody may have made it anew
// meanwhile.
func (s *Site) awaitFree(ctx context.Context, o RestoreOptions, limit time.Duration) error {
	if err := s.awaitEnd(ctx, s.Service.Namespace, limit); err != nil {
		return fmt.Errorf("%w. Nothing was restored", err)
	}
	_, err := s.Cluster.Client.CoreV1().Namespaces().Get(ctx, s.Service.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	_, problems := s.checkExisting(ctx, o.IntoExisting)
	return refusal.Of(problems...)
}

// restoreRecord is the record of a restore that has not begun yet.
func (s *Site) restoreRecord(backup velero.Backup, decided time.Time) evidence.Record {
	record := s.record(evidence.KindRestore, s.Service.Namespace, decided)
	record.Backup.Name, record.Backup.UID = backup.Name, backup.UID
	record.Backup.StartedAt, record.Backup.CompletedAt = backup.Started.UTC(), backup.Completed.UTC()
	record.Backup.Age = evidence.InSeconds(decided.Sub(backup.When()))
	record.DecidedAt = decided.UTC()
	return record
}

// restoreAndProve restores, waits for the first correct answer and fills the record. The error is why it is no proof.
func (r *run) restoreAndProve(
	ctx context.Context, record *evidence.Record, backup velero.Backup, limit time.Duration,
) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	answered, err := r.follow(ctx, limit)
	if err != nil {
		return err
	}
	return r.prove(ctx, record, backup, answered)
}

// interrupted is the error of a command that ended while Velero goes on.
func (r *run) interrupted(ctx context.Context) error {
	s := r.site
	return fmt.Errorf(
		"%w: %w. Velero goes on with the restore %s: kubectl -n %s get restores.velero.io %s -o yaml. To cancel it: %s",
		ErrInterrupted, context.Cause(ctx), r.name, s.Vault.Namespace, r.name, s.cancelCommand(r.name),
	)
}
