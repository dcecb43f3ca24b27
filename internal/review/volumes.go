package review

import (
	"fmt"
	"slices"
	"strings"
)

const (
	backupVolumes  = "backup.velero.io/backup-volumes"
	excludeVolumes = "backup.velero.io/backup-volumes-excludes"
)

// dataRules are about whether what a backup is made for is in it.
var dataRules = []Rule{
	{ID: "BAK-14", Title: "Volumes to back up exist", Criteria: []string{"SC-006"}, Severity: Error,
		Source: "Velero, pkg/util/podvolume/pod_volume.go", Why: "Velero passes over a volume that the pod does not have.", check: volumesExist},
	{
		ID:       "BAK-17",
		Title:    "A dump lands on a volume that the backup saves",
		Criteria: []string{"SC-006"},
		Severity: Error,
		relates:  true,
		Source:   "https://velero.io/docs/main/file-system-backup/",
		Why:      "The hook succeeds and the backup is complete, and no dump is in it.",
		check:    dumpsAreSaved,
	},
	{
		ID:       "BAK-18",
		Title:    "A database of an operator has backups",
		Criteria: []string{"SC-004"},
		Severity: Error,
		relates:  true,
		Source:   "https://cloudnative-pg.io/docs/1.29/backup/",
		Why: "CloudNativePG makes no backup that nobody declares, and files of a running database " +
			"that Velero copies one after another may not start again.",
		check: clustersAreSaved,
	},
}

// saved says why a plan does not save what a container writes to a file; empty: it does, or nobody can tell.
func (p *plan) saved(w *workload, c container, file string) string {
	mount, volume := "", ""
	for _, m := range list(c.get("volumeMounts")) {
		at := strings.TrimSuffix(text(get(m, "mountPath")), "/")
		if (file == at || strings.HasPrefix(file, at+"/")) && len(at) >= len(mount) {
			mount, volume = at, text(get(m, "name"))
		}
	}
	if volume == "" {
		return fmt.Sprintf("%s is on no volume of container %s", file, c.name())
	}
	v := w.volume(volume)
	if v == nil {
		return ""
	}
	if !p.saves(w, volume) {
		return fmt.Sprintf(
			"%s is on the volume %s, which this backup does not save: neither a snapshot nor a file-system backup",
			file, volume,
		)
	}
	return ""
}

// saves says whether a plan saves a volume, by a snapshot of its claim or by copying its files. Where a policy decides,
// or Velero's own settings, it counts as saved.
func (p *plan) saves(w *workload, volume string) bool {
	return get(p.spec, "resourcePolicy") != nil || p.copies(w, volume) ||
		slices.Contains(w.claims(), volume) && get(p.spec, "snapshotVolumes") != false
}

// copies says whether Velero copies the files of a volume: pkg/util/podvolume/pod_volume.go, GetVolumesByPod.
func (p *plan) copies(w *workload, volume string) bool {
	v, notes := w.volume(volume), w.podAnnotations()
	for _, kind := range []string{"hostPath", "secret", "configMap", "projected", "downwardAPI"} {
		if get(v, kind) != nil {
			return false
		}
	}
	if get(p.spec, "defaultVolumesToFsBackup") == true || get(p.spec, "defaultVolumesToRestic") == true {
		return !slices.Contains(commas(notes[excludeVolumes]), volume)
	}
	return slices.Contains(commas(notes[backupVolumes]), volume)
}

// snapshots says whether a plan asks for snapshots of all claims of a workload, which are of one moment each. It must
// say so: by default Velero makes them only where it has a plugin for it.
func (p *plan) snapshots(w *workload) bool {
	asked := get(p.spec, "snapshotMoveData") == true || get(p.spec, "snapshotVolumes") == true
	claims := w.claims()
	return asked && get(p.spec, "snapshotVolumes") != false && len(claims) > 0 &&
		!slices.ContainsFunc(claims, func(v string) bool { return p.copies(w, v) })
}

func commas(text string) []string {
	var all []string
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

func volumesExist(s *world) (found []Finding) {
	for _, w := range s.making {
		have := w.volumeNames()
		for _, annotation := range []string{backupVolumes, excludeVolumes} {
			for _, volume := range commas(w.podAnnotations()[annotation]) {
				if !slices.Contains(have, volume) {
					found = append(
						found,
						Finding{Object: w.Object, Path: path(w.field("metadata.annotations"), annotation),
							Says: fmt.Sprintf("names %q, and its pods have %s", volume, strings.Join(have, ", "))},
					)
				}
			}
		}
	}
	return found
}

func dumpsAreSaved(s *world) (found []Finding) {
	for _, p := range s.plans {
		for _, w := range p.covered {
			if databaseOf(w) != nil &&
				slices.ContainsFunc(p.beside, func(q *plan) bool { return s.dumped(q, w) && !s.dumped(p, w) }) {
				continue // another Schedule dumps it
			}
			for _, r := range s.before(p, w) {
				c, is := r.runsIn(w)
				if !is {
					continue // BAK-05 says so
				}
				for _, d := range dumpsOf(r.argv) {
					if own := databaseOf(w); own != nil && !slices.Contains(own.dumps, d.program) {
						continue // BAK-12 says so
					}
					if why := p.lost(w, c, d); why != "" {
						found = append(
							found,
							Finding{
								Object: r.of,
								Path:   r.field("command"),
								Says:   fmt.Sprintf("%s in the pods of %s: %s", d.program, w, why),
							},
						)
					}
				}
			}
		}
	}
	return found
}

// lost says why a dump is not in a plan's backup; empty: it is, or nobody can tell.
func (p *plan) lost(w *workload, c container, d dump) string {
	switch {
	case d.away:
		return ""
	case d.file == "":
		return "it writes to its output, which ends in Velero's log"
	case d.file == "/dev/null" || d.file == "/dev/stdout" || d.file == "/dev/stderr":
		return "it writes to " + d.file
	}
	return p.saved(w, c, d.file)
}

// followsAnother says whether a CloudNativePG cluster is a replica of another one, whose data it has.
// https://cloudnative-pg.io/documentation/current/replica_cluster/
func followsAnother(cluster Object) bool {
	primary := text(cluster.get("spec.replica.primary"))
	return cluster.get("spec.replica.enabled") == true || primary != "" && primary != cluster.Name()
}

func clustersAreSaved(s *world) (found []Finding) {
	for _, o := range s.of(cloudNative, "Cluster") {
		if o.get("spec.backup") != nil || len(list(o.get("spec.plugins"))) > 0 || o.annotations()[leftOut] == "true" ||
			followsAnother(o) {
			continue
		}
		own := slices.ContainsFunc(s.of(cloudNative, "ScheduledBackup"), func(b Object) bool {
			return text(b.get("spec.cluster.name")) == o.Name() && near(b.declared(), o.declared())
		})
		hooked := slices.ContainsFunc(s.hooks, func(h *hook) bool {
			labels := map[string]string{
				"cnpg.io/cluster":      o.Name(),
				"cnpg.io/instanceRole": "primary",
				"role":                 "primary",
				"cnpg.io/podRole":      "instance",
			}
			return h.plan != nil && get(h.entry, "labelSelector") != nil &&
				selects(get(h.entry, "labelSelector"), labels) &&
				slices.ContainsFunc(h.runs, func(r *run) bool { return len(dumpsOf(r.argv)) > 0 })
		})
		if !own && !hooked {
			found = append(
				found,
				Finding{
					Object: o,
					Path:   path("spec.backup"),
					Says:   "is not set, no ScheduledBackup names it, and no hook dumps it",
				},
			)
		}
	}
	return found
}
