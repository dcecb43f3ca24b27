package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
)

// diagnoseFolder is a project's folder with the records of internal/diagnose, and a cluster that keeps some of them as
// ConfigMaps.
func diagnoseFolder(t *testing.T, stored ...string) {
	t.Helper()
	outputs, err := os.ReadFile("../../stacks/testdata/staging-outputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var parsed stack.Outputs
	if err := json.Unmarshal(outputs, &parsed); err != nil || parsed.Chaos == nil {
		t.Fatalf("the outputs have no chaos lab, error %v", err)
	}
	answers := map[string]any{
		"/api/v1/namespaces/kube-system":    map[string]any{"metadata": map[string]any{"uid": parsed.Cluster.UID}},
		"/api/v1/namespaces/staging/pods":   map[string]any{"items": livePods(parsed)},
		"/api/v1/namespaces/staging/events": map[string]any{"items": []any{}},
	}
	files := map[string]string{
		"outputs.json":        string(outputs),
		"Pulumi.yaml":         rightsizeProject,
		"Pulumi.staging.yaml": rightsizeStack,
	}
	paths, err := filepath.Glob("internal/diagnose/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(data)
	}
	maps := "/api/v1/namespaces/" + parsed.Chaos.Namespace + "/configmaps"
	var items []any
	for _, name := range stored {
		file, change, _ := strings.Cut(name, ":")
		text := files[file+".json"]
		if change != "" { // of another run
			text = strings.NewReplacer("20261123-120000", change, "2026-11-23T12:00:00Z", "2026-11-22T12:00:00Z").
				Replace(text)
		}
		m := map[string]any{
			"metadata": map[string]any{"name": "m-" + file, "labels": map[string]any{"opex/service": "task-api"}},
			"data":     shelf.Seal([]byte(text)),
		}
		items = append(items, m)
		answers[maps+"/m-"+file] = m
	}
	answers[maps] = map[string]any{"items": items}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		answer, found := answers[r.URL.Path]
		if !found {
			out.WriteHeader(http.StatusNotFound)
			answer = map[string]any{
				"kind":       "Status",
				"apiVersion": "v1",
				"status":     "Failure",
				"code":       404,
				"reason":     "NotFound",
				"message":    "not found",
			}
		}
		_ = json.NewEncoder(out).Encode(answer)
	}))
	t.Cleanup(server.Close)
	files["kubeconfig"] = `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"` + server.URL + `"}}],
		"users":[{"name":"u","user":{}}],"contexts":[{"name":"` + parsed.Cluster.Context + `","context":{"cluster":"c","user":"u"}}]}`
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// livePods are as many as the stack declares, and all are ready.
func livePods(outputs stack.Outputs) []any {
	var pods []any
	for range outputs.Services["task-api"].Replicas {
		pods = append(pods, map[string]any{"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready",
			"status": "True"}}}})
	}
	return pods
}

func runDiagnose(args ...string) (code int, out, people string) {
	g := &global{source: stack.Source{File: "outputs.json"}, kubeconfig: "kubeconfig"}
	command := newDiagnose(g)
	command.Flags().StringSliceVar(&g.services, "service", nil, "")
	command.SilenceErrors, command.SilenceUsage = true, true
	var outText, peopleText bytes.Buffer
	command.SetOut(&outText)
	command.SetErr(&peopleText)
	command.SetArgs(args)
	code = run(context.Background(), command)
	return code, outText.String(), peopleText.String()
}

func TestDiagnoseExplainsAFileWithoutACluster(t *testing.T) {
	diagnoseFolder(t)
	if err := os.Remove("kubeconfig"); err != nil {
		t.Fatal(err)
	}
	code, out, people := runDiagnose("--record", "cpu-throttling.small-limit.json")
	if code != exitOK || !strings.Contains(out, "opex:services[task-api].resources.limits.cpu: 50m -> 100m") ||
		!strings.Contains(people, "The cause: cpu-throttling") {
		t.Errorf("exit code %d\n%s\n%s", code, out, people)
	}
	code, out, _ = runDiagnose("--record", "cpu-throttling.small-limit.json", "--format", "json")
	var found []struct{ Findings []struct{ Cause string } }
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != exitOK || len(found) != 1 ||
		found[0].Findings[0].Cause != "cpu-throttling" {
		t.Errorf("exit code %d, error %v\n%s", code, err, out)
	}
}

