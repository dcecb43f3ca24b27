package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

func TestSpecWantsVerdictsOfItsOwnStack(t *testing.T) {
	uid := goldenOutputs(t).Cluster.UID
	for name, c := range map[string]struct {
		report string
		code   int
		says   string
	}{
		"its own":         {`{"schema": "opex.verify/v1", "cluster": "` + uid + `", "environment": "staging"}`, exitOK, "not judged"},
		"another cluster": {`{"schema": "opex.verify/v1", "cluster": "there", "environment": "staging"}`, exitUnknown, `its cluster is "there", this one is`},
		"production":      {`{"schema": "opex.verify/v1", "cluster": "` + uid + `", "environment": "production"}`, exitUnknown, `its environment is "production", this one is "staging"`},
		"another version": {`{"schema": "opex.verify/v9"}`, exitUnknown, `schema "opex.verify/v9"`},
		"not a report":    {`hello`, exitUnknown, "not the JSON of"},
		"no such file":    {"", exitUnknown, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.json")
			if c.report != "" {
				if err := os.WriteFile(file, []byte(c.report), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			command := newSpec(&global{source: stack.Source{File: goldenFile}})
			command.SilenceErrors, command.SilenceUsage = true, true
			var out, people bytes.Buffer
			command.SetOut(&out)
			command.SetErr(&people)
			command.SetArgs([]string{"--verdicts", file})
			if code := run(context.Background(), command); code != c.code ||
				!strings.Contains(out.String()+people.String(), c.says) {
				t.Errorf("exit code %d\n%s\n%s", code, out.String(), people.String())
			}
		})
	}
}
