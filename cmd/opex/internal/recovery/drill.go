package recovery

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// DrillOptions are those of one drill.
type DrillOptions struct {
	From      string        // backup, or Newest; empty: make one
	Namespace string        // to restore into; empty: a name of its own
	Replicas  int           // of each Deployment of the copy; 0: as backed up
	Keep      bool          // the copy stays
	Timeout   time.Duration // of backup and restore each; 0: reckoned from the plan
}

// cleanupLimit is how long a clean-up may take.
const cleanupLimit = 10 * time.Minute

// Drill restores a backup of the service beside it and proves it. The record is empty where the error is
// refusal.Refused, or the drill was interrupted. Quit ends the clean-up; what is left is then in the error.
func (s *Site) Drill(
	ctx context.Context, o DrillOptions, quit func() (context.Context, context.CancelFunc),
) (record evidence.Record, err error) {
	d := &drill{Site: s, options: o, target: o.Namespace}
	if d.target == "" {
		d.target = scratchName(s.Service.Namespace)
	}
	if err := refusal.Of(d.preflight(ctx)...); err != nil {
		return record, err
	}
	held, release, err := s.hold(ctx, evidence.KindDrill)
	if err != nil {
		return record, err
	}
	s.clearLeftovers(held)
	s.clearQueue(held)
	record = s.record(evidence.KindDrill, d.target, time.Now())
	failure := d.do(held, &record)

	after, end := quit()
	defer end()
	var wrong []error
	if held.Err() != nil {
		wrong = append(
			wrong, fmt.Errorf("the drill did not come to its end, so it is no evidence: %w", context.Cause(held)),
		)
		if record.Backup.Fresh {
			s.Say("the backup %s stays, and expires like any other", record.Backup.Name)
		}
		record = evidence.Record{}
	} else {
		if failure != nil {
			record.Verdict, record.Reason = evidence.Failed, failure.Error()
		} else {
			s.judge(&record)
		}
		wrong = append(wrong, s.keep(after, &record))
	}
	wrong = append(wrong, d.clean(after), release(context.WithoutCancel(after)))
	return record, errors.Join(wrong...)
}

// drill is one that runs.
type drill struct {
	*Site
	options  DrillOptions
	target   string
	schedule velero.Schedule
	backup   velero.Backup // to restore
	undo     cleanup       // of the copy
	sentinel cleanup       // of the live service
}

// preflight finds all problems. It changes nothing.
func (d *drill) preflight(ctx context.Context) (problems []string) {
	if held := d.claim(evidence.KindDrill).Taken(ctx); len(held) > 0 {
		return held // and its restore is the one in the queue
	}
	fresh := d.options.From == ""
	problems = append(problems, d.checkVault(ctx, fresh)...)
	if fresh {
		schedule, wrong := d.checkSchedule(ctx)
		d.schedule = schedule
		problems = append(problems, wrong...)
	} else {
		backup, passed, wrong := d.choose(ctx, d.options.From, time.Now())
		d.backup = backup
		problems = append(problems, wrong...)
		for _, p := range passed {
			d.Say("passed over %s", p)
		}
	}
	problems = append(problems, d.checkQueue(ctx, d.ofDrill)...)
	return append(problems, d.checkTarget(ctx, d.target)...)
}

// do makes the backup, restores it and fills the record. The error is why it is no proof.
func (d *drill) do(ctx context.Context, record *evidence.Record) error {
	q := d.plainQuestion()
	if d.options.From == "" {
		known, err := d.freshBackup(ctx, record)
		if err != nil {
			return err
		}
		if known != nil {
			q = question{paths: []string{known.path}, record: known.record}
		}
	} else if d.Plan.Sentinel != nil {
		d.Say("no sentinel, since the backup was there before: the first answer proves that the service answers, the tables prove its data")
	}
	record.Backup.Name, record.Backup.UID = d.backup.Name, d.backup.UID
	record.Backup.StartedAt, record.Backup.CompletedAt = d.backup.Started.UTC(), d.backup.Completed.UTC()

	r := &run{site: d.Site, name: d.drillPrefix() + compact(record.StartedAt), backup: d.backup.Name, target: d.target,
		rules: asCopy(d.options.Replicas, d.Service.Selector), leftOut: leftOutOfCopy, question: q}
	record.Restore = r.name
	if err := d.makeNamespace(ctx, r.name); err != nil {
		return err
	}
	d.undo.add(
		"Restore and ConfigMap "+d.Vault.Namespace+"/"+r.name,
		fmt.Sprintf(
			"%s; kubectl -n %s delete restores.velero.io,configmaps %s", d.cancelCommand(r.name), d.Vault.Namespace,
			r.name,
		),
		func(ctx context.Context) error { return r.remove(ctx) },
	)
	d.Say("restoring %s into namespace %s", d.backup.Name, d.target)
	if err := r.begin(ctx); err != nil {
		return err
	}
	record.DecidedAt, record.Backup.Age = r.decided.UTC(), evidence.InSeconds(r.decided.Sub(d.backup.When()))
	limit := d.options.Timeout
	if limit == 0 {
		limit = d.restoreLimit()
	}
	answered, err := r.follow(ctx, limit)
	if err != nil {
		return err
	}
	return r.prove(ctx, record, d.backup, answered)
}

