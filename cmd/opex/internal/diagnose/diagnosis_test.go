package diagnose

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
)

func read(t *testing.T, name string) evidence.GameDay {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r evidence.GameDay
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func explain(t *testing.T, r evidence.GameDay) Diagnosis {
	t.Helper()
	d, err := Explain(r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// records are the names of all examples: the expected cause, a full stop, and what is special.
func records(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d records, error %v", len(paths), err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".json"))
	}
	return names
}

func TestEachCauseIsNamedRight(t *testing.T) {
	for _, name := range records(t) {
		t.Run(name, func(t *testing.T) {
			d := explain(t, read(t, name))
			want, _, _ := strings.Cut(name, ".")
			switch {
			case want == "nothing-slow":
				if d.Slow {
					t.Errorf("something is slow: %s", d.Headline())
				}
			case want == "unexplained":
				if !d.Slow || !strings.Contains(d.Headline(), "nothing in the record explains") {
					t.Errorf("headline is %q", d.Headline())
				}
			case !d.Slow || len(d.Findings) == 0 || d.Findings[0].Cause != want || !strings.Contains(d.Headline(), "The cause: "+want):
				t.Errorf("want %s; headline is %q", want, d.Headline())
			}
			var text bytes.Buffer
			text.WriteString(d.Headline() + "\n\n")
			if err := d.Write(&text); err != nil {
				t.Fatal(err)
			}
			kubetest.Golden(t, name+".txt", text.Bytes())
		})
	}
}

// checkSums holds what must be true of any diagnosis.
func checkSums(t *testing.T, d Diagnosis) {
	t.Helper()
	near := func(what string, a, b evidence.Seconds) {
		t.Helper()
		if math.Abs(float64(a-b)) > 0.0005 {
			t.Errorf("%s: %v and %v", what, a, b)
		}
	}
	var phases, findings, at evidence.Seconds
	for _, p := range d.Phases {
		near("a phase begins where the one before it ended", p.From, at)
		if p.Took < 0 || p.Unexplained < 0 || p.Unexplained > p.Took {
			t.Errorf("%s took %v, of which %v are unexplained", p.Name, p.Took, p.Unexplained)
		}
		phases, at = phases+p.Took, p.From+p.Took
	}
	for _, f := range d.Findings {
		findings += f.Seconds
		if len(f.Evidence) == 0 || f.Proof == "" || f.Fix.Words == "" {
			t.Errorf("%s lacks evidence, a proof or a fix: %+v", f.Cause, f)
		}
	}
	near("sum of the phases", phases, d.Took)
	near("what is explained, and the rest", findings+d.Unexplained, d.Took)
}

func TestPhasesAndFindingsSumUpToTheRecovery(t *testing.T) {
	for _, name := range records(t) {
		r := read(t, name)
		d := explain(t, r)
		checkSums(t, d)
		if r.Recovery > 0 && d.Took != r.Recovery {
			t.Errorf("%s: took %v, the recovery %v", name, d.Took, r.Recovery)
		}
	}
}

func TestSumsHoldWhateverTheTimelineSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := records(t)
	for range 3000 {
		r := read(t, names[random.IntN(len(names))])
		other := read(t, names[random.IntN(len(names))])
		r.Events, r.Settings = append(r.Events, other.Events...), other.Settings
		for i := range r.Timeline { // in any order, before the kill and after the recovery, some gone
			r.Timeline[i].At = evidence.InSeconds(time.Duration(random.Int64N(int64(60*time.Second))) - 5*time.Second)
		}
		r.Timeline = r.Timeline[random.IntN(len(r.Timeline)):]
		checkSums(t, explain(t, r))
		if t.Failed() {
			data, _ := json.Marshal(r)
			t.Fatalf("%s", data)
		}
	}
}

func TestARecordWithoutAKillIsRefused(t *testing.T) {
	r := read(t, "nothing-slow.hard-kill")
	r.KilledAt, r.Reasons = time.Time{}, []string{"no steady state"}
	if _, err := Explain(r); err == nil || !strings.Contains(err.Error(),
		"nothing was killed in Game Day 20261123-120000, so there is no recovery to explain: no steady state") {
		t.Errorf("error is %v", err)
	}
}

func TestARecoveryBeyondTheObjectiveIsSlowThoughNoPhaseIs(t *testing.T) {
	r := read(t, "nothing-slow.hard-kill")
	r.Objectives.Recovery = 2
	if d := explain(t, r); !d.Slow {
		t.Errorf("headline is %q", d.Headline())
	}
}

func TestThePatchRaisesTheLimitAndNothingElse(t *testing.T) {
	stack := stackfile.File{
		Path: "Pulumi.staging.yaml",
		Data: []byte("config:\n  opex:environment: staging\n  opex:services:\n   " +
			" - name: task-api # ours\n      image: a:1\n"),
	}
	for name, want := range map[string]string{
		"cpu-throttling.small-limit":     "+      resources:\n+        limits:\n+          cpu: 100m\n",
		"crash-loop.out-of-memory":       "+      resources:\n+        limits:\n+          memory: 128Mi\n",
		"slow-start.startup-probe-fails": "",
	} {
		diff, _, err := explain(t, read(t, name)).Patch(stack, stackfile.File{})
		if err != nil || !strings.Contains(diff, want) || strings.Contains(diff, "\n-") ||
			(want == "") != (diff == "") {
			t.Errorf("%s: error %v, diff\n%s", name, err, diff)
		}
	}
}

func TestThePatchRefusesTheFileOfAnotherStack(t *testing.T) {
	stack := stackfile.File{Path: "Pulumi.prod.yaml", Data: []byte("config:\n  opex:environment: production\n")}
	_, _, err := explain(t, read(t, "cpu-throttling.small-limit")).Patch(stack, stackfile.File{})
	if err == nil || !strings.Contains(err.Error(), "belongs to another stack") {
		t.Errorf("error is %v", err)
	}
}
