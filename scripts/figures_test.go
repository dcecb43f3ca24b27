// Package scripts holds the tests of the scripts' own functions.
package scripts

import (
	"os/exec"
	"strings"
	"testing"
)

// verify is an `opex verify` that ends so.
func verify(says, code string) string {
	return `row verify "$(seconds judged sh -c 'echo "` + says + `"; exit ` + code + `')" "9 s"; kept`
}

func TestABenchFailsWithoutAFigureAndOverItsPromise(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		fails  bool
		says   []string
		not    string
	}{
		"within":                   {`row a "12.0 s" "100 s"; row b 0.44 0.5; row c "3.90 GiB" "4 GiB"; kept`, false, []string{"| 12.0 s |", "| 100 s |"}, "bench:"},
		"just so":                  {`row a "2.0 s" "2 s"; kept`, false, nil, "bench:"},
		"nothing promised":         {`row a "2.0 s" ""; kept`, false, nil, "bench:"},
		"over, told at the end":    {`row a "2.1 s" "2 s"; row b 0.6 0.5; row c "12 s" "100 s"; kept`, true, []string{"| 12 s |", "bench: over its promise: a: measured 2.1 s, promised 2 s", "over its promise: b: measured 0.6"}, "promise: c"},
		"no figure":                {`row a "$(seconds sh -c 'echo because >&2; exit 3')" "2 s"; echo went on; kept`, true, []string{"because", `bench: no figure for "a"`}, "went on"},
		"no figure, none promised": {`row a "" ""; echo went on`, true, []string{`no figure for "a"`}, "went on"},
		"a command that is timed":  {`row a "$(seconds true)" "9 s"; kept`, false, []string{"| 0."}, ""},
		"all verdicts PASS":        {verify("SC-010  quick  PASS", "0"), false, []string{" s |"}, "bench:"},
		"a verdict is FAIL":        {verify("SC-010  quick  FAIL", "1"), false, []string{" s |"}, "bench:"},
		"a verdict is UNPROVEN":    {verify("SC-010  quick  UNPROVEN", "2"), false, []string{" s |"}, "bench:"},
		"verify judged nothing":    {verify("no stack selected", "2"), true, []string{"no stack selected", `no figure for "verify"`}, ""},
		"verify was ended":         {verify("SC-010  quick  PASS", "137"), true, []string{`no figure for "verify"`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.Command(
				"bash", "-c", "set -euo pipefail\nwork=$1\n. ./figures\n"+c.script, "bash", t.TempDir(),
			)
			out, err := command.CombinedOutput()
			text := strings.Join(strings.Fields(string(out)), " ")
			if (err != nil) != c.fails {
				t.Errorf("error is %v:\n%s", err, out)
			}
			for _, want := range c.says {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("%q in\n%s", c.not, out)
			}
		})
	}
}
