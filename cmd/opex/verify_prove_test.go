package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

func TestRunIsNoSuccessWhereItsDrillAndGameDayWereRefusedThoughOlderRecordsPass(t *testing.T) {
	code, out, people := opexVerify(t, t.Context(), verifyWorld(t), "--run", "--only", "SC-001,SC-007,SC-009")
	if code != exitUnknown || !strings.Contains(out, "SC-007") || strings.Count(people, "task-api: refused") != 2 ||
		!strings.Contains(people, "the verdicts rest on older records") {
		t.Errorf("exit %d, people are told %q\n%s", code, people, out)
	}
}

func TestRunHoldsWhatTheCriteriaAskedForRestOnAndNothingElse(t *testing.T) {
	for only, want := range map[string]struct{ drills, gameDays int }{
		"SC-001,SC-002,SC-003": {0, 0}, "SC-004": {1, 0}, "SC-007": {1, 0}, "SC-008": {0, 1}, "SC-010": {0, 1}, "SC-005,SC-009": {1, 1},
	} {
		t.Run(only, func(t *testing.T) {
			_, _, people := opexVerify(t, t.Context(), verifyWorld(t), "--run", "--only", only)
			gameDays := strings.Count(people, "Game Day of task-api (staging):")
			if drills := strings.Count(people, "task-api: refused") - gameDays; drills != want.drills ||
				gameDays != want.gameDays {
				t.Errorf("%d drills and %d Game Days, want %+v:\n%s", drills, gameDays, want, people)
			}
			if strings.Contains(people, "--run: nothing is held") != (want.drills+want.gameDays == 0) {
				t.Errorf("people are told %q", people)
			}
		})
	}
}

// TestWhatCannotBeHeldKeepsNothingElseFromBeingHeldAndJudged has a service whose outputs nobody can read, before one
// that is in order.
func TestWhatCannotBeHeldKeepsNothingElseFromBeingHeldAndJudged(t *testing.T) {
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var outputs map[string]any
	if err := json.Unmarshal(data, &outputs); err != nil {
		t.Fatal(err)
	}
	services := outputs["services"].(map[string]any)
	good, err := json.Marshal(services["task-api"])
	if err != nil {
		t.Fatal(err)
	}
	services["a"] = json.RawMessage(
		bytes.ReplaceAll(
			bytes.ReplaceAll(good, []byte(`"rto":"30m"`), []byte(`"rto":"soon"`)), []byte(`"recovery":"30s"`),
			[]byte(`"recovery":"soon"`),
		),
	)
	if data, err = json.Marshal(outputs); err != nil {
		t.Fatal(err)
	}
	code, out, people := opexWith(t, t.Context(), verifyWorld(t), data, "verify", "--run", "--format", "json")
	var report verify.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Services) != 2 || code != exitUnknown {
		t.Errorf("exit %d, error %v\n%s", code, err, out)
	}
	for _, words := range []string{"--run: the drill of a: service a: the stack's outputs: ", "--run: the Game Day of a: service a: "} {
		if !strings.Contains(people, words) {
			t.Errorf("people are not told %q:\n%s", words, people)
		}
	}
	if n := strings.Count(people, "task-api: refused"); n != 2 {
		t.Errorf("%d of two were tried of the other service:\n%s", n, people)
	}
}

// kept is a report of all criteria in a file, changed.
func kept(t *testing.T, change func(*verify.Report)) string {
	t.Helper()
	_, out, _ := opexVerify(t, t.Context(), verifyWorld(t), "--format", "json")
	var report verify.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	change(&report)
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "was.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestABaselineOfAnotherStackIsToldOfBeforeAnythingIsHeld(t *testing.T) {
	file := kept(t, func(r *verify.Report) { r.Cluster, r.Environment = "there", "production" })
	code, out, people := opexVerify(t, t.Context(), verifyWorld(t), "--run", "--baseline", file)
	if code != exitUnknown || out != "" || strings.Contains(people, "refused") ||
		!strings.Contains(
			people, `its cluster is "there"`,
		) || !strings.Contains(people, `its environment is "production"`) {
		t.Errorf("exit %d, people are told %q\n%s", code, people, out)
	}
}

func TestABaselineIsComparedInWhatIsAskedForNow(t *testing.T) {
	file := kept(t, func(r *verify.Report) { r.Services[0].Criteria[1].Verdict = verify.Fail })
	for only, says := range map[string]string{"SC-001": "nothing changed", "SC-001,SC-002": "1 changes\n  task-api SC-002 better, FAIL -> PASS"} {
		if code, out, people := opexVerify(t, t.Context(), verifyWorld(t), "--only", only, "--baseline", file); code != exitOK ||
			!strings.Contains(out, says) {
			t.Errorf("%s: exit %d, people are told %q\n%s", only, code, people, out)
		}
	}
	_, out, people := opexVerify(t, t.Context(), verifyWorld(t), "--format", "html", "--baseline", file)
	if !strings.Contains(out, "task-api SC-002 better, FAIL -&gt; PASS") {
		t.Errorf("the page does not say what changed; people are told %q", people)
	}
}
