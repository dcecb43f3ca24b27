package verify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

const gameDays = "/api/v1/namespaces/chaos-mesh/configmaps"

// killsOf are the scene's three, of one Game Day.
func killsOf(t *testing.T, s scene) []evidence.GameDay {
	t.Helper()
	var records []evidence.GameDay
	for i := range 3 {
		text := s.Get(t, gameDays, fmt.Sprintf("items.%d.data", i)).(map[string]any)[recordKey].(string)
		found, err := evidence.ParseGameDays([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, found...)
	}
	return records
}

func storedGameDays(t *testing.T, records ...evidence.GameDay) map[string]any {
	t.Helper()
	items := []any{}
	for _, r := range records {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		items = append(
			items,
			map[string]any{
				"metadata": map[string]any{
					"name":      r.Name(),
					"namespace": "chaos-mesh",
					"labels":    map[string]any{"opex/service": "task-api"},
				},
				"data": map[string]any{recordKey: string(data)},
			},
		)
	}
	return map[string]any{"items": items}
}

// gameDay changes the last of the scene's kills.
func gameDay(change func(*evidence.GameDay)) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		records := killsOf(t, s)
		change(&records[2])
		s.World[gameDays] = storedGameDays(t, records...)
	}
}

// tried changes how the service is tried.
func tried(change func(*contract.ChaosPlan)) change {
	return service(func(s *contract.Service) {
		plan := *s.Chaos
		change(&plan)
		s.Chaos = &plan
	})
}

