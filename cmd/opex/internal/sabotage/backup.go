package sabotage

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

var scheduleBreaches = []Breach{
	{
		Criterion: "SC-004",
		What:      "the backup's Schedule is paused",
		Says:      "is paused",
		do:        schedule(map[string]any{"paused": true}),
	},
	{
		Criterion: "SC-004",
		What:      "the backup's Schedule asks once a year",
		Says:      `has cron "0 0 1 1 *"`,
		do:        schedule(map[string]any{"schedule": "0 0 1 1 *"}),
	},
	{
		Criterion: "SC-004",
		What:      "the backup's Schedule leaves pods out, so that no hook runs",
		Says:      "leaves pods out",
		do:        schedule(template(map[string]any{"excludedResources": []any{"pods"}})),
	},
}

var retentionBreaches = []Breach{
	{
		Criterion: "SC-005",
		What:      "the Schedule alone keeps backups for a day",
		Says:      "keeps backups for",
		do:        schedule(template(map[string]any{"ttl": "24h0m0s"})),
	},
	{
		Criterion: "SC-005",
		What:      "the Schedule says nothing of how long backups are kept",
		Says:      "keeps backups for",
		do:        schedule(template(map[string]any{"ttl": nil})),
	},
	{
		Criterion: "SC-005",
		What:      "the newest complete backup expires a year later than agreed",
		Says:      "is kept for",
		do: func(ctx context.Context, s *Site) error {
			all, err := s.velero().Backups(ctx, s.Service.Backup.Schedule)
			if err != nil {
				return err
			}
			for _, b := range all {
				if b.Phase == velero.PhaseCompleted {
					later := b.Expiration.AddDate(1, 0, 0).UTC().Format(time.RFC3339)
					return s.patch(
						ctx, backups, s.Outputs.Backup.Namespace, b.Name,
						map[string]any{"status": map[string]any{"expiration": later}},
					)
				}
			}
			return fmt.Errorf("schedule %s has no complete backup", s.Service.Backup.Schedule)
		},
	},
}

var dumpBreaches = []Breach{
	{
		Criterion: "SC-006",
		database:  true,
		What:      "a backup whose hook says that all is well, and dumps nothing",
		Says:      "it copied an old one",
		do: badBackup(func(hook map[string]any) {
			hook["command"] = []any{"echo", "dump written"}
		}),
	},
	{
		Criterion: "SC-006",
		database:  true,
		What:      "a backup whose hook fails",
		Says:      "hooks failed",
		do: badBackup(func(hook map[string]any) {
			hook["command"] = []any{"sh", "-c", "echo no >&2; exit 1"}
		}),
	},
	{Criterion: "SC-006", database: true, What: "a backup without hooks", Says: "no hook ran", do: badBackup(nil)},
}

var drillBreaches = []Breach{
	{
		Criterion: "SC-007",
		What:      "the records of drills are edited by hand",
		Says:      "it was changed after it was written",
		do:        drills(false, func(r map[string]any) { r["rtoSeconds"] = 1 }),
	},
	{
		Criterion: "SC-007",
		What:      "the records of drills are another cluster's",
		Says:      "its cluster is",
		do:        drills(true, func(r map[string]any) { r["clusterUID"] = "another" }),
	},
	{
		Criterion: "SC-007",
		What:      "the dumps that the drills brought back were of an older database, by two days more than the RPO",
		Says:      "brought back data that was",
		do:        drills(true, olderDump),
	},
	{Criterion: "SC-007", What: "the drills are a year older", Says: "old, want", do: drills(true, aYearOlder)},
}

// backupWithin is how long a bad backup may take: it copies nothing of size.
const backupWithin = 10 * time.Minute

func (s *Site) velero() velero.Client {
	return velero.Client{Dynamic: s.Cluster.Dynamic, Namespace: s.Outputs.Backup.Namespace}
}

// schedule changes the service's Schedule.
func schedule(fields map[string]any) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		return s.patch(ctx, schedules, s.Outputs.Backup.Namespace, s.Service.Backup.Schedule, spec(fields))
	}
}

func template(fields map[string]any) map[string]any { return map[string]any{"template": fields} }

