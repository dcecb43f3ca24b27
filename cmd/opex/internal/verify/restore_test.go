package verify

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

const recordKey = "record.json"

// recordOf reads the scene's drill.
func recordOf(t *testing.T, s scene) evidence.Record {
	t.Helper()
	r, err := evidence.Parse([]byte(s.Get(t, records, "items.0.data").(map[string]any)[recordKey].(string)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func configMapOf(t *testing.T, r evidence.Record) map[string]any {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"metadata": map[string]any{
			"name":      r.Name(),
			"namespace": "velero",
			"labels":    map[string]any{"opex/service": "task-api"},
		},
		"data": map[string]any{recordKey: string(data)},
	}
}

// drilled changes the scene's drill.
func drilled(change func(*evidence.Record)) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		r := recordOf(t, s)
		change(&r)
		s.Set(t, records, "items", []any{configMapOf(t, r)})
	}
}

// drilledAgain adds one more record, an hour before noon and otherwise equal to the scene's but for the change.
func drilledAgain(change func(*evidence.Record)) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		r := recordOf(t, s)
		r.StartedAt = noon.Add(-time.Hour)
		change(&r)
		s.Set(t, records, "items", append(s.Get(t, records, "items").([]any), configMapOf(t, r)))
	}
}

// late moves the first correct answer.
func late(r *evidence.Record, took time.Duration) {
	r.AnsweredAt, r.RTO = r.DecidedAt.Add(took), evidence.InSeconds(took)
}

