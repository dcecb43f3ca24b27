package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
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
	record = s.record(evidence.KindRestore, s.Service.Namespace, decided)
	record.Backup.Name, record.Backup.UID = p.Backup.Name, p.Backup.UID
	record.Backup.StartedAt, record.Backup.CompletedAt = p.Backup.Started.UTC(), p.Backup.Completed.UTC()
	record.Backup.Age = evidence.InSeconds(decided.Sub(p.Backup.When()))
	record.DecidedAt = decided.UTC()

	limit := o.Timeout
	if limit == 0 {
		limit = s.restoreLimit()
	}
	if p.Ending {
		if err := s.awaitEnd(held, s.Service.Namespace, limit); err != nil {
			return evidence.Record{}, fmt.Errorf("%w. Nothing was restored", err)
		}
		if err := s.stillFree(held, o); err != nil {
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
	record.Restore = r.name
	s.Say("restoring %s into namespace %s", p.Backup.Name, r.target)
	failure := r.begin(held)
	if failure == nil {
		var answered time.Time
		if answered, failure = r.follow(held, limit); failure == nil {
			failure = r.prove(held, &record, p.Backup, answered)
		}
	}
	if held.Err() != nil {
		return evidence.Record{}, fmt.Errorf(
			"%w: %w. Velero goes on with the restore %s: kubectl -n %s get restores.velero.io %s -o yaml. To cancel it: %s",
			ErrInterrupted, context.Cause(held), r.name, s.Vault.Namespace, r.name, s.cancelCommand(r.name),
		)
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

// stillFree looks again at a namespace whose end was waited for: somebody may have made it anew meanwhile.
func (s *Site) stillFree(ctx context.Context, o RestoreOptions) error {
	_, err := s.Cluster.Client.CoreV1().Namespaces().Get(ctx, s.Service.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	_, problems := s.checkExisting(ctx, o.IntoExisting)
	return refusal.Of(problems...)
}
