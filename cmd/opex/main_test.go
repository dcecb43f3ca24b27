package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

const (
	podsAnswer     = "/api/v1/namespaces/staging/pods"
	openCostAnswer = "/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation?label:team"
)

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// verifyWorld is the world of the criteria's own tests, moved from its noon to the present.
func verifyWorld(t *testing.T) kubetest.World {
	t.Helper()
	data, err := os.ReadFile("internal/verify/testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(
		string(data), `"clusterUID": "here"`, `"clusterUID": "`+goldenOutputs(t).Cluster.UID+`"`, -1,
	)
	later := time.Since(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	moved := timestamp.ReplaceAllStringFunc(text, func(text string) string {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(later).Format(time.RFC3339)
	})
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	if err := os.WriteFile(path, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	world := kubetest.Load(t, path)
	// A cron's times are of the clock, and do not move along.
	world.Set(
		t, "/apis/velero.io/v1/namespaces/velero/schedules", "items.0.status.lastBackup",
		time.Now().UTC().Format(time.RFC3339),
	)
	return world
}

// goldenFile are the outputs of the staging stack.
const goldenFile = "../../stacks/testdata/staging-outputs.json"

func goldenOutputs(t *testing.T) stack.Outputs {
	t.Helper()
	outputs, err := stack.Source{File: goldenFile}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

func opexVerify(
	t *testing.T, ctx context.Context, world kubetest.World, args ...string,
) (code int, out, people string) {
	t.Helper()
	return opexOn(t, ctx, world, append([]string{"verify"}, args...)...)
}

// opexOn runs the command against a world, with the outputs of the staging stack.
func opexOn(t *testing.T, ctx context.Context, world kubetest.World, args ...string) (code int, out, people string) {
	t.Helper()
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	return opexWith(t, ctx, world, data, args...)
}

// opexWith is opexOn with other outputs, of the same cluster.
func opexWith(
	t *testing.T, ctx context.Context, world kubetest.World, data []byte, args ...string,
) (code int, out, people string) {
	t.Helper()
	outputs := goldenOutputs(t)
	world["/api/v1/namespaces/kube-system"] = map[string]any{
		"kind":       "Namespace",
		"apiVersion": "v1",
		"metadata":   map[string]any{"uid": outputs.Cluster.UID},
	}
	cluster, _ := world.Serve(t)
	config, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "users": []any{map[string]any{"name": "u", "user": map[string]any{}}},
		"clusters": []any{
			map[string]any{
				"name":    "c",
				"cluster": map[string]any{"server": "http://" + cluster.Client.CoreV1().RESTClient().Get().URL().Host},
			},
		},
		"contexts": []any{
			map[string]any{"name": outputs.Cluster.Context, "context": map[string]any{"cluster": "c", "user": "u"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	outputsFile := filepath.Join(t.TempDir(), "outputs.json")
	for path, content := range map[string][]byte{kubeconfig: config, outputsFile: data} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // a wait for what never passes ends, and is seen
	defer cancel()
	root := newRoot()
	var outText, peopleText bytes.Buffer
	root.SetIn(strings.NewReader(""))
	root.SetOut(&outText)
	root.SetErr(&peopleText)
	root.SetArgs(append(args, "--outputs", outputsFile, "--kubeconfig", kubeconfig))
	code = run(ctx, root)
	return code, outText.String(), peopleText.String()
}

func TestVerifyExitsByTheWorstVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, kubetest.World)
		args   []string
		code   int
		says   string
	}{
		"all in order":                {nil, nil, exitOK, "10 PASS: everything that was looked at is proven"},
		"one of several asked for":    {nil, []string{"--only", "SC-003,SC-001"}, exitOK, "2 PASS: everything"},
		"in order, with time to wait": {nil, []string{"--wait", "1h"}, exitOK, "10 PASS: everything"},
		"a failure": {func(t *testing.T, w kubetest.World) { w.Set(t, podsAnswer, "items.0.metadata.labels.team", nil) },
			nil, exitFailed, "9 PASS, 1 FAIL. See `next` above"},
		"nothing to look at": {func(_ *testing.T, w kubetest.World) { w[openCostAnswer] = http.StatusServiceUnavailable },
			nil, exitUnknown, "9 PASS, 1 UNPROVEN: not everything is proven"},
		"a failure outweighs what is unproven": {func(t *testing.T, w kubetest.World) {
			w.Set(t, podsAnswer, "items.0.metadata.labels.team", nil)
			w[openCostAnswer] = http.StatusServiceUnavailable
		}, nil, exitFailed, "8 PASS, 1 FAIL, 1 UNPROVEN. See"},
		"a failure that is not asked for": {func(t *testing.T, w kubetest.World) { w.Set(t, podsAnswer, "items.0.metadata.labels.team", nil) },
			[]string{"--only", "SC-002"}, exitOK, "1 PASS: everything"},
		"time that is up": {func(_ *testing.T, w kubetest.World) { w[openCostAnswer] = http.StatusServiceUnavailable },
			[]string{"--wait", "2s"}, exitUnknown, "looking again for up to"},
	} {
		t.Run(name, func(t *testing.T) {
			world := verifyWorld(t)
			if c.change != nil {
				c.change(t, world)
			}
			code, out, people := opexVerify(t, t.Context(), world, append(c.args, "--format", "json")...)
			if code != c.code || !strings.Contains(people, c.says) {
				t.Errorf("exit %d, want %d; people are told %q, want %q", code, c.code, people, c.says)
			}
			if !json.Valid([]byte(out)) {
				t.Errorf("standard output is not JSON alone:\n%s", out)
			}
		})
	}
}

func TestVerifyRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown criterion": {[]string{"--only", "SC-099"}, []string{`there is no criterion "SC-099"; known are SC-001, SC-002, SC-003, SC-004, SC-005, SC-006, SC-007`}},
		"an unknown format":    {[]string{"--format", "xml"}, []string{"--format xml: allowed are table, json, markdown"}},
		"a negative wait":      {[]string{"--wait", "-1s"}, []string{"--wait -1s: want 0 or more"}},
		"all of these":         {[]string{"--only", "SC-099,x", "--format", "xml", "--wait", "-1s"}, []string{"SC-099", `"x"`, "xml", "-1s"}},
		"an unknown service":   {[]string{"--service", "nobody"}, []string{`no service "nobody"; it has task-api`}},
		"sabotage beside --wait, in a format that is not its own": {[]string{"--sabotage", "--wait", "1m", "--format", "junit"},
			[]string{"--sabotage goes with none of --wait, --watch, --run and --baseline", "--format junit: with --sabotage allowed are table, json, markdown"}},
		"a baseline in a format without a place for changes": {[]string{"--baseline", "was.json", "--format", "junit"},
			[]string{"--format junit: with --baseline allowed are table, json, markdown, html"}},
		"--yes without anything to agree to": {[]string{"--yes"}, []string{"--yes goes with --sabotage and --run"}},
		"a word too many":                    {[]string{"task-api"}, []string{"task-api"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, people := opexVerify(t, t.Context(), verifyWorld(t), c.args...)
			if code != exitUnknown || out != "" {
				t.Errorf("exit %d, want %d; standard output %q", code, exitUnknown, out)
			}
			for _, want := range c.says {
				if !strings.Contains(people, want) {
					t.Errorf("people are told %q, want %q", people, want)
				}
			}
		})
	}
}

func TestVerifyThatIsInterruptedProvesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	world := verifyWorld(t)
	world[openCostAnswer] = http.StatusServiceUnavailable
	if code, _, people := opexVerify(t, ctx, world, "--wait", "1h"); code != exitUnknown {
		t.Errorf("exit %d, want %d; people are told %q", code, exitUnknown, people)
	}
}