// freshBackup puts the sentinel in, makes the backup, and takes the sentinel out again.
func (d *drill) freshBackup(ctx context.Context, record *evidence.Record) (known *sentinel, err error) {
	if d.Plan.Sentinel != nil {
		known, err = d.putSentinel(ctx, func(path string) {
			d.sentinel.add(
				"the record "+path+" of "+d.Name,
				fmt.Sprintf("kubectl -n %s delete --raw /api/v1/namespaces/%s/services/http:%s:%d/proxy%s",
					d.Service.Namespace, d.Service.Namespace, d.endpoint.Service, d.endpoint.Port, path),
				func(ctx context.Context) error { return d.deleteSentinel(ctx, path) },
			)
		})
		if err != nil {
			return nil, err
		}
		d.Say("sentinel: the record %s is in the live service until the backup is made", known.path)
	} else {
		d.Say("the stack names no sentinel: the first answer proves only that the service answers")
	}
	limit := d.options.Timeout
	if limit == 0 {
		limit = d.backupLimit(d.schedule)
	}
	d.backup, err = d.makeBackup(ctx, d.schedule, record.StartedAt, limit)
	record.Backup.Name, record.Backup.Fresh = d.backup.Name, d.backup.Name != ""
	if err != nil {
		return nil, err
	}
	// Without it in the live service, nobody but the copy can answer with it.
	return known, d.sentinel.run(ctx)
}

// makeNamespace makes the copy's namespace, with the labels of the service's own. It fails where somebody was quicker.
func (d *drill) makeNamespace(ctx context.Context, restore string) error {
	spaces := d.Cluster.Client.CoreV1().Namespaces()
	labels := map[string]string{}
	if live, err := spaces.Get(ctx, d.Service.Namespace, metav1.GetOptions{}); err == nil {
		maps.Copy(labels, live.Labels)
	} else if !apierrors.IsNotFound(err) {
		return err
	}
	delete(labels, corev1.LabelMetadataName)
	labels[contract.LabelManagedBy], labels[labelDrill] = "opex", d.Name
	made, err := spaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.target, Labels: labels,
		Annotations: map[string]string{
			annotationRestore: restore,
			annotationKept:    strconv.FormatBool(d.options.Keep),
		}}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("namespace %s for the copy: %w", d.target, err)
	}
	d.undo.add(
		"namespace "+d.target, "kubectl delete namespace "+d.target,
		func(ctx context.Context) error { return d.removeNamespace(ctx, made.Name, made.UID) },
	)
	return nil
}

// clean removes the copy, unless it is to be kept, and what is left of the sentinel.
func (d *drill) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupLimit)
	defer cancel()
	var copyError error
	switch {
	case len(d.undo.steps) == 0:
	case d.options.Keep:
		for _, s := range d.undo.steps {
			d.Say("kept: %s; to remove it: %s", s.what, s.command)
		}
	default:
		d.Say("cleaning up: namespace %s goes (Ctrl-C ends this and says what is left)", d.target)
		copyError = d.undo.run(ctx)
	}
	return errors.Join(d.sentinel.run(ctx), copyError)
}

// restoreLimit is how long a restore may take: twice the objective, so that a slow one is measured and not only cut
// off.
func (s *Site) restoreLimit() time.Duration { return 2 * s.rto }

// scratchName is one that nobody has.
func scratchName(namespace string) string {
	const longest = 63 - len("-drill-") - 6
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails
	return namespace[:min(len(namespace), longest)] + "-drill-" + hex.EncodeToString(random[:])
}
