package gameday

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/load"
)

// good is a record in which all is well.
func good() evidence.GameDay {
	return evidence.GameDay{
		Namespace: "staging", Experiment: evidence.Experiment{AllInjected: true, Targets: []string{"staging/shop-1"}}, KilledAt: kill,
		Objectives: evidence.ChaosTarget{Recovery: 30, P95: 0.5}, Victim: evidence.Pod{Name: "shop-1"}, Recovery: 1.5,
		Timeline: []evidence.Moment{{Name: evidence.MomentVictimGone}},
		Load:     evidence.LoadRun{Requests: 5000, EndedAt: kill.Add(14 * time.Second)},
		Before:   evidence.Window{From: -15, Requests: 3000}, During: evidence.Window{To: 1.5, Requests: 300, P95: 0.006}, After: evidence.Window{From: 1.5, To: 14},
		Writes: evidence.Writes{Acknowledged: 10, Found: 10},
	}
}

func TestAGameDayIsProvenByEveryFigureOrNotAtAll(t *testing.T) {
	for name, c := range map[string]struct {
		change                func(*evidence.GameDay)
		problem, notRecovered error
		verdict               string
		says                  string
	}{
		"all is well":             {func(*evidence.GameDay) {}, nil, nil, evidence.Proven, ""},
		"too slow":                {func(r *evidence.GameDay) { r.Recovery, r.Load.EndedAt = 31, kill.Add(time.Minute) }, nil, nil, evidence.Failed, "SC-008: recovered in 31s"},
		"not recovered":           {func(r *evidence.GameDay) { r.Recovery = 0 }, nil, fmt.Errorf("%w within 5m", errNotRecovered), evidence.Failed, "SC-008: not recovered"},
		"a 5xx":                   {func(r *evidence.GameDay) { r.After.ServerErrors = 1 }, nil, nil, evidence.Failed, "SC-009: 1 answers"},
		"slow answers":            {func(r *evidence.GameDay) { r.During.P95 = 0.6 }, nil, nil, evidence.Failed, "SC-010: P95 is 600 ms"},
		"answers to few":          {func(r *evidence.GameDay) { r.During.TransportErrors = map[string]int{"refused": 16} }, nil, nil, evidence.Failed, "SC-010: 16 of 300 requests of the recovery got no answer"},
		"answers to most":         {func(r *evidence.GameDay) { r.During.TransportErrors = map[string]int{"refused": 15} }, nil, nil, evidence.Proven, ""},
		"a lost write":            {func(r *evidence.GameDay) { r.Writes.Lost = []string{"/tasks/7"} }, nil, nil, evidence.Failed, "1 acknowledged writes are lost: /tasks/7"},
		"no kill":                 {func(r *evidence.GameDay) { r.KilledAt = time.Time{} }, nil, nil, evidence.Unproven, "no pod was killed"},
		"interrupted":             {func(*evidence.GameDay) {}, errors.New("interrupted"), nil, evidence.Unproven, "interrupted"},
		"interrupted meanwhile":   {func(r *evidence.GameDay) { r.Recovery = 0 }, errors.New("interrupted"), nil, evidence.Unproven, "SC-008: not recovered by its end"},
		"not by Chaos Mesh":       {func(r *evidence.GameDay) { r.Experiment.AllInjected = false }, nil, nil, evidence.Unproven, "Chaos Mesh did not confirm the kill"},
		"another pod":             {func(r *evidence.GameDay) { r.Experiment.Targets = []string{"staging/shop-12"} }, nil, nil, evidence.Unproven, "says that it hit [staging/shop-12]"},
		"two pods":                {func(r *evidence.GameDay) { r.Experiment.Targets = append(r.Experiment.Targets, "staging/shop-2") }, nil, nil, evidence.Unproven, "says that it hit"},
		"one more by itself":      {func(r *evidence.GameDay) { r.AlsoGone = []string{"shop-3"} }, nil, nil, evidence.Unproven, "also shop-3"},
		"a victim that stays":     {func(r *evidence.GameDay) { r.Timeline = nil }, nil, nil, evidence.Unproven, "still being ended"},
		"too few requests":        {func(r *evidence.GameDay) { r.During.Requests = 199 }, nil, nil, evidence.Unproven, "199 requests in the window, want 200"},
		"too short before":        {func(r *evidence.GameDay) { r.Before.From = -9 }, nil, nil, evidence.Unproven, "the load covers 9s before"},
		"too short afterwards":    {func(r *evidence.GameDay) { r.Load.EndedAt = kill.Add(11 * time.Second) }, nil, nil, evidence.Unproven, "9.5s after"},
		"no load at the kill":     {func(r *evidence.GameDay) { r.Load.EndedAt = kill.Add(-time.Second) }, nil, nil, evidence.Unproven, "covers 15s before the kill and 0s after the recovery"},
		"a generator that drops":  {func(r *evidence.GameDay) { r.Load.Dropped = 1 }, nil, nil, evidence.Unproven, "starved: 1 requests never sent"},
		"a generator that lags":   {func(r *evidence.GameDay) { r.Load.Late = 251 }, nil, nil, evidence.Unproven, "251 of 5000 sent late"},
		"one that lags just then": {func(r *evidence.GameDay) { r.During.Late = 16 }, nil, nil, evidence.Unproven, "16 of 300 in the recovery"},
		"a clock nobody knows":    {func(r *evidence.GameDay) { r.Load.ClockError = 0.2 }, nil, nil, evidence.Unproven, "clock is known to within 200ms"},
		"writes not looked for":   {func(r *evidence.GameDay) { r.Writes.Unchecked = 2 }, nil, nil, evidence.Unproven, "2 acknowledged writes could not be looked for"},
		"records left":            {func(r *evidence.GameDay) { r.Writes.Left = 2 }, nil, nil, evidence.Unproven, "2 records of the load could not be deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.change(&r)
			judge(&r, c.problem, c.notRecovered)
			if reasons := strings.Join(r.Reasons, "\n"); r.Verdict != c.verdict || !strings.Contains(reasons, c.says) || (reasons == "") != (c.says == "") {
				t.Errorf("%s: %s", r.Verdict, reasons)
			}
		})
	}
}

func TestTheFirstGoodAnswerIsThatAfterTheLastBadOne(t *testing.T) {
	sample := func(ms, took, status int) load.Sample {
		return load.Sample{Due: at(ms), Latency: time.Duration(took) * time.Millisecond, Status: status}
	}
	fine := []load.Sample{sample(-5, 1, 200), sample(5, 1, 200)}
	for name, c := range map[string]struct {
		samples []load.Sample
		want    time.Time
	}{
		"none was bad":         {fine, kill},
		"a bad one before":     {append([]load.Sample{sample(-9, 1, 500)}, fine...), kill},
		"bad ones for a while": {append(fine, sample(10, 1, 0), sample(15, 1, 200), sample(20, 1, 503), sample(25, 9, 200), sample(30, 1, 200)), at(31)},
		"bad to the end":       {append(fine, sample(10, 1, 0)), time.Time{}},
		"a 404 is an answer":   {append(fine, sample(10, 1, 404)), kill},
	} {
		t.Run(name, func(t *testing.T) {
			if got := firstGood(c.samples, kill); !got.Equal(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