func TestSabotageIsRefusedWhereItMustNotHappenAndBreaksNothing(t *testing.T) {
	outputs, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	production := bytes.ReplaceAll(outputs, []byte(`"environment": "staging"`), []byte(`"environment": "production"`))
	for name, c := range map[string]struct {
		outputs []byte
		args    []string
		code    int
		says    string
	}{
		"in production":      {production, []string{"--yes"}, exitUnknown, "the stack's environment is production, where nothing is broken on purpose"},
		"with nobody to ask": {outputs, nil, exitFailed, "there is no terminal to ask at"},
		"where something is left that cannot be put back": {outputs, []string{"--yes"}, exitUnknown, "not everything was put back: changed: services opencost/opencost"},
	} {
		t.Run(name, func(t *testing.T) {
			world := verifyWorld(t)
			world.Set(t, podsAnswer, "items.0.metadata.labels.team", "another")
			world["/apis/coordination.k8s.io/v1/namespaces/chaos-mesh/leases"] = map[string]any{
				"kind":       "Lease",
				"apiVersion": "coordination.k8s.io/v1",
				"metadata": map[string]any{
					"name":            "opex-sabotage",
					"namespace":       "chaos-mesh",
					"uid":             "1",
					"resourceVersion": "1",
				},
			}
			leftBySabotage(world, map[string]any{"apiVersion": "v1", "kind": "Service",
				"metadata": map[string]any{"name": "opencost", "labels": map[string]any{"opex/sabotage": "changed"}}})
			code, out, people := opexWith(
				t,
				t.Context(),
				world,
				c.outputs,
				append([]string{"verify", "--sabotage"}, c.args...)...)
			if c.args == nil &&
				!strings.Contains(
					people, "left by a run that died, and put back first: changed: services opencost/opencost",
				) {
				t.Errorf("people are not told of what was left: %q", people)
			}
			if code != c.code || out != "" || !strings.Contains(people, c.says) {
				t.Errorf(
					"exit %d, want %d; standard output %q; people are told %q, want %q", code, c.code, out, people,
					c.says,
				)
			}
		})
	}
}

