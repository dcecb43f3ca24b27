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
		"a failure":                {nil, with(pods, "items.1.metadata.labels.team", "other"), []string{"1 changes", "task-api SC-001 WORSE, PASS -> FAIL: pod task-api-2: team is"}, 1},
		"mended":                   {with(pods, "items.1.metadata.labels.team", "other"), nil, []string{"task-api SC-001 better, FAIL -> PASS"}, 0},
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

func TestABaselineOfSomethingElseIsRefused(t *testing.T) {
	report := run(t, Criteria, nil)
	other := report
	other.Cluster, other.Environment = "there", "production"
	if err := report.Compare(other); err == nil || !strings.Contains(err.Error(), `its cluster is "there", this one is "here"`) ||
		!strings.Contains(err.Error(), `its environment is "production"`) {
		t.Errorf("error is %v", err)
	}
	for text, says := range map[string]string{`{"schema": "opex.verify/v0"}`: `schema "opex.verify/v0"`, "{": "not the JSON of"} {
		if _, err := ParseBaseline([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error is %v", text, err)
		}
	}
}

func TestWhatIsNotJudgedAnyMoreIsAChange(t *testing.T) {
	report, before := run(t, []Criterion{costLabels}, nil), run(t, []Criterion{costLabels, costByTeam}, nil)
	if err := report.Compare(before); err != nil || len(report.Changes) != 1 || !report.Changes[0].Worse || report.Changes[0].ID != "SC-002" {
		t.Errorf("%+v, error %v", report.Changes, err)
	}
	if err := before.Compare(report); err != nil || len(before.Changes) != 1 || before.Changes[0].Worse || !strings.HasPrefix(before.Changes[0].Says, "is new: ") {
		t.Errorf("%+v, error %v", before.Changes, err)
	}
}
