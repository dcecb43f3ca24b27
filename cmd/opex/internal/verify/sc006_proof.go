package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// dump is what lies in a database's dump volume.
type dump struct {
	bytes    int64
	sha256   string
	entries  int    // TABLE DATA in it, as pg_restore lists them
	origin   string // restored: it came back with a restore and was loaded; made: a backup's hook made it here
	manifest manifest
	readAt   time.Time
	state    string // of its files when it was read, by which a change of them is seen
}

// manifest is what the hook says of its dump.
type manifest struct {
	StartedAt  time.Time  `json:"startedAt"`
	FinishedAt time.Time  `json:"finishedAt"`
	DumpBytes  int64      `json:"dumpBytes"`
	SHA256     string     `json:"sha256"`
	Tables     []struct{} `json:"tables"`
}

// inspect stays in the folder of the dump that it began with: a backup meanwhile puts another folder in its place. The
// load after a restore leaves the file loaded there. Whoever writes a file changes its time of change, which cannot be
// set back. The state is taken before the reading: what changes meanwhile differs at the next look.
const inspect = `set -eu
cd "${1%/*}"
state=$(stat --printf='%n %d:%i %s %y %z; ' "${2##*/}" "${1##*/}" loaded 2> /dev/null || true)
if [ -n "$3" ] && [ "$state" = "$3" ]; then
  echo untouched
  exit
fi
bytes=$(stat --format=%s "${2##*/}")
sum=$(sha256sum < "${2##*/}" | cut -c1-64)
list=$(pg_restore --list "${2##*/}")
entries=$(printf '%s\n' "$list" | grep -c ' TABLE DATA ' || true)
origin=made
[ ! -e loaded ] || origin=restored
echo "$bytes $sum $entries $origin"
echo "$state"
cat "${1##*/}"`

// readDump looks at a dump in the database's container. What does not let itself be read there is a kube.ErrExit.
func (w *World) readDump(
	ctx context.Context, pod corev1.Pod, container string, at contract.Dump, b velero.Backup,
) (dump, error) {
	return w.vault.dumps.get(ctx, pod.Namespace+"/"+pod.Name, func(ctx context.Context) (dump, error) {
		known := w.Proven.dump(pod, b, w.Now)
		out, _, err := w.Cluster.Exec(ctx, pod.Namespace, pod.Name, container,
			[]string{"sh", "-c", inspect, "inspect", at.Manifest, at.File, known.state}, nil)
		if err != nil {
			return dump{}, err
		}
		if known.state != "" && string(out) == "untouched\n" {
			return known, nil
		}
		d := dump{readAt: w.Now}
		head, rest, _ := strings.Cut(string(out), "\n")
		if _, err := fmt.Sscan(head, &d.bytes, &d.sha256, &d.entries, &d.origin); err != nil {
			return dump{}, fmt.Errorf("what pod %s says of its dump is %q: %w", pod.Name, head, err)
		}
		var text string
		d.state, text, _ = strings.Cut(rest, "\n")
		if err := json.Unmarshal([]byte(text), &d.manifest); err != nil {
			return dump{}, fmt.Errorf("the manifest %s in pod %s: %w", at.Manifest, pod.Name, err)
		}
		return d, nil
	})
}

