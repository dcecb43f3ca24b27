package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// prove fills the record with what came back. The error says what is wrong with it; the record then still holds the
// rest.
func (r *run) prove(ctx context.Context, record *evidence.Record, backup velero.Backup, answered time.Time) error {
	s := r.site
	pods, err := r.pods(ctx)
	if err != nil {
		return err
	}
	volumes, err := s.Velero.PodVolumeRestores(ctx, r.name)
	if err != nil {
		return err
	}
	record.DecidedAt, record.AnsweredAt = r.decided.UTC(), answered.UTC()
	record.RTO = evidence.InSeconds(answered.Sub(r.decided))
	record.RPO = evidence.InSeconds(r.decided.Sub(backup.When()))
	record.Answer = evidence.Answer{Path: r.question.paths[len(r.question.paths)-1], Sentinel: r.question.record != nil}

	marks := []mark{{evidence.PhaseDecide, r.restore.Started}}
	var wrong error
	if s.hasDatabase() {
		marks = append(marks, r.volumeMarks(pods, volumes)...)
		found, err := r.inspect(ctx, pods)
		if err != nil {
			return fmt.Errorf("the restored data could not be compared: %w", err)
		}
		marks = append(marks, mark{evidence.PhaseHooks, found.at})
		m := found.manifest
		record.RPO = evidence.InSeconds(r.decided.Sub(m.StartedAt))
		record.Dump = &evidence.Dump{
			StartedAt:          m.StartedAt,
			FinishedAt:         m.FinishedAt,
			Bytes:              m.DumpBytes,
			DatabaseBytes:      m.DatabaseBytes,
			DumpBytesPerSecond: perSecond(m.DatabaseBytes, m.FinishedAt.Sub(m.StartedAt)),
			LoadBytesPerSecond: perSecond(m.DatabaseBytes, found.at.Sub(found.since)),
		}
		record.Tables = compare(m.Tables, found.tables)
		if text := unequal(record.Tables); text != "" {
			wrong = errors.New(text)
		}
	} else {
		marks = append(marks, mark{evidence.PhaseObjects, r.restore.Completed})
	}
	marks = append(marks, mark{evidence.PhaseReady, readySince(matching(pods, s.Service.Selector))})
	record.Phases = phases(r.decided, answered, marks)
	return wrong
}

// volumeMarks end when the database's pod was made, and when its volumes were filled.
func (r *run) volumeMarks(pods []corev1.Pod, volumes []velero.PodVolume) []mark {
	var made, filled time.Time
	for _, p := range matching(pods, r.site.Service.Database.Selector) {
		made = p.CreationTimestamp.Time
	}
	for _, v := range volumes {
		filled = latest(filled, v.Completed)
	}
	return []mark{{evidence.PhaseObjects, made}, {evidence.PhaseVolumes, filled}}
}

func readySince(found []corev1.Pod) time.Time {
	var times []time.Time
	for _, p := range found {
		times = append(times, pods.Since(&p, corev1.PodReady))
	}
	return earliest(times...)
}

// judge sets the verdict of a record whose data is proven.
func (s *Site) judge(record *evidence.Record) {
	if record.RTO > record.Objectives.RTO {
		record.Reason = fmt.Sprintf(
			"the data is proven, but it took %s, and the objective is %s", Human(record.RTO.Duration()), s.Plan.RTO,
		)
		return
	}
	// on a bad day, old data is better than none
	if record.Kind == evidence.KindDrill && record.RPO > record.Objectives.RPO {
		record.Reason = fmt.Sprintf(
			"the data is proven, but is %s old, and the recovery point objective is %s", Human(record.RPO.Duration()),
			s.Plan.RPO,
		)
		return
	}
	record.Verdict = evidence.Proven
}

// keep stores the record. The cluster's copy is what criteria read, so only its failure is an error.
func (s *Site) keep(ctx context.Context, record *evidence.Record) error {
	record.FinishedAt = time.Now().UTC()
	name, err := shelf.Store(ctx, s.Cluster.Client, s.Vault, *record)
	if err != nil {
		return err
	}
	s.Say("evidence: ConfigMap %s/%s", s.Vault.Namespace, name)
	bucket, err := shelf.OpenBucket(ctx, s.Cluster.Client, s.Vault)
	key := ""
	if err == nil {
		key, err = bucket.Put(ctx, *record)
	}
	if err != nil {
		s.Say("WARNING: the evidence is not in the bucket, only in the cluster: %v", err)
		return nil
	}
	s.Say("evidence: %s/%s", bucket, key)
	return nil
}