func TestRestoreInTime(t *testing.T) {
	const proven = `{"schema": "opex.dev/recovery", "version": 1, "kind": "drill", "verdict": "PROVEN"}`
	failed := func(r *evidence.Record) { r.Verdict, r.Reason = evidence.Failed, "hook failed" }
	withoutRecord := func(r *evidence.Record) { r.Answer = evidence.Answer{Path: "/ready"} }
	noDatabase := service(func(s *contract.Service) { s.Database = nil })
	sharedVerdicts(verdicts{
		"data older than the RPO": {
			drilled(func(r *evidence.Record) { r.RPO = 25 * 3600 }), Fail,
			"brought back data that was 25.0 h old, and the RPO is 24h",
		},
		"all in order": {nil, Pass, "22s of 30m, 51.0 h ago, 13 rows of 2 tables equal"},
		"never tried": {
			with(records, "items", []any{}), Unproven, "no restore of the service was ever tried",
		},
		"records that may not be listed": {
			answer(records, http.StatusForbidden), Unproven, "ConfigMaps in namespace velero",
		},
		"a record of nonsense": {
			with(records, "items.0.data", map[string]any{recordKey: "{"}), Unproven,
			"opex-drill-task-api-20261120-090000 is no evidence: not the JSON of a record",
		},
		"a record edited by hand": {
			with(records, "items.0.data", map[string]any{recordKey: proven, "record.sha256": "0"}), Unproven,
			"is no evidence: it was changed after it was written",
		},
		"a record without its digest": {
			with(records, "items.0.data", map[string]any{recordKey: proven, "record.sha256": ""}), Unproven,
			"is no evidence: it was changed after it was written",
		},
		"a record of a later opex": {
			drilled(func(r *evidence.Record) { r.Version = 99 }), Unproven, "version 99",
		},
		"a drill that failed": {
			drilled(failed), Fail, "the newest drill, 51.0 h ago, failed: hook failed",
		},
		"a drill that failed since": {
			drilledAgain(failed), Fail, "the newest drill, 60 min ago, failed: hook failed",
		},
		"a drill that went well since": {
			all(drilled(failed), drilledAgain(func(r *evidence.Record) { r.Verdict, r.Reason = evidence.Proven, "" })),
			Pass, "60 min ago",
		},
		"a restore that failed since": {
			drilledAgain(func(r *evidence.Record) { r.Kind = evidence.KindRestore; failed(r) }), Fail,
			"the newest restore, 60 min ago, failed: hook failed",
		},
		"a restore that went well since": {
			drilledAgain(func(r *evidence.Record) { r.Kind = evidence.KindRestore }), Pass, "51.0 h ago",
		},
		"a restore that went well, no drill": {
			drilled(func(r *evidence.Record) { r.Kind = evidence.KindRestore }), Unproven, "no drill counts",
		},
		"a drill of long ago": {
			drilled(func(r *evidence.Record) { r.StartedAt = noon.Add(-169 * time.Hour) }), Unproven,
			"the newest drill is 169.0 h old, want 168h at most",
		},
		"a drill just young enough": {
			drilled(func(r *evidence.Record) { r.StartedAt = noon.Add(-168 * time.Hour) }), Pass, "",
		},
		"a drill of the future": {
			drilled(func(r *evidence.Record) { r.StartedAt = noon.Add(time.Hour) }), Unproven, "which cannot be",
		},
		"too slow": {
			drilled(func(r *evidence.Record) { late(r, 31*time.Minute) }), Fail,
			"took 31 min to the first correct answer, and the RTO is 30m",
		},
		"too slow for an RTO that was changed": {
			planned(func(p *contract.BackupPlan) { p.RTO = "20s" }), Fail,
			"took 22s to the first correct answer, and the RTO is 20s",
		},
		"a time that is not the times'": {
			drilled(func(r *evidence.Record) { r.RTO = 1 }), Unproven,
			"says that it took 1s, from 2026-11-20T09:00:14Z to 2026-11-20T09:00:36Z",
		},
		"no time": {
			drilled(func(r *evidence.Record) { r.RTO, r.DecidedAt, r.AnsweredAt = 0, time.Time{}, time.Time{} }),
			Unproven, "says that it took 0s",
		},
		"no answer": {
			all(
				drilled(func(r *evidence.Record) { r.Answer = evidence.Answer{} }),
				planned(func(p *contract.BackupPlan) { p.Sentinel = nil }),
			),
			Unproven,
			"was asked for nothing",
		},
		"a table that differs": {
			drilled(func(r *evidence.Record) { r.Tables[0].Equal = false }), Fail, "1 of 2 tables were not as dumped",
		},
		"a table that the service made since": {
			drilled(func(r *evidence.Record) { r.Tables = append(r.Tables, evidence.Table{Name: "new", Extra: true}) }),
			Pass, "13 rows of 2 tables",
		},
		"no table compared": {
			drilled(func(r *evidence.Record) { r.Tables = nil }), Unproven, "compared no table",
		},
		"no table for no database": {
			all(noDatabase, drilled(func(r *evidence.Record) { r.Tables, r.Dump = nil, nil })), Pass,
			"22s of 30m, 51.0 h ago",
		},
		"another cluster's": {
			drilled(func(r *evidence.Record) { r.ClusterUID = "there" }), Unproven,
			`its cluster is "there", this one is "here"`,
		},
		"another environment's": {
			drilled(func(r *evidence.Record) { r.Environment = "production" }), Unproven,
			`its environment is "production"`,
		},
		"another service's": {
			drilled(func(r *evidence.Record) { r.Service = "web" }), Unproven, `its service is "web"`,
		},
		"another Schedule's": {
			drilled(func(r *evidence.Record) { r.Backup.Schedule = "other" }), Unproven, `its Schedule is "other"`,
		},
		"another cluster's that failed": {
			drilledAgain(func(r *evidence.Record) { r.ClusterUID = "there"; failed(r) }), Pass, "51.0 h ago",
		},
		"a failed restore behind another cluster's": {
			all(
				drilledAgain(func(r *evidence.Record) { r.Kind = evidence.KindRestore; failed(r) }),
				drilledAgain(func(r *evidence.Record) { r.StartedAt, r.ClusterUID = noon, "there" }),
			),
			Fail,
			"the newest restore, 60 min ago, failed",
		},
		"asked for no known record": {
			drilled(withoutRecord), Unproven, "it asked for no record known from before",
		},
		"a whole one before such": {drilledAgain(withoutRecord), Pass, "51.0 h ago"},
		"asked for no record, as agreed": {
			all(drilled(withoutRecord), planned(func(p *contract.BackupPlan) { p.Sentinel = nil })), Pass, "",
		},
	}).check(t, restoreInTime)
}
