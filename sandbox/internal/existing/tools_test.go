package existing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program puts a shell script on the PATH, as the only program there.
func program(t *testing.T, name, script string) {
	t.Helper()
	t.Setenv("PATH", t.TempDir())
	if name != "" {
		alsoProgram(t, name, script)
	}
}

// alsoProgram adds one to the PATH that program has made.
func alsoProgram(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestPulumiThatCannotRunTheProgramIsRefused(t *testing.T) {
	repo := t.TempDir()
	write(t, repo, ".pulumi.version", "3.250.0\n")
	for name, c := range map[string]struct{ program, script, problem string }{
		"not installed": {"", "", "install Pulumi 3.250.0 or later"},
		"fails":         {"pulumi", "exit 1", "install Pulumi"},
		"too old":       {"pulumi", "echo v3.100.1", "Pulumi is 3.100.1: 3.250.0 or later"},
		"no version":    {"pulumi", "echo latest", "pulumi version"},
		"the same":      {"pulumi", "echo v3.250.0", ""},
		"newer":         {"pulumi", "echo v3.261.0-alpha.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			program(t, c.program, c.script)
			err := CheckPulumi(t.Context(), repo)
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("error %v, want %q", err, c.problem)
			}
		})
	}
}

func TestKindWithoutWhatItNeedsIsRefused(t *testing.T) {
	program(t, "", "")
	if err := CheckKind(t.Context()); err == nil || !strings.Contains(err.Error(), "kind.sigs.k8s.io") {
		t.Errorf("error %v", err)
	}
	for name, docker := range map[string]string{
		"Docker is not installed":             "",
		"Docker does not run":                 "echo cannot connect >&2; exit 1",
		"Docker does not run and ends with 0": "echo cannot connect >&2; echo; exit 0",
	} {
		program(t, "kind", "exit 0")
		if docker != "" {
			alsoProgram(t, "docker", docker)
		}
		err := CheckKind(t.Context())
		if err == nil || !strings.Contains(err.Error(), "needs Docker") {
			t.Errorf("%s: error %v", name, err)
		} else if docker != "" && !strings.Contains(err.Error(), "cannot connect") {
			t.Errorf("%s: %v does not say what Docker says", name, err)
		}
	}
	program(t, "kind", "exit 0")
	alsoProgram(t, "docker", "echo 28.0.1")
	if err := CheckKind(t.Context()); err != nil {
		t.Error(err)
	}
}
