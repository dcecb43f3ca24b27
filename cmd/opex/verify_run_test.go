package main

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

func TestWatchTellsWhatChangesUntilItIsInterrupted(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		t.Run(format, func(t *testing.T) {
			world := verifyWorld(t)
			good := world[podsAnswer]
			var bad map[string]any
			data, _ := json.Marshal(good)
			if err := json.Unmarshal([]byte(strings.Replace(string(data), `"team":"product-team"`, `"team":"another"`, 1)), &bad); err != nil {
				t.Fatal(err)
			}
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			asked := 0
			world[podsAnswer] = func() any {
				switch asked++; asked {
				case 1:
					return good
				case 3:
					interrupt() // the third look is cut off
				}
				return bad
			}
			code, out, people := opexVerify(t, ctx, world, "--only", "SC-001", "--watch", "1s", "--format", format)
			if code != exitFailed || !strings.Contains(people, "1 PASS; looking again in 1s, Ctrl-C ends") ||
				!strings.Contains(people, "0 PASS, 1 FAIL") {
				t.Errorf("exit %d; people are told %q", code, people)
			}
			if format == "table" {
				if !strings.Contains(out, "SC-001  Cost labels on all pods  PASS") ||
					!strings.Contains(out, "task-api SC-001 WORSE, PASS -> FAIL: pod ") {
					t.Errorf("standard output is\n%s", out)
				}
				return
			}
			reports := json.NewDecoder(strings.NewReader(out))
			for _, want := range []verify.Verdict{verify.Pass, verify.Fail} {
				var r verify.Report
				if err := reports.Decode(&r); err != nil || r.Services[0].Criteria[0].Verdict != want {
					t.Errorf("want %s, got %+v, %v", want, r, err)
				}
			}
		})
	}
}

func TestWhatWasInterruptedIsNoReport(t *testing.T) {
	world := verifyWorld(t)
	ctx, interrupt := context.WithCancel(t.Context())
	good := world[podsAnswer]
	world[podsAnswer] = func() any {
		interrupt()
		return good
	}
	code, out, people := opexVerify(t, ctx, world, "--format", "json")
	if code != exitUnknown || out != "" || !strings.Contains(people, "interrupted") {
		t.Errorf("exit %d, people are told %q\n%s", code, people, out)
	}
}

func TestThePageIsAFormatAndLeavesOutWhatIsNoEvidence(t *testing.T) {
	world := verifyWorld(t)
	code, out, people := opexVerify(t, t.Context(), maps.Clone(world), "--format", "html")
	if code != exitOK || !strings.HasPrefix(out, "<!DOCTYPE html>") || !strings.Contains(out, "SC-010") ||
		strings.Contains(people, "left out: evidence") {
		t.Errorf("exit %d, people are told %q, the page is %.80s", code, people, out)
	}
	world.Get(t, "/api/v1/namespaces/velero/configmaps", "items.0.data").(map[string]any)["record.sha256"] = "0"
	code, out, people = opexVerify(t, t.Context(), world, "--format", "html")
	if code != exitUnknown || !strings.HasPrefix(out, "<!DOCTYPE html>") ||
		!strings.Contains(people, "left out: evidence: ConfigMap velero/opex-drill") ||
		!strings.Contains(out, "evidence: ConfigMap velero/opex-drill") {
		t.Errorf("exit %d, people are told %q, the page is %.80s", code, people, out)
	}
}