func TestNothingIsBrokenWhereSomethingFailsAlready(t *testing.T) {
	outputs, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	world := verifyWorld(t)
	world.Set(t, podsAnswer, "items.0.metadata.labels.team", "another")
	world["/apis/coordination.k8s.io/v1/namespaces/chaos-mesh/leases"] = map[string]any{
		"kind":       "Lease",
		"apiVersion": "coordination.k8s.io/v1",
		"metadata": map[string]any{
			"name":            "opex-sabotage",
			"namespace":       "chaos-mesh",
			"uid":             "1",
			"resourceVersion": "1",
		},
	}
	leftBySabotage(world)
	code, out, people := opexWith(t, t.Context(), world, outputs, "verify", "--sabotage", "--yes")
	if want := "not all criteria pass to begin with (SC-001 is FAIL"; code != exitUnknown || out != "" ||
		!strings.Contains(people, want) {
		t.Errorf("exit %d, standard output %q, people are told %q, want %q", code, out, people, want)
	}
}

// leftBySabotage makes a world answer which Services of OpenCost's namespace bear sabotage's mark, and that nothing
// else does.
func leftBySabotage(world kubetest.World, services ...any) {
	for _, namespace := range []string{"staging", "opencost", "prometheus-system", "vertical-pod-autoscaler", "velero", "chaos-mesh"} {
		for _, kind := range []string{"/api/v1/*/pods", "/api/v1/*/services", "/api/v1/*/configmaps", "/api/v1/*/resourcequotas", "/apis/apps/v1/*/deployments",
			"/apis/autoscaling.k8s.io/v1/*/verticalpodautoscalers", "/apis/velero.io/v1/*/schedules", "/apis/velero.io/v1/*/backups",
			"/apis/chaos-mesh.org/v1alpha1/*/podchaos"} {
			path := strings.Replace(kind, "*", "namespaces/"+namespace, 1)
			others, marked := world[path], []any{}
			if path == "/api/v1/namespaces/opencost/services" {
				marked = append(marked, services...)
			}
			world[path] = func(r *http.Request) any {
				switch {
				case r.URL.Query().Get("labelSelector") == "opex/sabotage":
					return map[string]any{
						"apiVersion": "v1",
						"kind":       "List",
						"metadata":   map[string]any{},
						"items":      marked,
					}
				case others == nil:
					return http.StatusNotFound
				}
				return others
			}
		}
	}
}

func TestVerifyHelpListsEveryCriterion(t *testing.T) {
	_, out, _ := opexVerify(t, t.Context(), kubetest.World{}, "--help")
	for _, c := range verify.Criteria {
		if !strings.Contains(out, c.ID+"  "+c.Title) {
			t.Errorf("no word of %s in\n%s", c.ID, out)
		}
	}
	if !strings.Contains(out, "Exit code 0") {
		t.Errorf("no word of exit codes in\n%s", out)
	}
}
