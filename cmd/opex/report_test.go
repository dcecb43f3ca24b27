package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

func TestReportWritesItsPageWhateverTheVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, kubetest.World)
		code   int
		says   string
	}{
		"all in order": {nil, exitOK, "10 PASS. The page is in "},
		"a failure":    {func(t *testing.T, w kubetest.World) { w.Set(t, podsAnswer, "items.0.metadata.labels.team", nil) }, exitFailed, "9 PASS, 1 FAIL. The page"},
		"no Game Day": {func(t *testing.T, w kubetest.World) {
			w.Set(t, "/api/v1/namespaces/chaos-mesh/configmaps", "items", []any{})
		}, exitUnknown,
			"7 PASS, 3 UNPROVEN. The page"},
	} {
		t.Run(name, func(t *testing.T) {
			world := verifyWorld(t)
			if c.change != nil {
				c.change(t, world)
			}
			file := filepath.Join(t.TempDir(), "report.html")
			code, out, people := opexOn(t, t.Context(), world, "report", "--out", file)
			page, err := os.ReadFile(file)
			if code != c.code || out != "" || err != nil || !strings.Contains(people, c.says) || !strings.Contains(string(page), "SC-010") {
				t.Errorf("exit code %d, error %v\n%s\n%s", code, err, out, people)
			}
		})
	}
}
