package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

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
