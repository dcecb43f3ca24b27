package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/review"
)

func runReview(t *testing.T, in string, args ...string) (code int, out, stderr string) {
	t.Helper()
	command := newReview(&global{})
	command.SilenceErrors, command.SilenceUsage = true, true
	var outText, stderrText bytes.Buffer
	command.SetIn(strings.NewReader(in))
	command.SetOut(&outText)
	command.SetErr(&stderrText)
	command.SetArgs(args)
	code = run(context.Background(), command)
	return code, outText.String(), stderrText.String()
}

const (
	shopService = `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "till", "namespace": "shop"}, "spec": {"selector": {"run": "till"}}}`
	shopPods    = `{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "till", "namespace": "shop", "labels": {"team": "a", "app": "b", "environment": "c", "cost-center": "d"}},
		"spec": {"template": {"metadata": {"labels": {"run": "till", "team": "a", "app": "b", "environment": "c", "cost-center": "d"}},
		"spec": {"containers": [{"name": "till", "image": "till:1", "resources": {"requests": {"cpu": 1, "memory": 1}, "limits": {"memory": 1}}}]}}}}`
)

func TestReviewExitsByWhatItFinds(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"service.json": shopService, "pods/job.yaml": shopPods, "readme.md": "# no manifest"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mixed, values := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{mixed + "/all.yaml": shopService + "\n---\n" + shopPods, mixed + "/values.yaml": "replicas: 3", mixed + "/package.json": `{"name": "till"}`,
		values + "/values.yaml": "replicas: 3"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty := t.TempDir()
	for name, c := range map[string]struct {
		in   string
		args []string
		code int
		says string // to stderr
	}{
		"a folder, as one":          {"", []string{folder}, exitOK, fmt.Sprintf("nothing found by %d rules in 2 objects. Next: deploy it", len(review.Rules))},
		"files":                     {"", []string{folder + "/service.json", folder + "/pods/job.yaml"}, exitOK, "in 2 objects"},
		"standard input":            {shopService + "\n---\n" + shopPods, []string{"-"}, exitOK, "in 2 objects"},
		"a Service without pods":    {shopService, []string{"-"}, exitFailed, fmt.Sprintf("1 error by %d rules in 1 objects", len(review.Rules))},
		"a folder with others":      {"", []string{mixed}, exitOK, "passed over, since they hold no Kubernetes object: " + mixed + "/package.json, " + mixed + "/values.yaml\nnothing found"},
		"a folder of others":        {"", []string{values}, exitUnknown, "there is nothing to review: no file holds a Kubernetes object"},
		"a file of others":          {"", []string{mixed, values + "/values.yaml"}, exitUnknown, "values.yaml: holds no Kubernetes object"},
		"half an object":            {shopService + "\n---\nKind: Pod\napiVersion: v1", []string{"-"}, exitUnknown, "standard input: document at line 2: has Kind, which is written kind"},
		"nothing":                   {"", []string{"-"}, exitUnknown, "standard input: holds no Kubernetes object"},
		"a file that is not there":  {"", []string{folder, "none.yaml", "-"}, exitUnknown, "none.yaml: no such file or directory\nstandard input: holds no"},
		"a folder without any":      {"", []string{empty}, exitUnknown, "holds no .yaml, .yml or .json file"},
		"a format that is not":      {"", []string{"--format", "html", "-"}, exitUnknown, "--format html: allowed are table, details, diff, json, sarif, markdown"},
		"no project, and no files":  {"", nil, exitUnknown, "pulumi preview"},
		"the rules, and no reading": {"", []string{"--list", "none.yaml"}, exitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(empty)
			code, out, stderr := runReview(t, c.in, c.args...)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("exit code %d\n%s\n%s", code, out, stderr)
			}
		})
	}
}

func TestReviewPrintsDataAlone(t *testing.T) {
	_, out, _ := runReview(t, shopService, "--format", "json", "-")
	var report struct {
		Findings []struct{ Rule, Object, Field string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Findings) != 1 ||
		report.Findings[0].Rule != "SUR-10" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestReviewReportsWhatThePreviewWouldRefuse runs a stand-in for pulumi that fails, as the program does, unless it is
// asked for a report.
func TestReviewReportsWhatThePreviewWouldRefuse(t *testing.T) {
	folder := t.TempDir()
	step := func(urn, object string) string {
		return `{"newState": {"type": "kubernetes:core/v1:Service", "urn": "urn:pulumi:s::p::t::` + urn + `", "inputs": ` + object + `}}`
	}
	program := "#!/bin/sh\n[ \"$OPEX_REVIEW $*\" = 'report preview --json --show-sames --non-interactive' ] || exit 255\ncat <<'END'\n" +
		`{"steps": [` + step(
		"till-service",
		shopService,
	) + `, ` + step(
		"job", strings.Replace(shopPods, `"image": "till:1"`, `"image": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"`, 1),
	) +
		`, ` + step(
		"other",
		strings.NewReplacer(`"till"`, `"other"`).Replace(shopService),
	) + "]}\nEND\n"
	if err := os.WriteFile(filepath.Join(folder, "pulumi"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	code, out, stderr := runReview(t, "")
	if code != exitFailed || strings.Count(out, "SUR-10") != 1 || !strings.Contains(out, "(preview: other)\n") {
		t.Errorf("exit code %d\n%s\n%s", code, out, stderr)
	}
	want := "not judged: Job shop/till (preview: job): spec.template.spec.containers.0.image is not known before the update, or secret, and was not judged\n"
	if !strings.Contains(stderr, want) || strings.Contains(out, "SUR-11") {
		t.Errorf("it does not say what it could not judge:\n%s\n%s", out, stderr)
	}
}