// noEvidence are scenes in which no kill counts, for each of the three criteria.
func noEvidence() verdicts {
	some := func(n int) change {
		return func(t *testing.T, s scene) { t.Helper(); s.World[gameDays] = storedGameDays(t, killsOf(t, s)[:n]...) }
	}
	alone := func(t *testing.T, s scene) { // two kills, each a Game Day of its own
		t.Helper()
		records := killsOf(t, s)[:2]
		for i := range records {
			records[i].Run = evidence.Run{ID: fmt.Sprint(i), Index: 1, Of: 1}
		}
		s.World[gameDays] = storedGameDays(t, records...)
	}
	deployed := func(field string, value any) change {
		return with(deployments, "items.0.spec."+field, value)
	}
	return verdicts{
		"no Game Day yet": {
			with(gameDays, "items", []any{}), Unproven, "there was no Game Day of the service yet",
		},
		"records out of reach": {
			answer(gameDays, http.StatusForbidden), Unproven, "ConfigMaps in namespace chaos-mesh",
		},
		"a record of nonsense": {
			with(gameDays, "items.0.data", map[string]any{recordKey: "{"}), Unproven, "not the JSON of a Game Day",
		},
		"a record edited by hand": {func(_ *testing.T, s scene) {
			s.World[gameDays].(map[string]any)["items"].([]any)[0].(map[string]any)["data"].(map[string]any)["record.sha256"] = "0"
		}, Unproven, "is no evidence: it was changed after it was written"},
		"a record of a later one": {gameDay(func(r *evidence.GameDay) { r.Version = 3 }), Unproven, "version 3"},
		"chaos off": {
			func(_ *testing.T, s scene) { s.outputs.Chaos = nil }, Unproven, "chaos is off in this stack",
		},
		"production": {
			func(_ *testing.T, s scene) { s.outputs.Environment = "production" }, NotApplicable,
			"nothing is broken on purpose in production",
		},
		"waived": {
			service(func(s *contract.Service) { s.Chaos, s.NoChaos = nil, "one replica" }), NotApplicable,
			"never tried: one replica",
		},
		"no experiment": {
			service(func(s *contract.Service) { s.Chaos = nil }), Unproven, "no experiment for the service",
		},
		"an unreadable objective": {
			tried(func(p *contract.ChaosPlan) { p.P95 = "quick" }), Unproven, `chaos.p95 is "quick"`,
		},
		"a Game Day of long ago": {
			tried(func(p *contract.ChaosPlan) { p.GameDayAge = "1h" }), Unproven, "old, want 1h at most",
		},
		"one of the future": {
			gameDay(func(r *evidence.GameDay) { r.StartedAt = noon.Add(time.Hour) }), Unproven, "which cannot be",
		},
		"another cluster's": {
			gameDay(func(r *evidence.GameDay) { r.ClusterUID = "there" }), Unproven, `its cluster is "there"`,
		},
		"another environment's": {
			gameDay(func(r *evidence.GameDay) { r.Environment = "prod" }), Unproven, `its environment is "prod"`,
		},
		"another service's": {
			gameDay(func(r *evidence.GameDay) { r.Service = "web" }), Unproven, `its service is "web"`,
		},
		"another experiment's": {
			gameDay(func(r *evidence.GameDay) { r.Experiment.Action = "pod-failure" }), Unproven,
			`its action is "pod-failure"`,
		},
		"fewer replicas": {
			gameDay(func(r *evidence.GameDay) { r.Replicas = 2 }), Unproven, "it was of 2 replicas, the stack has 3",
		},
		"one kill counted twice": {
			gameDay(func(r *evidence.GameDay) { r.Run.Index = 1 }), Unproven, "not numbered as they are made",
		},
		"two kills of three": {some(2), Unproven, "was to be 3 kills, and 2 were made"},
		"two kills in all":   {alone, Unproven, "2 kills since the service last changed, want 3"},
		"another image since": {
			deployed("template.spec.containers", []any{map[string]any{"name": "task-api", "image": "task-api:2"}}),
			Unproven, `the service has changed since: image was "task-api:1" and is "task-api:2"`,
		},
		"a probe since": {
			deployed(
				"template.spec.containers",
				[]any{
					map[string]any{
						"name":           "task-api",
						"image":          "task-api:1",
						"readinessProbe": map[string]any{"periodSeconds": 1},
					},
				},
			),
			Unproven,
			"the service has changed since: probe readiness",
		},
		"the Deployment is gone": {
			with(deployments, "items", []any{}), Unproven, "deployment task-api is not there any more",
		},
		"Deployments out of reach": {
			answer(deployments, http.StatusForbidden), Unproven, "whether the service changed since is not known",
		},
		"a record of an older opex": {
			gameDay(func(r *evidence.GameDay) { r.Version = 1 }), Unproven, "an older opex recorded it",
		},
		"a kill by nobody": {
			gameDay(func(r *evidence.GameDay) { r.Experiment.AllInjected = false }), Unproven,
			"Chaos Mesh did not confirm the kill",
		},
		"a kill of another pod": {
			gameDay(func(r *evidence.GameDay) { r.Victim.Name = "task-api-12" }), Unproven,
			"Chaos Mesh says that it hit",
		},
		"a second pod gone, and slow answers, too": {gameDay(func(r *evidence.GameDay) {
			r.Recovery, r.During.P95, r.AlsoGone = 40, 4, []string{"task-api-9"}
		}), Unproven, "more pods than one went: also task-api-9"},
		"a watch that ended, and something failed, too": {gameDay(func(r *evidence.GameDay) {
			r.Recovery, r.Problems = 0, []string{"the watch of pods ended"}
		}), Unproven, "the watch of pods ended"},
		"a starved load, and something failed, too": {gameDay(func(r *evidence.GameDay) {
			r.During.P95, r.Load.Late = 4, r.Load.Requests
		}), Unproven, "the load generator was starved"},
		"a newer one elsewhere": {func(t *testing.T, s scene) {
			t.Helper()
			records := killsOf(t, s)
			newer := records[0]
			newer.Run, newer.StartedAt, newer.ClusterUID = evidence.Run{
				ID:    "20261122-110000",
				Index: 1,
				Of:    1,
			}, noon, "there"
			s.World[gameDays] = storedGameDays(t, append(records, newer)...)
		}, Unproven, `its cluster is "there"`},
	}
}

func (v verdicts) and(others verdicts) verdicts {
	for name, c := range others {
		if _, is := v[name]; is {
			panic(fmt.Sprintf("two cases are %q", name))
		}
		v[name] = c
	}
	return v
}

