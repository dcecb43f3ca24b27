package verify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

const gameDays = "/api/v1/namespaces/chaos-mesh/configmaps"

// killsOf are the scene's two, of one Game Day.
func killsOf(t *testing.T, s scene) []evidence.GameDay {
	t.Helper()
	var records []evidence.GameDay
	for i := range 2 {
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
		items = append(items, map[string]any{"metadata": map[string]any{"name": r.Name(), "namespace": "chaos-mesh", "labels": map[string]any{"opex/service": "task-api"}}, "data": map[string]any{recordKey: string(data)}})
	}
	return map[string]any{"items": items}
}

// gameDay changes the second of the scene's two kills.
func gameDay(change func(*evidence.GameDay)) change {
	return func(t *testing.T, s scene) {
		t.Helper()
		records := killsOf(t, s)
		change(&records[1])
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
	first := func(t *testing.T, s scene) { t.Helper(); s.World[gameDays] = storedGameDays(t, killsOf(t, s)[0]) }
	return verdicts{
		"no Game Day yet":      {with(gameDays, "items", []any{}), Unproven, "there was no Game Day of the service yet"},
		"records out of reach": {answer(gameDays, http.StatusForbidden), Unproven, "ConfigMaps in namespace chaos-mesh"},
		"a record of nonsense": {with(gameDays, "items.0.data", map[string]any{recordKey: "{"}), Unproven, "not the JSON of a Game Day"},
		"a record edited by hand": {func(_ *testing.T, s scene) {
			s.World[gameDays].(map[string]any)["items"].([]any)[0].(map[string]any)["data"].(map[string]any)["record.sha256"] = "0"
		}, Unproven, "is no evidence: it was changed after it was written"},
		"a record of a later one": {gameDay(func(r *evidence.GameDay) { r.Version = 2 }), Unproven, "version 2"},
		"chaos off":               {func(_ *testing.T, s scene) { s.outputs.Chaos = nil }, Unproven, "chaos is off in this stack"},
		"production":              {func(_ *testing.T, s scene) { s.outputs.Environment = "production" }, NotApplicable, "nothing is broken on purpose in production"},
		"waived":                  {service(func(s *contract.Service) { s.Chaos, s.NoChaos = nil, "one replica" }), NotApplicable, "never tried: one replica"},
		"no experiment":           {service(func(s *contract.Service) { s.Chaos = nil }), Unproven, "no experiment for the service"},
		"an unreadable objective": {tried(func(p *contract.ChaosPlan) { p.P95 = "quick" }), Unproven, `chaos.p95 is "quick"`},
		"a Game Day of long ago":  {tried(func(p *contract.ChaosPlan) { p.GameDayAge = "1h" }), Unproven, "old, want 1h at most"},
		"one of the future":       {gameDay(func(r *evidence.GameDay) { r.StartedAt = noon.Add(time.Hour) }), Unproven, "which cannot be"},
		"another cluster's":       {gameDay(func(r *evidence.GameDay) { r.ClusterUID = "there" }), Unproven, `its cluster is "there"`},
		"another environment's":   {gameDay(func(r *evidence.GameDay) { r.Environment = "prod" }), Unproven, `its environment is "prod"`},
		"another service's":       {gameDay(func(r *evidence.GameDay) { r.Service = "web" }), Unproven, `its service is "web"`},
		"another experiment's":    {gameDay(func(r *evidence.GameDay) { r.Experiment.Action = "pod-failure" }), Unproven, `its action is "pod-failure"`},
		"fewer replicas":          {gameDay(func(r *evidence.GameDay) { r.Replicas = 2 }), Unproven, "it was of 2 replicas, the stack has 3"},
		"one kill counted twice":  {gameDay(func(r *evidence.GameDay) { r.Run.Index = 1 }), Unproven, "not numbered as they are made"},
		"one kill of two":         {first, Unproven, "was to be 2 kills, and 1 were made"},
		"a kill by nobody":        {gameDay(func(r *evidence.GameDay) { r.Experiment.AllInjected = false }), Unproven, "Chaos Mesh did not confirm the kill"},
		"a kill of another pod":   {gameDay(func(r *evidence.GameDay) { r.Victim.Name = "task-api-12" }), Unproven, "Chaos Mesh says that it hit"},
		"a second pod gone, and something failed, too": {gameDay(func(r *evidence.GameDay) {
			r.Verdict, r.Reasons, r.AlsoGone = evidence.Failed, []string{"SC-010: P95 is 400 ms"}, []string{"task-api-9"}
		}), Unproven, "more pods than one went: also task-api-9"},
		"a watch that ended, and something failed, too": {gameDay(func(r *evidence.GameDay) {
			r.Verdict, r.Problems = evidence.Failed, []string{"the watch of pods ended"}
		}), Unproven, "the watch of pods ended"},
		"a starved load, and something failed, too": {gameDay(func(r *evidence.GameDay) {
			r.Verdict, r.Load.Late = evidence.Failed, r.Load.Requests
		}), Unproven, "the load generator was starved"},
		"ended early": {gameDay(func(r *evidence.GameDay) {
			r.Verdict, r.Reasons = evidence.Unproven, []string{"the load generator was starved"}
		}), Unproven, "the Game Day proved nothing: the load generator was starved"},
		"a newer one elsewhere": {func(t *testing.T, s scene) {
			t.Helper()
			records := killsOf(t, s)
			newer := records[0]
			newer.Run, newer.StartedAt, newer.ClusterUID = evidence.Run{ID: "20261122-110000", Index: 1, Of: 1}, noon, "there"
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

func TestKillRecovered(t *testing.T) {
	noEvidence().and(verdicts{
		"all in order":   {nil, Pass, "2s of 30s at worst of 2 kills, 119 min ago"},
		"too slow":       {gameDay(func(r *evidence.GameDay) { r.Recovery, r.Timeline[2].At = 31, 31 }), Fail, "a recovery took 31s, and the objective is 30s"},
		"too slow now":   {tried(func(p *contract.ChaosPlan) { p.Recovery = "1500ms" }), Fail, "a recovery took 2s, and the objective is 1.5s"},
		"never":          {gameDay(func(r *evidence.GameDay) { r.Recovery, r.Verdict = 0, evidence.Failed }), Fail, "was not replaced within"},
		"edited":         {gameDay(func(r *evidence.GameDay) { r.Recovery = 0.5 }), Unproven, "does not say when all replicas were there again"},
		"a victim stays": {gameDay(func(r *evidence.GameDay) { r.Timeline[1].Name = "else" }), Unproven, "task-api-1 was still being ended"},
		"5xx are another's": {gameDay(func(r *evidence.GameDay) {
			r.During.ServerErrors, r.Verdict, r.Reasons = 3, evidence.Failed, []string{"SC-009"}
		}), Pass, ""},
	}).check(t, killRecovered)
}

func TestNoServerErrors(t *testing.T) {
	noEvidence().and(verdicts{
		"all in order":        {nil, Pass, "no 5xx, no write lost, 0 requests without an answer at worst of 2 kills"},
		"one 500 meanwhile":   {gameDay(func(r *evidence.GameDay) { r.During.ServerErrors = 1 }), Fail, "1 of 6000 answers were 500 or above"},
		"one 500 afterwards":  {gameDay(func(r *evidence.GameDay) { r.After.ServerErrors = 1 }), Fail, "1 of 6000"},
		"one 500 before":      {gameDay(func(r *evidence.GameDay) { r.Before.ServerErrors = 1 }), Fail, "1 of 6000"},
		"a write lost":        {gameDay(func(r *evidence.GameDay) { r.Writes.Lost, r.Writes.Found = []string{"/tasks/7"}, 1399 }), Fail, "1 of 1400 acknowledged writes were lost: /tasks/7"},
		"a write not found":   {gameDay(func(r *evidence.GameDay) { r.Writes.Found = 1399 }), Unproven, "of 1400 acknowledged writes 1399 were found"},
		"no load before":      {gameDay(func(r *evidence.GameDay) { r.Before.From = -9 }), Unproven, "the load covers 9 s before"},
		"no load afterwards":  {gameDay(func(r *evidence.GameDay) { r.Load.EndedAt = r.KilledAt.Add(11 * time.Second) }), Unproven, "and 9 s after"},
		"requests never sent": {gameDay(func(r *evidence.GameDay) { r.Load.Dropped = 1 }), Unproven, "1 requests never sent"},
		"a load that does not ask": {gameDay(func(r *evidence.GameDay) {
			r.Before.Requests, r.During.Requests, r.After.Requests = 0, 0, 0
		}), Unproven, "the load covers"},
		"only refusals":         {gameDay(func(r *evidence.GameDay) { r.During.Status = map[string]int{"404": 400} }), Unproven, "no request of the recovery was answered with 200"},
		"no answer is no 5xx":   {gameDay(func(r *evidence.GameDay) { r.During.TransportErrors = map[string]int{"reset": 3} }), Pass, "3 requests without an answer at worst"},
		"slowness is another's": {gameDay(func(r *evidence.GameDay) { r.During.P95, r.Verdict = 2, evidence.Failed }), Pass, ""},
	}).check(t, noServerErrors)
}

func TestQuickMeanwhile(t *testing.T) {
	noEvidence().and(verdicts{
		"all in order":        {nil, Pass, "12.4 ms of 500ms at worst of 2 kills"},
		"too slow":            {gameDay(func(r *evidence.GameDay) { r.During.P95 = 0.501 }), Fail, "P95 was 501.0 ms, and the objective is 500ms"},
		"too slow now":        {tried(func(p *contract.ChaosPlan) { p.P95 = "10ms" }), Fail, "P95 was 12.4 ms, and the objective is 10ms"},
		"too few":             {gameDay(func(r *evidence.GameDay) { r.During.Requests, r.During.P95 = 199, 9 }), Unproven, "199 requests were due meanwhile, want 200"},
		"requests never sent": {gameDay(func(r *evidence.GameDay) { r.Load.Dropped = 9 }), Unproven, "9 requests never sent"},
		"no latency":          {gameDay(func(r *evidence.GameDay) { r.During.P95 = 0 }), Unproven, "a P95 of 0 was measured"},
		"5xx are another's":   {gameDay(func(r *evidence.GameDay) { r.During.ServerErrors, r.Verdict = 3, evidence.Failed }), Pass, ""},
		"refused at once": {gameDay(func(r *evidence.GameDay) {
			r.During.TransportErrors = map[string]int{"refused": r.During.Requests/20 + 1}
		}), Fail, "got no answer: what is refused at once is no quick answer"},
		"one in twenty refused": {gameDay(func(r *evidence.GameDay) {
			r.During.TransportErrors = map[string]int{"refused": r.During.Requests / 20}
		}), Pass, ""},
		"slowness before it is": {gameDay(func(r *evidence.GameDay) { r.Before.P95 = 9 }), Pass, ""},
	}).check(t, quickMeanwhile)
}
