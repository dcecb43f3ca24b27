package main

import (
	"html"
	"net/http"
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
		"records that may not be read": {func(_ *testing.T, w kubetest.World) {
			w["/api/v1/namespaces/chaos-mesh/configmaps"], w["/api/v1/namespaces/velero/configmaps"] = http.StatusForbidden, `{"kind": "ConfigMapList", "items": [{`
		}, exitUnknown, "6 PASS, 4 UNPROVEN. The page"},
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
			for line := range strings.Lines(people) {
				if what, is := strings.CutPrefix(line, "left out: "); is &&
					!strings.Contains(html.UnescapeString(string(page)), strings.TrimSpace(what)) {
					t.Errorf("the page does not name what is left out: %s", what)
				}
			}
			if strings.Count(people, "left out: evidence: ConfigMaps in namespace ") != 2*strings.Count(
				name, "records",
			) {
				t.Errorf("people are told of other omissions: %s", people)
			}
			if code != c.code || out != "" || err != nil || !strings.Contains(people, c.says) ||
				!strings.Contains(string(page), "SC-010") {
				t.Errorf("exit code %d, error %v\n%s\n%s", code, err, out, people)
			}
		})
	}
}