// before puts a run of one kill before the scene's.
func before(change func(*evidence.GameDay)) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		records := killsOf(t, s)
		earlier := records[0]
		earlier.Run, earlier.StartedAt = evidence.Run{
			ID:    "20261121-100000",
			Index: 1,
			Of:    1,
		}, earlier.StartedAt.Add(-24*time.Hour)
		earlier.Timeline = slices.Clone(earlier.Timeline)
		change(&earlier)
		s.World[gameDays] = storedGameDays(t, append([]evidence.GameDay{earlier}, records...)...)
	}
}

// What a kill is worth, package judge's own tests say; here is which kills are judged.
func TestKillRecovered(t *testing.T) {
	noEvidence().and(verdicts{
		"all in order": {nil, Pass, "2s of 30s at worst of 3 kills, 117 min ago"},
		"too slow": {
			gameDay(func(r *evidence.GameDay) { r.Recovery, r.Timeline[2].At = 31, 31 }), Fail,
			"a recovery took 31s, and the objective is 30s",
		},
		"too slow now": {
			tried(func(p *contract.ChaosPlan) { p.Recovery = "1700ms" }), Fail,
			"a recovery took 2s, and the objective is 1.7s",
		},
		"one more": {before(func(*evidence.GameDay) {}), Pass, "at worst of 4 kills"},
		"a red one before": {before(func(r *evidence.GameDay) {
			r.Recovery, r.Timeline[2].At, r.Verdict = 31, 31, evidence.Failed
		}), Fail, "a recovery took 31s, and the objective is 30s; 1 of 2 runs since the last change not proven"},
		"a red one of another image": {before(func(r *evidence.GameDay) {
			r.Recovery, r.Timeline[2].At, r.Setup.Image = 31, 31, "task-api:0"
		}), Pass, "at worst of 3 kills"},
		"a red one of long ago": {before(func(r *evidence.GameDay) {
			r.Recovery, r.Timeline[2].At, r.StartedAt = 31, 31, r.StartedAt.Add(-999*time.Hour)
		}), Pass, "at worst of 3 kills"},
		"one before that proved nothing": {before(func(r *evidence.GameDay) {
			r.Load.Dropped, r.Verdict = 5, evidence.Unproven
		}), Pass, "at worst of 3 kills, 117 min ago; 1 of 2 runs since the last change not proven"},
	}).check(t, killRecovered)
}

func TestNoServerErrors(t *testing.T) {
	noEvidence().and(verdicts{
		"all in order": {nil, Pass, "no 5xx, no write lost, no request without an answer at worst of 3 kills"},
		"one 500": {
			gameDay(func(r *evidence.GameDay) { r.During.ServerErrors = 1 }), Fail,
			"1 of 6000 answers were 500 or above",
		},
		"nobody answered": {
			gameDay(func(r *evidence.GameDay) { r.After.TransportErrors = map[string]int{"timeout": 2500} }), Fail,
			"2500 of 6000 requests got no answer",
		},
		"a red one before": {before(func(r *evidence.GameDay) { r.After.ServerErrors = 1 }), Fail, "1 of 6000 answers"},
	}).check(t, noServerErrors)
}

func TestQuickMeanwhile(t *testing.T) {
	noEvidence().and(verdicts{
		"all in order": {nil, Pass, "12.4 ms of 500ms, during the recovery at worst of 3 kills"},
		"too slow": {
			gameDay(func(r *evidence.GameDay) { r.During.P95, r.During.Slow = 0.501, 16 }), Fail,
			"P95 during the recovery was 501 ms, and the objective is 500ms",
		},
		"too slow now": {
			tried(func(p *contract.ChaosPlan) { p.P95 = "10ms" }), Fail,
			"P95 during the recovery was 12.4 ms, and the objective is 10ms",
		},
		"too slow before": {
			gameDay(func(r *evidence.GameDay) { r.Before.P95, r.Before.Slow = 0.75, 160 }), Fail,
			"P95 before the kill was 750 ms",
		},
		"5xx are another's": {
			gameDay(func(r *evidence.GameDay) { r.During.ServerErrors, r.Verdict = 3, evidence.Failed }), Pass, "",
		},
	}).check(t, quickMeanwhile)
}
