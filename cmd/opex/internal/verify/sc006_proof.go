package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// newDump is the next step where a dump is no good.
const newDump = "opex drill makes a backup with a new dump and tries it"

// judgeDump holds the dump that the hook left against the backup that it was made for.
func (w *World) judgeDump(ctx context.Context, service contract.Service, b velero.Backup, volumes []velero.PodVolume,
	running string) Result {
	database := service.Database
	pods, err := w.runningIn(ctx, service.Namespace, database.Selector)
	if err != nil {
		return podsUnlisted(service.Namespace, err, "list pods")
	}
	if len(pods) != 1 {
		return unproven(
			fmt.Sprintf(
				"%d pods of statefulset %s are Running, want the one whose dump this is", len(pods),
				database.StatefulSet,
			),
			getPods(service.Namespace),
		)
	}
	pod := pods[0]
	volume, missing := w.dumpCopy(b, volumes, pod, database.DumpVolume)
	if missing != nil {
		return *missing
	}
	d, err := w.readDump(ctx, pod, database.Container, *service.Backup.Dump, b)
	if err != nil {
		return w.judgeUnread(ctx, err, service.Backup.Schedule, b, running)
	}
	result := judgeContent(d, b, volume, running)
	if result.Verdict == Pass {
		w.Proven.keep(pod, b, d)
	}
	m := d.manifest
	seen := fmt.Sprintf("%d bytes, %d tables by pg_restore --list, sha256 %s", d.bytes, d.entries, d.sha256)
	if !d.readAt.Equal(w.Now) {
		seen += fmt.Sprintf("; read %s, and its files have the same inodes, sizes and times since", utc(d.readAt))
	}
	said := fmt.Sprintf(
		"%d bytes, %d tables, sha256 %s, from %s to %s", m.DumpBytes, len(m.Tables), m.SHA256, utc(m.StartedAt),
		utc(m.FinishedAt),
	)
	result.Evidence = []Fact{{"dump in pod " + pod.Name, seen}, {"its manifest", said}}
	return result
}

// dumpCopy returns a backup's copy of a pod's dump volume; or what to say where it is not whole.
func (w *World) dumpCopy(
	b velero.Backup, volumes []velero.PodVolume, pod corev1.Pod, name string,
) (velero.PodVolume, *Result) {
	i := slices.IndexFunc(volumes, func(v velero.PodVolume) bool {
		return v.PodNamespace == pod.Namespace && v.Pod == pod.Name && v.Volume == name
	})
	if i < 0 {
		r := fail(
			fmt.Sprintf("backup %s has no copy of volume %s of pod %s: the dump is not in it", b.Name, name, pod.Name),
			"opex verify --only SC-004; "+w.veleroLogs(b.Name),
		)
		return velero.PodVolume{}, &r
	}
	volume := volumes[i]
	if volume.Phase != velero.PhaseCompleted || volume.BytesDone < volume.TotalBytes {
		r := fail(
			fmt.Sprintf("in backup %s the copy of volume %s is %s, with %d of %d bytes: %s", b.Name, volume.Volume,
				volume.Phase, volume.BytesDone, volume.TotalBytes, volume.Message),
			w.veleroLogs(b.Name),
		)
		return velero.PodVolume{}, &r
	}
	return volume, nil
}

// judgeUnread judges a dump that could not be read. While another backup is made, it may be that one's.
func (w *World) judgeUnread(ctx context.Context, err error, schedule string, b velero.Backup, running string) Result {
	var exit kube.ErrExit
	exited := errors.As(err, &exit)
	if exited && running == "" {
		running = w.begunSince(ctx, schedule, b)
	}
	switch {
	case running != "":
		return unproven(fmt.Sprintf("the dump could not be read while another backup is made (%s): %v", running, err),
			"Look again when it has ended")
	case exited:
		return fail("the dump is not there, or not readable: "+err.Error(), newDump)
	}
	return unproven(err.Error(), "Look whether the pod runs, and whether the kubeconfig may create pods/exec")
}

// begunSince names a backup that was begun after the world was looked at, or nothing. It puts another dump in the place
// of the one that was being read.
func (w *World) begunSince(ctx context.Context, schedule string, b velero.Backup) string {
	if all, err := w.velero().Backups(ctx, schedule); err == nil && len(all) > 0 && all[0].When().After(b.When()) {
		return fmt.Sprintf("%s, %s since %s", all[0].Name, all[0].Phase, utc(all[0].When()))
	}
	return ""
}

// judgeContent holds a dump against its manifest, and against the backup.
func judgeContent(d dump, b velero.Backup, volume velero.PodVolume, running string) Result {
	if d.bytes == 0 || d.manifest.DumpBytes == 0 {
		return fail("the dump is empty", newDump)
	}
	if result := judgeDumpTime(d, b, running); result.Verdict != Pass {
		return result
	}
	m := d.manifest
	switch {
	case d.bytes != m.DumpBytes || d.sha256 != m.SHA256:
		return fail(
			fmt.Sprintf(
				"the dump is damaged: %d bytes, sha256 %.12s, and its manifest says %d, %.12s", d.bytes, d.sha256,
				m.DumpBytes, m.SHA256,
			),
			newDump,
		)
	case d.entries != len(m.Tables):
		return fail(
			fmt.Sprintf("the dump holds the data of %d tables, and its manifest names %d", d.entries, len(m.Tables)),
			newDump,
		)
	case len(m.Tables) == 0:
		return unproven(
			"the database has no table, so the dump proves nothing", "Look again when the service has made its tables",
		)
	case volume.TotalBytes < m.DumpBytes:
		return fail(
			fmt.Sprintf("backup %s copied %d bytes of volume %s, and the dump alone has %d", b.Name, volume.TotalBytes,
				volume.Volume, m.DumpBytes),
			newDump,
		)
	}
	return pass(fmt.Sprintf("%s: %d tables in %d bytes, dumped %s", b.Name, d.entries, d.bytes, utc(m.StartedAt)))
}

// judgeDumpTime judges whether the dump was made while the backup was.
func judgeDumpTime(d dump, b velero.Backup, running string) Result {
	m := d.manifest
	early := m.StartedAt.Before(b.Started.Add(-time.Second)) // both times are whole seconds
	switch {
	case m.StartedAt.IsZero() || m.FinishedAt.Before(m.StartedAt):
		return unproven("the manifest does not say when the dump was made", newDump)
	case m.StartedAt.After(b.Completed) && running != "":
		return unproven(
			fmt.Sprintf("the dump is of %s, newer than backup %s: another backup is being made (%s)", utc(m.StartedAt),
				b.Name, running),
			"Look again when it has ended",
		)
	case m.StartedAt.After(b.Completed):
		return unproven(
			fmt.Sprintf(
				"the dump is of %s, newer than backup %s, and no backup of the Schedule made it", utc(m.StartedAt),
				b.Name,
			),
			newDump,
		)
	case early && d.origin == "restored":
		return unproven(
			fmt.Sprintf("the dump is of %s and came back with a restore: that of backup %s is not here to be looked at",
				utc(m.StartedAt), b.Name),
			newDump,
		)
	case early:
		return fail(
			fmt.Sprintf("the dump is of %s, and backup %s started %s: it copied an old one", utc(m.StartedAt), b.Name,
				utc(b.Started)),
			newDump,
		)
	case m.FinishedAt.After(b.Completed):
		return fail(
			fmt.Sprintf("the dump was finished %s, and backup %s ended %s, without it", utc(m.FinishedAt), b.Name,
				utc(b.Completed)),
			newDump,
		)
	}
	return pass("")
}