func TestDiagnosePrintsThePatchAndNothingElse(t *testing.T) {
	diagnoseFolder(t)
	code, out, people := runDiagnose("--record", "cpu-throttling.small-limit.json", "--patch")
	if code != exitOK || !strings.HasPrefix(out, "--- a/Pulumi.staging.yaml\n") ||
		!strings.Contains(out, "cpu: 100m") ||
		!strings.Contains(people, "probe-settings: not in the patch, since the stack file has no key for it") {
		t.Errorf("exit code %d\n%s\n%s", code, out, people)
	}
	if data, _ := os.ReadFile("Pulumi.staging.yaml"); string(data) != rightsizeStack {
		t.Error("the stack file was changed")
	}
	code, out, people = runDiagnose("--record", "slow-start.startup-probe-fails.json", "--patch")
	if code != exitOK || out != "" || !strings.Contains(people, "Pulumi.staging.yaml stays as it is") {
		t.Errorf("exit code %d\n%s\n%s", code, out, people)
	}
}

func TestDiagnoseTakesTheSlowestKillOfTheNewestRun(t *testing.T) {
	diagnoseFolder(t, "nothing-slow.hard-kill", "image-pull.slow-registry", "scheduling.no-room:20261122-120000")
	code, _, people := runDiagnose("--html", "page.html")
	if code != exitOK || !strings.Contains(people, "of 2 kills, the slowest is explained") || !strings.Contains(people,
		"The cause: image-pull") {
		t.Errorf("exit code %d\n%s", code, people)
	}
	data, err := os.ReadFile("page.html")
	if err != nil || !bytes.Contains(data, []byte("2 kills")) || !strings.Contains(people, "the page is in page.html") {
		t.Errorf("error %v", err)
	}
	code, _, people = runDiagnose("--record", "m-scheduling.no-room")
	if code != exitOK || !strings.Contains(people, "The cause: scheduling") || !strings.Contains(people,
		"to which requests to go is not known") {
		t.Errorf("exit code %d\n%s", code, people)
	}
}

func TestDiagnoseSaysThatAllPodsAreReady(t *testing.T) {
	diagnoseFolder(t)
	code, out, people := runDiagnose("--live", "--format", "json")
	if code != exitOK || strings.TrimSpace(out) != "[]" || !strings.Contains(people,
		"task-api: all pods are ready: there is nothing to explain") {
		t.Errorf("exit code %d\n%s\n%s", code, out, people)
	}
}

func TestDiagnoseRefuses(t *testing.T) {
	cases := map[string]struct{ args, says string }{
		"a format that is none":        {"--format csv --live", "--format csv: allowed are table, json"},
		"a patch with a format":        {"--format json --patch", "--format with --patch"},
		"a stack file without a patch": {"--stack-file x", "--stack-file without --patch"},
		"a record of now":              {"--live --record x", "--record x with --live"},
		"a page of now":                {"--live --html x", "--html x with --live"},
		"a record of another service":  {"--service task-api --record x", "--record x with --service"},
		"all at once": {"--live --html x --stack-file y --format z",
			"--stack-file without --patch: no file is read\n--html x with --live"},
		"a file that is not there": {"--record ./none.json", "--record: open ./none.json"},
		"a ConfigMap that is not":  {"--record none", "record chaos-mesh/none: not found"},
		"what is no record": {
			"--record outputs.json", `schema "" version 0; this opex knows "opex.dev/gameday" up to version 2`,
		},
		"what is no JSON": {"--record Pulumi.yaml", "not the JSON of a Game Day"},
		"a service without a Game Day": {
			"--service task-api",
			"task-api: no Game Day is kept in namespace chaos-mesh. `opex " +
				"gameday` holds one",
		},
		"an unknown service": {"--service shop", `no service "shop"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			diagnoseFolder(t)
			code, out, people := runDiagnose(strings.Fields(c.args)...)
			if code != exitUnknown || out != "" || !strings.Contains(people, c.says) {
				t.Errorf("exit code %d\n%s\n%s", code, out, people)
			}
		})
	}
}