// badBackup makes a backup of the Schedule's with other hooks before it, or with none at all, and waits for its end. It
// is deleted again.
func badBackup(change func(hook map[string]any)) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		client := s.velero()
		from, err := client.Schedule(ctx, s.Service.Backup.Schedule)
		if err != nil {
			return err
		}
		wanted := runtime.DeepCopyJSON(from.Template)
		if changed := changeHooks(wanted, change); changed == 0 {
			return fmt.Errorf("schedule %s has no hook to change", from.Name)
		}
		labels := map[string]string{}
		maps.Copy(labels, from.Labels)
		labels[velero.LabelSchedule], labels[mark] = from.Name, made
		name := fmt.Sprintf("%s-sabotage-%d", from.Name, time.Now().Unix())
		s.later("backup "+name, func(ctx context.Context) error { return s.deleteBackup(ctx, name) })
		if _, err := client.CreateBackup(ctx, name, labels, nil, wanted); err != nil {
			return err
		}
		for began := time.Now(); ; {
			made, err := client.Backup(ctx, name)
			if err != nil {
				return err
			}
			if velero.Done(made.Phase) {
				return nil
			}
			if time.Since(began) > backupWithin {
				return fmt.Errorf("backup %s is still %s after %s", name, made.Phase, backupWithin)
			}
			if !sleep(ctx, lookEvery) {
				return context.Cause(ctx)
			}
		}
	}
}

// changeHooks changes the hooks before the backup, or takes all hooks away, and returns how many there were.
func changeHooks(template map[string]any, change func(hook map[string]any)) (found int) {
	hooks, _ := template["hooks"].(map[string]any)
	resources, _ := hooks["resources"].([]any)
	for _, r := range resources {
		resource, _ := r.(map[string]any)
		pre, _ := resource["pre"].([]any)
		for _, p := range pre {
			hook, _ := p.(map[string]any)
			if exec, is := hook["exec"].(map[string]any); is {
				found++
				if change != nil {
					change(exec)
				}
			}
		}
	}
	if change == nil {
		delete(template, "hooks")
	}
	return found
}

// deleteBackup asks Velero to delete a backup with all that it has of it, and waits until it is gone.
func (s *Site) deleteBackup(ctx context.Context, name string) error {
	client := s.velero()
	for asked := false; ; {
		backup, err := client.Backup(ctx, name)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil && !asked && velero.Done(backup.Phase) {
			request := map[string]any{
				"apiVersion": "velero.io/v1",
				"kind":       "DeleteBackupRequest",
				"metadata": map[string]any{
					"generateName": name + "-", "labels": map[string]any{"velero.io/backup-name": name, "velero.io/backup-uid": backup.UID}},
				"spec": map[string]any{"backupName": name},
			}
			_, err = s.Cluster.Dynamic.Resource(deletions).Namespace(s.Outputs.Backup.Namespace).
				Create(ctx, &unstructured.Unstructured{Object: request}, metav1.CreateOptions{})
			asked = err == nil
		}
		if err != nil {
			return err
		}
		if !sleep(ctx, lookEvery) {
			return fmt.Errorf("it is still there; velero backup delete %s, or wait until it expires", name)
		}
	}
}

// drills falsifies the records of the service's drills and restores.
func drills(sealed bool, change func(record map[string]any)) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		return s.falsify(ctx, s.Outputs.Backup.Namespace, sealed, change, evidence.KindDrill, evidence.KindRestore)
	}
}

// aside is the kind that a record has while a false one is in its place.
const aside = "aside"

// falsify puts all records of some kinds aside, and makes false ones in their place. Those that are sealed are as if
// they had been written so.
func (s *Site) falsify(
	ctx context.Context, namespace string, sealed bool, change func(record map[string]any), kinds ...string,
) error {
	found, err := shelf.Maps(ctx, s.Cluster.Client, namespace, s.Name, kinds...)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no record of %v", kinds)
	}
	for _, m := range found {
		var record map[string]any
		if err := json.Unmarshal(shelf.RecordOf(m), &record); err != nil {
			return err
		}
		change(record)
		text, err := json.Marshal(record)
		if err != nil {
			return err
		}
		data := map[string]any{}
		for key, value := range shelf.Seal(text) {
			if was, is := m.Data[key]; is && !sealed && value != string(text) {
				value = was // the digest of the record as it was written
			}
			data[key] = value
		}
		labels := map[string]any{}
		for key, value := range m.Labels {
			labels[key] = value
		}
		if err := s.patch(ctx, configMaps, namespace, m.Name, map[string]any{"metadata": map[string]any{"labels": map[string]any{shelf.LabelKind: aside}}}); err != nil {
			return err
		}
		if err := s.create(ctx, configMaps, namespace, map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": m.Name + "-false", "labels": labels}, "data": data}); err != nil {
			return err
		}
	}
	return nil
}

// olderDump makes a drill one of a dump that is too old, whatever its backup.
func olderDump(record map[string]any) {
	objectives, _ := record["objectives"].(map[string]any)
	rpo, _ := objectives["rpoSeconds"].(float64)
	record["rpoSeconds"] = rpo + (48 * time.Hour).Seconds()
}

func aYearOlder(record map[string]any) {
	text, _ := record["startedAt"].(string)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		record["startedAt"] = at.AddDate(-1, 0, 0).Format(time.RFC3339Nano)
	}
}
