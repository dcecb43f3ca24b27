package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/crons"
)

// slack is how late a backup may be: Velero looks at its Schedules once a minute, and a backup takes its time.
const slack = 10 * time.Minute

// vaultMemos is what was asked of the vault.
type vaultMemos struct {
	schedules memo[velero.Grouped[velero.Schedule]]
	backups   memo[velero.Grouped[velero.Backup]]
	volumes   memo[velero.Grouped[velero.PodVolume]]
	locations memo[velero.StorageLocation]
	server    memo[*appsv1.Deployment]
	dumps     memo[dump]
	records   memo[[]evidence.Record]
}

func (w *World) velero() velero.Client {
	return velero.Client{Dynamic: w.Cluster.Dynamic, Namespace: w.Outputs.Backup.Namespace}
}

// schedule is the Schedule of that name, or nil where there is none.
func (w *World) schedule(ctx context.Context, name string) (*velero.Schedule, error) {
	all, err := w.vault.schedules.get(ctx, "", func(ctx context.Context) (velero.Grouped[velero.Schedule], error) {
		return w.velero().AllSchedules(ctx)
	})
	if err != nil {
		return nil, err
	}
	found, err := all.Of(name)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// backups are those of a Schedule that Velero does not delete just now, the newest first.
func (w *World) backups(ctx context.Context, schedule string) ([]velero.Backup, error) {
	all, err := w.vault.backups.get(
		ctx, "", func(ctx context.Context) (velero.Grouped[velero.Backup], error) { return w.velero().AllBackups(ctx) },
	)
	if err != nil {
		return nil, err
	}
	found, err := all.Of(schedule)
	return slices.DeleteFunc(slices.Clone(found), func(b velero.Backup) bool { return b.Deleting }), err
}

func (w *World) volumesIn(ctx context.Context, backup string) ([]velero.PodVolume, error) {
	all, err := w.vault.volumes.get(ctx, "", func(ctx context.Context) (velero.Grouped[velero.PodVolume], error) {
		return w.velero().AllPodVolumeBackups(ctx)
	})
	if err != nil {
		return nil, err
	}
	return all.Of(velero.LabelValue(backup))
}

func (w *World) location(ctx context.Context) (velero.StorageLocation, error) {
	return w.vault.locations.get(ctx, "", func(ctx context.Context) (velero.StorageLocation, error) {
		return w.velero().StorageLocation(ctx, w.Outputs.Backup.StorageLocation)
	})
}

func (w *World) veleroServer(ctx context.Context) (*appsv1.Deployment, error) {
	return w.vault.server.get(ctx, "", func(ctx context.Context) (*appsv1.Deployment, error) {
		vault := w.Outputs.Backup
		return w.Cluster.Client.AppsV1().Deployments(vault.Namespace).Get(ctx, vault.Deployment, metav1.GetOptions{})
	})
}

// records are those of a service's drills and restores, the newest first.
func (w *World) records(ctx context.Context, service string) ([]evidence.Record, error) {
	return w.vault.records.get(ctx, service, func(ctx context.Context) ([]evidence.Record, error) {
		maps, err := w.evidenceIn(ctx, w.Outputs.Backup.Namespace, evidence.KindDrill, evidence.KindRestore)
		if err != nil {
			return nil, err
		}
		return shelf.Recoveries(maps, service)
	})
}

// evidenceIn are the records of all services, of kinds that are kept together.
func (w *World) evidenceIn(ctx context.Context, namespace string, kinds ...string) ([]corev1.ConfigMap, error) {
	return w.evidence.get(ctx, namespace+"/"+kinds[0], func(ctx context.Context) ([]corev1.ConfigMap, error) {
		return shelf.Maps(ctx, w.Cluster.Client, namespace, "", kinds...)
	})
}

// runningIn are the pods of a namespace that a selector finds and whose containers run.
func (w *World) runningIn(ctx context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	all, err := w.podsIn(ctx, namespace)
	var found []corev1.Pod
	for _, pod := range all {
		if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil && selects(selector, pod.Labels) {
			found = append(found, pod)
		}
	}
	return found, err
}

// plan is a contract.BackupPlan whose texts were read.
type plan struct {
	contract.BackupPlan
	cron                    cron.Schedule
	ttl, rpo, rto, drillAge time.Duration
	pre, post               *hook // nil: outputs of an older version, or no database
}

// hook is a contract.Hook whose timeout was read.
type hook struct {
	command []string
	timeout time.Duration
}

// plan returns how a service is backed up; or what to say of one that is not.
func (w *World) plan(service contract.Service) (plan, *Result) {
	not := func(r Result) (plan, *Result) { return plan{}, &r }
	switch {
	case service.NoBackup != "":
		return not(notApplicable("the service is not backed up: " + service.NoBackup))
	case w.Outputs.Backup == nil:
		return not(unproven("backups are off in this stack", "Set opex:backup.enabled to true and run `pulumi up`"))
	case service.Backup == nil:
		return not(unproven("the stack's outputs have no plan for backups of the service", writeOutputs))
	}
	read, err := readPlan(*service.Backup)
	if err != nil {
		return not(unproven("the stack's outputs: "+err.Error(), writeOutputs))
	}
	return read, nil
}

func readPlan(p contract.BackupPlan) (plan, error) {
	read := plan{BackupPlan: p}
	var wrong []error
	duration := func(name, text string, into *time.Duration) {
		var err error
		if *into, err = time.ParseDuration(text); err != nil || *into <= 0 {
			wrong = append(wrong, fmt.Errorf("%s is %q, want a duration such as 24h", name, text))
		}
	}
	duration("ttl", p.TTL, &read.ttl)
	duration("rpo", p.RPO, &read.rpo)
	duration("rto", p.RTO, &read.rto)
	duration("drillAge", p.DrillAge, &read.drillAge)
	if d := p.Dump; d != nil && d.Pre != nil && d.Post != nil {
		read.pre, read.post = &hook{command: d.Pre.Command}, &hook{command: d.Post.Command}
		duration("dump.pre.timeout", d.Pre.Timeout, &read.pre.timeout)
		duration("dump.post.timeout", d.Post.Timeout, &read.post.timeout)
	}
	var err error
	if read.cron, err = crons.Parse(p.Cron); err != nil {
		wrong = append(wrong, fmt.Errorf("cron is %q: %w", p.Cron, err))
	}
	return read, errors.Join(wrong...)
}

// nextForRecords is what to do about records that could not be listed, or not be read. A bad one may be the newest.
func nextForRecords(err error, again string) string {
	if errors.Is(err, shelf.ErrBad) {
		return "Delete that ConfigMap, then " + again
	}
	return nextForLookup(err, "list configmaps")
}

// nextForVelero is what to do about a question to Velero's kinds that was not answered. The right is such as `list
// backups`.
func nextForVelero(err error, right string) string {
	if errors.Is(err, velero.ErrNotInstalled) {
		return "`pulumi up` installs it"
	}
	return nextForLookup(err, right+" in velero.io")
}

// veleroLogs is where to read why something of a backup went wrong.
func (w *World) veleroLogs(about string) string {
	// Not deployment/velero: its selector finds the node agent's pods too, and kubectl takes the first.
	return fmt.Sprintf(
		"kubectl --namespace %s logs --selector=name=velero --tail=-1 | grep %s", w.Outputs.Backup.Namespace, about,
	)
}

// exact is a duration without parts that are zero: 24h, not 24h0m0s.
func exact(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }
