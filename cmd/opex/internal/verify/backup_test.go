package verify

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// planned changes the plan of the service.
func planned(change func(*contract.BackupPlan)) change {
	return service(func(s *contract.Service) { change(s.Backup) })
}

// newest and older are the backups of the scene.
const (
	older  = "items.0."
	newest = "items.1."
	volume = "items.0."
)

var ofSchedule = map[string]any{velero.LabelSchedule: "staging-task-api"}

// backup is one that is added to the scene; what it holds stands in its status.
func backup(name, created string, status map[string]any) change {
	return adding(
		backups,
		"items",
		map[string]any{
			"metadata": map[string]any{"name": name, "creationTimestamp": created, "labels": ofSchedule},
			"status":   status,
		},
	)
}

// underWay is a backup that began just now.
var underWay = backup(
	"now",
	"2026-11-22T11:59:00Z",
	map[string]any{"phase": "InProgress", "startTimestamp": "2026-11-22T11:59:00Z"},
)

// sharedVerdicts adds what all criteria of backups say alike.
func sharedVerdicts(v verdicts) verdicts {
	add := func(name string, how change, want Verdict, says string) {
		v[name] = struct {
			change change
			want   Verdict
			says   string
		}{how, want, says}
	}
	add(
		"a service that is not backed up",
		service(func(s *contract.Service) { s.Backup, s.NoBackup = nil, "it keeps nothing" }), NotApplicable,
		"the service is not backed up: it keeps nothing",
	)
	add(
		"backups that are off", all(noVault, service(func(s *contract.Service) { s.Backup = nil })), Unproven,
		"backups are off in this stack",
	)
	add(
		"outputs without a plan", service(func(s *contract.Service) { s.Backup = nil }), Unproven,
		"no plan for backups",
	)
	add(
		"a plan of nonsense", planned(func(p *contract.BackupPlan) { p.RPO, p.TTL, p.Cron = "a day", "0s", "daily" }),
		Unproven,
		`ttl is "0s", want a duration such as 24h rpo is "a day", want a duration such as 24h cron is "daily"`,
	)
	return v
}

// unhooked makes outputs such as an older version wrote.
var unhooked = planned(func(p *contract.BackupPlan) { p.Dump.Pre, p.Dump.Post = nil, nil })

func TestBackupSchedule(t *testing.T) {
	template := func(field string, value any) change { return scheduled("spec.template."+field, value) }
	const pre, post = "spec.template.hooks.resources.0.pre.0.exec.", "spec.template.hooks.resources.0.post.0.exec."
	sharedVerdicts(verdicts{
		"all in order": {nil, Pass, "0 2 * * * in UTC, next 2026-11-23T02:00:00Z"},
		"no such Schedule": {
			with(schedules, "items", []any{}), Fail, "Schedule velero/staging-task-api does not exist",
		},
		"an answer of nonsense": {answer(schedules, "<html>"), Unproven, "schedules in namespace velero"},
		"no right to see it": {
			answer(schedules, http.StatusForbidden), Unproven, "schedules in namespace velero",
		},
		"one that cannot be read": {
			scheduled("spec.template.ttl", "a month"), Unproven, "schedules velero/staging-task-api",
		},
		"another that cannot be read": {
			adding(
				schedules,
				"items",
				map[string]any{
					"metadata": map[string]any{"name": "other"},
					"spec":     map[string]any{"template": map[string]any{"ttl": "a month"}},
				},
			),
			Pass,
			"",
		},
		"paused": {scheduled("spec.paused", true), Fail, "is paused"},
		"refused by Velero": {
			all(
				scheduled("status.phase", "FailedValidation"),
				scheduled("status.validationErrors", []any{"no such location"}),
			),
			Fail,
			"Schedule staging-task-api is refused by Velero: no such location",
		},
		"not taken up yet": {scheduled("status.phase", "New"), Unproven, `its phase is "New"`},
		"another cron": {
			scheduled("spec.schedule", "0 3 * * *"), Fail, `has cron "0 3 * * *", the stack's is "0 2 * * *"`,
		},
		"every six hours for four": {
			all(
				planned(func(p *contract.BackupPlan) { p.Cron, p.RPO = "0 */6 * * *", "4h" }),
				scheduled("spec.schedule", "0 */6 * * *"),
			),
			Fail,
			"leaves 6h between two backups, and the RPO is 4h",
		},
		"working days for a day": {
			all(
				planned(func(p *contract.BackupPlan) { p.Cron = "0 2 * * 1-5" }),
				scheduled("spec.schedule", "0 2 * * 1-5"),
			),
			Fail,
			"leaves 72h between two backups",
		},
		"a day that never comes": {
			all(
				planned(func(p *contract.BackupPlan) { p.Cron = "0 2 30 2 *" }),
				scheduled("spec.schedule", "0 2 30 2 *"),
			),
			Fail,
			"comes to no further time",
		},
		"a time that was missed": {
			scheduled("status.lastBackup", "2026-11-21T02:00:05Z"), Fail,
			"missed its time: a backup was due 2026-11-22T02:00:00Z, 10.0 h ago",
		},
		"a time that was skipped on demand": {
			all(
				scheduled("status.lastBackup", "2026-11-21T02:00:05Z"),
				scheduled("status.lastSkipped", "2026-11-22T02:00:05Z"),
			),
			Pass,
			"",
		},
		"a time that another backup delays": {
			all(scheduled("status.lastBackup", "2026-11-21T02:00:05Z"), underWay), Unproven,
			"waits for now, which is InProgress since 2026-11-22T11:59:00Z",
		},
		"a young Schedule without a backup": {
			all(scheduled("status.lastBackup", nil), scheduled("metadata.creationTimestamp", "2026-11-22T11:00:00Z")),
			Pass, "",
		},
		"an old Schedule without a backup": {
			scheduled("status.lastBackup", nil), Fail, "a backup was due 2026-11-02T02:00:00Z",
		},
		"a last backup of the future": {
			scheduled("status.lastBackup", "2026-11-23T02:00:00Z"), Unproven, "which cannot be",
		},
		"another namespace": {
			template("includedNamespaces", []any{"prod"}), Fail, "leaves the namespace staging out",
		},
		"the namespace excluded": {
			template("excludedNamespaces", []any{"staging"}), Fail, "leaves the namespace staging out",
		},
		"all namespaces": {template("includedNamespaces", nil), Pass, ""},
		"pods excluded": {
			template("excludedResources", []any{"pods"}), Fail, "leaves pods out, by excludedResources",
		},
		"pods not included": {
			template("includedNamespaceScopedResources", []any{"secrets"}), Fail,
			"leaves pods out, by includedNamespaceScopedResources",
		},
		"a selector of nothing": {
			template("labelSelector.matchLabels", map[string]any{"app": "till"}), Fail, "leaves pod task-api-1 out",
		},
		"a pod that leaves itself out": {
			with(
				podsOf, "items.1.metadata.labels",
				map[string]any{contract.LabelInstance: "task-api", "velero.io/exclude-from-backup": "true"},
			),
			Fail,
			"leaves pod task-api-2 out",
		},
		"no pods": {
			with(podsOf, "items", []any{}), Unproven, "no pod of the service is Running",
		},
		"no pod of the database": {
			with(podsOf, "items.2.status.phase", "Pending"), Unproven, "no pod of statefulset task-api-db is Running",
		},
		"no right to see pods": {answer(podsOf, http.StatusForbidden), Unproven, "could not be listed"},
		"no hooks":             {template("hooks", nil), Fail, "no pre hook for pod task-api-db-0"},
		"no hook after": {
			scheduled("spec.template.hooks.resources.0.post", nil), Fail, "no post hook for pod task-api-db-0",
		},
		"hooks for another pod": {
			template("hooks.resources.0.labelSelector.matchLabels", map[string]any{contract.LabelComponent: "api"}),
			Fail, "no pre hook",
		},
		"hooks for another namespace": {
			template("hooks.resources.0.includedNamespaces", []any{"prod"}), Fail, "no pre hook",
		},
		"a hook without a container": {
			scheduled(pre+"container", nil), Fail, `a pre hook for pod task-api-db-0 in container "", want postgres`,
		},
		"a hook whose failure is nothing": {
			scheduled(post+"onError", "Continue"), Fail, "whose failure does not fail the backup",
		},
		"a hook that dumps one table": {
			scheduled(pre+"command", []any{"pg_dump", "--table=tasks"}), Fail,
			`Schedule staging-task-api has a pre hook for pod task-api-db-0 that runs ["pg_dump" "--table=tasks"], the stack's is ["/opex/hooks/dump.sh" "384"]`,
		},
		"a hook after that does nothing": {
			scheduled(post+"command", []any{"true"}), Fail,
			`a post hook for pod task-api-db-0 that runs ["true"], the stack's is ["/opex/hooks/settle.sh" "60"]`,
		},
		"a hook with less time": {
			scheduled(pre+"timeout", "1s"), Fail,
			"a pre hook for pod task-api-db-0 with the timeout 1s, the stack's is 6m39s",
		},
		"a hook with Velero's own time": {
			scheduled(post+"timeout", nil), Fail, "with the timeout 0s, the stack's is 1m15s",
		},
		"a hook beside the stack's": {
			adding(
				schedules, "items.0.spec.template.hooks.resources.0.pre",
				map[string]any{"exec": map[string]any{"container": "postgres", "command": []any{"true"}}},
			),
			Fail,
			"2 pre hooks for pod task-api-db-0, and the stack's is one",
		},
		"a hook of the pod's own": {
			with(
				podsOf, "items.2.metadata.annotations",
				map[string]any{velero.AnnotationVolumes: "dumps", "pre.hook.backup.velero.io/command": "[true]"},
			),
			Fail,
			"pod task-api-db-0 has the annotation pre.hook.backup.velero.io/command: Velero runs [true]",
		},
		"a hook of the pod's own, of old": {
			with(
				podsOf, "items.2.metadata.annotations",
				map[string]any{velero.AnnotationVolumes: "dumps", "hook.backup.velero.io/command": "[true]"},
			),
			Fail,
			"has the annotation hook.backup.velero.io/command",
		},
		"outputs that know no hooks": {
			unhooked, Unproven, "the stack's outputs do not say which hooks the Schedule should have",
		},
		"no hook for outputs that know none": {
			all(unhooked, template("hooks", nil)), Fail, "no pre hook for pod task-api-db-0",
		},
		"outputs of nonsense": {
			planned(func(p *contract.BackupPlan) { p.Dump.Pre.Timeout = "soon" }), Unproven,
			`the stack's outputs: dump.pre.timeout is "soon", want a duration`,
		},
		"a dump volume that is not copied": {
			with(podsOf, "items.2.metadata.annotations", nil), Fail,
			"the dump volume dumps of pod task-api-db-0 is not copied",
		},
		"one more volume that is copied": {
			with(
				podsOf, "items.2.metadata.annotations",
				map[string]any{"backup.velero.io/backup-volumes": "other,dumps"},
			),
			Pass,
			"",
		},
		"another storage location": {
			template("storageLocation", "second"), Fail, "stores in second, want default",
		},
		"no storage location": {
			answer(location, nil), Fail, "BackupStorageLocation velero/default does not exist",
		},
		"a bucket out of reach": {
			all(with(location, "status.phase", "Unavailable"), with(location, "status.message", "no route to host")),
			Fail, "the bucket is Unavailable: no route to host",
		},
		"a bucket for reading": {
			with(location, "spec.accessMode", "ReadOnly"), Fail, "the bucket is ReadOnly",
		},
		"another bucket": {
			with(location, "spec.objectStorage.bucket", "elsewhere"), Fail,
			"backups go to elsewhere/velero, the stack's vault is opex-staging-backups/velero",
		},
		"a bucket not looked at yet": {
			with(location, "status", nil), Unproven, "has not looked at its bucket yet",
		},
		"a bucket not looked at any more": {
			with(location, "status.lastValidationTime", "2026-11-22T11:50:00Z"), Unproven,
			"last looked at its bucket: 10 min ago",
		},
		"a bucket looked at once an hour": {
			all(
				with(location, "spec.validationFrequency", "1h"),
				with(location, "status.lastValidationTime", "2026-11-22T11:00:00Z"),
			),
			Pass,
			"",
		},
		"Velero scaled to zero": {
			with(veleroServer, "status.readyReplicas", nil), Fail, "Velero, deployment velero/velero, does not run",
		},
		"Velero gone": {answer(veleroServer, nil), Fail, "is not there"},
		"no right to see Velero": {
			answer(veleroServer, http.StatusForbidden), Unproven, "could not be looked for",
		},
		"a node agent not ready": {
			with(veleroPods, "items.0.status.conditions.0.status", "False"), Fail,
			"no pod of daemonset velero/node-agent is ready on node node-1",
		},
		"a node agent elsewhere": {
			with(veleroPods, "items.0.spec.nodeName", "node-2"), Fail, "is ready on node node-1",
		},
		"no node agent for no database": {
			all(service(func(s *contract.Service) { s.Database = nil }), with(veleroPods, "items", []any{})), Pass, "",
		},
	}).check(t, backupSchedule)
}

func TestBackupRetention(t *testing.T) {
	sharedVerdicts(verdicts{
		"all in order":     {nil, Pass, "720h, until 2026-12-22T02:00:05Z"},
		"no such Schedule": {with(schedules, "items", []any{}), Fail, "does not exist"},
		"a TTL changed on the Schedule only": {
			scheduled("spec.template.ttl", "24h"), Fail,
			"Schedule staging-task-api keeps backups for 24h, the stack says 720h",
		},
		"a Schedule without a TTL": {scheduled("spec.template.ttl", nil), Fail, "keeps backups for 0s"},
		"a TTL changed in the stack only": {
			planned(func(p *contract.BackupPlan) { p.TTL = "48h" }), Fail, "the stack says 48h",
		},
		"a backup that expires a day early": {
			with(backups, newest+"status.expiration", "2026-12-21T02:00:05Z"), Fail,
			"staging-task-api-20261122020005 is kept for 696h, want 720h",
		},
		"a rounding of a second": {
			with(backups, newest+"status.expiration", "2026-12-22T02:00:06Z"), Pass, "",
		},
		"an older one that expires early": {
			with(backups, older+"status.expiration", "2026-11-23T02:00:05Z"), Pass, "",
		},
		"the newest one without an expiry": {
			with(backups, newest+"status.expiration", nil), Unproven, "has no start or no expiry",
		},
		"no backup yet": {
			with(backups, "items", []any{}), Unproven, "has no complete backup yet, among 0",
		},
		"failed ones only": {
			all(with(backups, newest+"status.phase", "Failed"), with(backups, older+"status.phase", "PartiallyFailed")),
			Unproven, "has no complete backup yet, among 2",
		},
		"the only good one is being deleted": {
			all(
				with(backups, newest+"metadata.deletionTimestamp", "2026-11-22T11:59:00Z"),
				with(backups, older+"status.phase", "Deleting"),
			),
			Unproven,
			"among 0",
		},
		"one under way": {underWay, Pass, ""},
		"backups that may not be listed": {
			answer(backups, http.StatusForbidden), Unproven, "backups in namespace velero",
		},
		"a lock longer than the TTL": {
			locked(31), Fail, "Object Lock keeps each object for 744h, and backups expire after 720h",
		},
		"a lock as long as the TTL": {locked(30), Pass, ""},
	}).check(t, backupRetention)
}

func noVault(_ *testing.T, s scene) { s.outputs.Backup = nil }

func locked(days int) change {
	return func(_ *testing.T, s scene) {
		s.outputs.Backup.ObjectLock = &contract.ObjectLock{Mode: "GOVERNANCE", Days: days}
	}
}

func TestDumpInBackup(t *testing.T) {
	// says replaces a text of what the container's command wrote.
	says := func(old, new string) change {
		return func(t *testing.T, s scene) {
			t.Helper()
			text := s.Get(t, inDatabase, "stdout").(string)
			if !strings.Contains(text, old) {
				t.Fatalf("%q is not in %s", old, text)
			}
			s.Set(t, inDatabase, "stdout", strings.ReplaceAll(text, old, new))
		}
	}
	exits := func(status int, stderr string) change {
		return answer(inDatabase, map[string]any{"exit": status, "stderr": stderr})
	}
	newer := all(says("02:00:06Z", "11:59:01Z"), says("02:00:09Z", "11:59:02Z"))
	const hooks = newest + "status.hookStatus"
	sharedVerdicts(verdicts{
		"all in order": {
			nil, Pass, "staging-task-api-20261122020005: 2 tables in 4000 bytes, dumped 2026-11-22T02:00:06Z",
		},
		"no database": {
			service(func(s *contract.Service) { s.Database = nil }), NotApplicable, "the service has no database",
		},
		"outputs that do not say where": {
			planned(func(p *contract.BackupPlan) { p.Dump = nil }), Unproven, "do not say where the dump is",
		},
		"no backup": {
			with(backups, "items", []any{}), Unproven,
			"no backup of Schedule staging-task-api has finished yet, among 0",
		},
		"the first one under way": {
			all(with(backups, "items", []any{}), underWay), Unproven, "has finished yet, among 1",
		},
		"one under way is passed over": {underWay, Pass, ""},
		"one being deleted is passed over": {
			backup("going", "2026-11-22T11:00:00Z", map[string]any{"phase": "Deleting"}), Pass, "",
		},
		"the newest failed": {
			backup("bad", "2026-11-22T11:00:00Z", map[string]any{"phase": "Failed", "failureReason": "no bucket"}),
			Fail, "the newest backup, bad, is Failed: no bucket",
		},
		"the newest refused": {
			backup(
				"bad", "2026-11-22T11:00:00Z",
				map[string]any{"phase": "FailedValidation", "validationErrors": []any{"no such location"}},
			),
			Fail,
			"is FailedValidation: no such location",
		},
		"a hook failed": {
			all(
				with(backups, newest+"status.phase", "PartiallyFailed"), with(backups, hooks+".hooksFailed", 1),
				with(volumes, "items", []any{}),
			),
			Fail,
			"is PartiallyFailed: 1 of 2 hooks failed",
		},
		"a copy failed": {
			all(
				with(backups, newest+"status.phase", "PartiallyFailed"), with(volumes, volume+"status.phase", "Failed"),
				with(volumes, volume+"status.message", "no such host"),
			),
			Fail,
			"volume dumps of pod task-api-db-0 is Failed no such host",
		},
		"complete, and no hook ran": {
			with(backups, newest+"status.hookStatus", nil), Fail,
			"is Completed, and no hook ran: there is no dump in it",
		},
		"complete, and a hook failed": {
			with(backups, hooks+".hooksFailed", 1), Fail, "is Completed: 1 of 2 hooks failed",
		},
		"complete, and one hook ran": {with(backups, hooks+".hooksAttempted", 1), Fail, "1 hook ran"},
		"older than the RPO": {
			with(
				backups,
				"items",
				[]any{
					map[string]any{
						"metadata": map[string]any{"name": "old", "labels": ofSchedule},
						"status": map[string]any{
							"phase":          "Completed",
							"startTimestamp": "2026-11-21T11:00:00Z",
							"hookStatus":     map[string]any{"hooksAttempted": 2},
						},
					},
				},
			),
			Fail,
			"the newest backup, old, is 25.0 h old, and the RPO is 24h",
		},
		"no copy of the dump volume": {
			with(volumes, "items", []any{}), Fail, "has no copy of volume dumps of pod task-api-db-0",
		},
		"a copy of another volume": {
			with(volumes, volume+"spec.volume", "data"), Fail, "has no copy of volume dumps",
		},
		"a copy of another pod": {
			with(volumes, volume+"spec.pod.namespace", "prod"), Fail, "has no copy of volume dumps",
		},
		"half a copy": {
			with(volumes, volume+"status.progress.bytesDone", 10), Fail, "with 10 of 4500 bytes",
		},
		"a copy without the dump": {
			all(
				with(volumes, volume+"status.progress.bytesDone", 300),
				with(volumes, volume+"status.progress.totalBytes", 300),
			),
			Fail,
			"copied 300 bytes of volume dumps, and the dump alone has 4000",
		},
		"copies that may not be listed": {
			answer(volumes, http.StatusForbidden), Unproven, "podvolumebackups in namespace velero",
		},
		"no pod of the database": {
			with(podsOf, "items.2.status.phase", "Pending"), Unproven, "0 pods of statefulset task-api-db are Running",
		},
		"no dump in the volume": {
			exits(2, "sh: cd: /dumps/current: No such file or directory"), Fail,
			"the dump is not there, or not readable: sh in container postgres of pod staging/task-api-db-0: exit status 2: sh: cd: /dumps/current",
		},
		"no dump while one is made": {
			all(exits(2, "gone"), underWay), Unproven,
			"could not be read while another backup is made (now, InProgress",
		},
		"no dump, for one that began meanwhile": {
			all(exits(2, "gone"), begunMeanwhile), Unproven,
			"while another backup is made (now, InProgress since 2026-11-22T11:59:00Z",
		},
		"a dump that pg_restore cannot read": {
			exits(1, "pg_restore: error: input file does not appear to be a valid archive"), Fail, "valid archive",
		},
		"no right to exec": {
			answer(inDatabase, http.StatusForbidden), Unproven, "answered with 403",
		},
		"an answer of nonsense": {
			answer(inDatabase, map[string]any{"stdout": "hello"}), Unproven,
			`what pod task-api-db-0 says of its dump is "hello"`,
		},
		"half a manifest": {
			says(`"tables"`, `{`), Unproven, "the manifest /dumps/current/manifest.json",
		},
		"an empty dump":           {says("4000", "0"), Fail, "the dump is empty"},
		"a dump that was cut":     {says("4000 5a", "3000 5a"), Fail, "the dump is damaged: 3000 bytes"},
		"a dump that was changed": {says("4000 5a30dd", "4000 5a30de"), Fail, "the dump is damaged"},
		"a table missing in the dump": {
			says("0112233 2", "0112233 1"), Fail, "holds the data of 1 tables, and its manifest names 2",
		},
		"a database without tables": {
			all(
				says("0112233 2", "0112233 0"),
				says(
					`"tables": [{"table": "public.tasks", "rows": 12, "checksum": "1"}, {"table": "public.schema_migrations", "rows": 1, "checksum": "2"}]`,
					`"tables": []`,
				),
			),
			Unproven,
			"has no table",
		},
		"a dump of before the backup": {
			all(says("02:00:06Z", "01:00:06Z"), says("02:00:09Z", "01:00:09Z")), Fail,
			"staging-task-api-20261122020005 started 2026-11-22T02:00:05Z: it copied an old one",
		},
		"a dump that an older backup gave back": {
			all(says("02:00:06Z", "01:00:06Z"), says("02:00:09Z", "01:00:09Z"), says("2 made", "2 restored")), Unproven,
			"came back with a restore",
		},
		"the dump that this backup gave back": {says("2 made", "2 restored"), Pass, ""},
		"a dump that ended after the backup":  {says("02:00:09Z", "02:00:21Z"), Fail, "without it"},
		"a manifest without times": {
			says("startedAt", "began"), Unproven, "does not say when the dump was made",
		},
		"a newer dump, of one under way": {
			all(newer, underWay), Unproven,
			"newer than backup staging-task-api-20261122020005: another backup is being made (now, InProgress",
		},
		"a newer dump, of nobody": {newer, Unproven, "no backup of the Schedule made it"},
		"a backup that takes long": {
			all(with(backups, newest+"status.startTimestamp", "2026-11-21T02:00:05Z"), underWay), Unproven,
			"is 34.0 h old, and the RPO is 24h; the next one is now, InProgress",
		},
	}).check(t, dumpInBackup)
}

// begunMeanwhile has underWay appear after the first look.
func begunMeanwhile(t *testing.T, s scene) {
	t.Helper()
	before := maps.Clone(s.World[backups].(map[string]any))
	underWay(t, s)
	after := s.World[backups]
	var looks atomic.Int32
	s.World[backups] = func() any {
		if looks.Add(1) == 1 {
			return before
		}
		return after
	}
}

func TestABackupPassedOverIsNamed(t *testing.T) {
	got := run(t, []Criterion{dumpInBackup}, underWay).Services[0].Criteria[0]
	if got.Evidence[0] != (Fact{"passed over: backup now", "InProgress since 2026-11-22T11:59:00Z"}) {
		t.Errorf("evidence begins with %+v", got.Evidence[0])
	}
}

func TestVeleroThatIsNotInstalledIsSaid(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range Run(t.Context(), &World{Outputs: outputs(), Cluster: &kube.Cluster{Dynamic: client}, Now: noon}, []Criterion{backupSchedule, backupRetention, dumpInBackup}, []string{"task-api"}).Services[0].Criteria {
		if got.Verdict != Unproven || !strings.Contains(got.Actual, "this cluster has no Velero") ||
			got.Next != "`pulumi up` installs it" {
			t.Errorf("%s is %s: %s; next %s", got.ID, got.Verdict, got.Actual, got.Next)
		}
	}
}
