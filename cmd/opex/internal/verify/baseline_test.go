package verify

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

func TestChangesAgainstABaseline(t *testing.T) {
	slower := gameDay(func(r *evidence.GameDay) {
		r.Recovery, r.Timeline[2].At, r.Load.EndedAt = 12, 12, r.KilledAt.Add(30*time.Second)
	})
	for name, c := range map[string]struct {
		before, now change
		says        []string
		worse       int
	}{
		"nothing changed":          {nil, nil, []string{"nothing changed"}, 0},
		"a failure":                {nil, with(podsOf, "items.1.metadata.labels.team", "other"), []string{"1 changes", "task-api SC-001 WORSE, PASS -> FAIL: pod task-api-2: team is"}, 1},
		"mended":                   {with(podsOf, "items.1.metadata.labels.team", "other"), nil, []string{"task-api SC-001 better, FAIL -> PASS"}, 0},
		"slower, within its limit": {nil, slower, []string{"1 changes", "task-api SC-008 WORSE, still PASS: 2 s became 12 s, 6.0 times as much; the limit is 30 s"}, 1},
		"quicker":                  {slower, nil, []string{"nothing changed"}, 0},
		"waived since": {nil, func(_ *testing.T, s scene) {
			service := s.outputs.Services["task-api"]
			service.Chaos, service.NoChaos = nil, "one replica"
			s.outputs.Services["task-api"] = service
		}, []string{"3 changes", "SC-010 better, PASS -> N/A"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := json.Marshal(run(t, Criteria, c.before))
			if err != nil {
				t.Fatal(err)
			}
			before, err := ParseBaseline(kept)
			if err != nil {
				t.Fatal(err)
			}
			report := run(t, Criteria, c.now)
			if err := report.Compare(before); err != nil {
				t.Fatal(err)
			}
			worse := 0
			for _, change := range report.Changes {
				if change.Worse {
					worse++
				}
			}
			var got bytes.Buffer
			if err := report.Write(&got, "markdown"); err != nil {
				t.Fatal(err)
			}
			for _, words := range c.says {
				if !strings.Contains(got.String(), words) {
					t.Errorf("it does not say %q:\n%s", words, got.String())
				}
			}
			if worse != c.worse {
				t.Errorf("%d are worse, want %d: %+v", worse, c.worse, report.Changes)
			}
		})
	}
}

// TestAFigureThatGrewIsWorthAWordWhereItsLimitIsNear has the two measures whose words matter: seconds of a recovery,
// and those of an answer.
func TestAFigureThatGrewIsWorthAWordWhereItsLimitIsNear(t *testing.T) {
	for name, c := range map[string]struct {
		was, is, limit float64
		worse          bool
	}{
		"12 s to 24 s of 30 s":       {12, 24, 30, true},
		"4 ms to 10 ms of 500 ms":    {0.004, 0.010, 0.5, false},
		"4 ms to 60 ms of 500 ms":    {0.004, 0.060, 0.5, true},
		"2 s to 4.9 s of 30 s":       {2, 4.9, 30, false},
		"2 s to 5 s of 30 s":         {2, 5, 30, true},
		"20 s to 29 s of 30 s":       {20, 29, 30, false},
		"the same":                   {12, 12, 30, false},
		"less":                       {24, 12, 30, false},
		"from nothing that was seen": {0, 24, 30, false},
	} {
		t.Run(name, func(t *testing.T) {
			of := func(value float64) Judged { return Judged{Result: pass("").measured(value, "s", c.limit)} }
			if change := compare(of(c.was), of(c.is), true); (change != nil) != c.worse || c.worse && !change.Worse {
				t.Errorf("it says %v", change)
			}
		})
	}
}

func TestABaselineOfSomethingElseIsRefused(t *testing.T) {
	report := run(t, Criteria, nil)
	other := report
	other.Cluster, other.Environment = "there", "production"
	if err := report.Compare(other); err == nil ||
		!strings.Contains(err.Error(), `its cluster is "there", this one is "here"`) ||
		!strings.Contains(err.Error(), `its environment is "production"`) {
		t.Errorf("error is %v", err)
	}
	for text, says := range map[string]string{`{"schema": "opex.verify/v0"}`: `schema "opex.verify/v0"`, "{": "not the JSON of"} {
		if _, err := ParseBaseline([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error is %v", text, err)
		}
	}
}

func TestWhatIsNotAskedForIsNoChange(t *testing.T) {
	before := run(
		t, Criteria, func(_ *testing.T, s scene) { s.outputs.Services["web"] = s.outputs.Services["task-api"] },
	)
	report := run(t, []Criterion{costLabels}, nil)
	if err := report.Compare(before.Only([]string{"task-api"}, []string{"SC-001"})); err != nil ||
		len(report.Changes) != 0 {
		t.Errorf("%+v, error %v", report.Changes, err)
	}
	if err := report.Compare(before.Only(nil, []string{"SC-001"})); err != nil || len(report.Changes) != 1 ||
		report.Changes[0].Service != "web" {
		t.Errorf("%+v, error %v", report.Changes, err)
	}
	if all := before.Only(nil, nil); len(all.Services) != 2 || len(all.Services[0].Criteria) != len(Criteria) {
		t.Errorf("%+v", all)
	}
}

func TestWhatIsNotJudgedAnyMoreIsAChange(t *testing.T) {
	report, before := run(t, []Criterion{costLabels}, nil), run(t, []Criterion{costLabels, costByTeam}, nil)
	if err := report.Compare(before); err != nil || len(report.Changes) != 1 || !report.Changes[0].Worse ||
		report.Changes[0].ID != "SC-002" {
		t.Errorf("%+v, error %v", report.Changes, err)
	}
	if err := before.Compare(report); err != nil || len(before.Changes) != 1 || before.Changes[0].Worse ||
		!strings.HasPrefix(before.Changes[0].Says, "is new: ") {
		t.Errorf("%+v, error %v", before.Changes, err)
	}
}