// judgeDump holds the dump that the hook left against the backup that it was made for.
func (w *World) judgeDump(ctx context.Context, service contract.Service, b velero.Backup, volumes []velero.PodVolume,
	running string) Result {
	database := service.Database
	pods, err := w.runningIn(ctx, service.Namespace, database.Selector)
	if err != nil {
		return unproven(fmt.Sprintf("the pods of namespace %s could not be listed: %v", service.Namespace, err),
			nextForLookup(err, "list pods"))
	}
	if len(pods) != 1 {
		return unproven(
			fmt.Sprintf(
				"%d pods of statefulset %s are Running, want the one whose dump this is", len(pods),
				database.StatefulSet,
			),
			"kubectl --namespace "+service.Namespace+" get pods",
		)
	}
	pod := pods[0]
	i := slices.IndexFunc(volumes, func(v velero.PodVolume) bool {
		return v.PodNamespace == pod.Namespace && v.Pod == pod.Name && v.Volume == database.DumpVolume
	})
	if i < 0 {
		return fail(
			fmt.Sprintf(
				"backup %s has no copy of volume %s of pod %s: the dump is not in it", b.Name, database.DumpVolume,
				pod.Name,
			),
			"opex verify --only SC-004; "+w.veleroLogs(b.Name),
		)
	}
	volume := volumes[i]
	if volume.Phase != velero.PhaseCompleted || volume.BytesDone < volume.TotalBytes {
		return fail(
			fmt.Sprintf("in backup %s the copy of volume %s is %s, with %d of %d bytes: %s", b.Name, volume.Volume,
				volume.Phase, volume.BytesDone, volume.TotalBytes, volume.Message),
			w.veleroLogs(b.Name),
		)
	}
	d, err := w.readDump(ctx, pod, database.Container, *service.Backup.Dump, b)
	var exit kube.ErrExit
	if errors.As(err, &exit) && running == "" {
		running = w.begunSince(ctx, service.Backup.Schedule, b)
	}
	switch {
	case err != nil && running != "":
		return unproven(fmt.Sprintf("the dump could not be read while another backup is made (%s): %v", running, err),
			"Look again when it has ended")
	case errors.As(err, &exit):
		return fail(
			"the dump is not there, or not readable: "+err.Error(),
			"opex drill makes a backup with a new dump and tries it",
		)
	case err != nil:
		return unproven(err.Error(), "Look whether the pod runs, and whether the kubeconfig may create pods/exec")
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
	const again = "opex drill makes a backup with a new dump and tries it"
	m := d.manifest
	switch {
	case d.bytes == 0 || m.DumpBytes == 0:
		return fail("the dump is empty", again)
	case m.StartedAt.IsZero() || m.FinishedAt.Before(m.StartedAt):
		return unproven("the manifest does not say when the dump was made", again)
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
			again,
		)
	case m.StartedAt.Before(b.Started.Add(-time.Second)) && d.origin == "restored": // both times are whole seconds
		return unproven(
			fmt.Sprintf("the dump is of %s and came back with a restore: that of backup %s is not here to be looked at",
				utc(m.StartedAt), b.Name),
			again,
		)
	case m.StartedAt.Before(b.Started.Add(-time.Second)):
		return fail(
			fmt.Sprintf("the dump is of %s, and backup %s started %s: it copied an old one", utc(m.StartedAt), b.Name,
				utc(b.Started)),
			again,
		)
	case m.FinishedAt.After(b.Completed):
		return fail(
			fmt.Sprintf("the dump was finished %s, and backup %s ended %s, without it", utc(m.FinishedAt), b.Name,
				utc(b.Completed)),
			again,
		)
	case d.bytes != m.DumpBytes || d.sha256 != m.SHA256:
		return fail(
			fmt.Sprintf(
				"the dump is damaged: %d bytes, sha256 %.12s, and its manifest says %d, %.12s", d.bytes, d.sha256,
				m.DumpBytes, m.SHA256,
			),
			again,
		)
	case d.entries != len(m.Tables):
		return fail(
			fmt.Sprintf("the dump holds the data of %d tables, and its manifest names %d", d.entries, len(m.Tables)),
			again,
		)
	case len(m.Tables) == 0:
		return unproven(
			"the database has no table, so the dump proves nothing", "Look again when the service has made its tables",
		)
	case volume.TotalBytes < m.DumpBytes:
		return fail(
			fmt.Sprintf("backup %s copied %d bytes of volume %s, and the dump alone has %d", b.Name, volume.TotalBytes,
				volume.Volume, m.DumpBytes),
			again,
		)
	}
	return pass(fmt.Sprintf("%s: %d tables in %d bytes, dumped %s", b.Name, d.entries, d.bytes, utc(m.StartedAt)))
}
