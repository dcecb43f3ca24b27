package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	costsOpenCost   = "/api/v1/namespaces/opencost/services/http:opencost:9003/proxy/allocation"
	costsPrometheus = "/api/v1/namespaces/prometheus-system/services/http:prometheus-server:80/proxy/api/v1/query"
)

// costsFolder is the folder of the tests of rightsize, on a cluster where OpenCost gives task-api some money.
func costsFolder(t *testing.T, money float64, change func(answers map[string]any)) {
	t.Helper()
	rightsizeFolder(t, func(answers map[string]any) {
		line := func(cost float64) map[string]any {
			return map[string]any{"cpuCost": cost, "totalCost": cost, "cpuCoreHours": 1, "minutes": 1440,
				"start": time.Now().Add(-24 * time.Hour).UTC(), "end": time.Now().UTC()}
		}
		answers[costsOpenCost] = map[string]any{"code": 200, "data": []any{map[string]any{
			"staging/deployment:task-api/task-api-0/product-team/task-api/staging/engineering": line(
				money,
			), "__idle__": line(1),
		}}}
		answers[costsPrometheus] = map[string]any{"status": "success", "data": map[string]any{"result": []any{}}}
		if change != nil {
			change(answers)
		}
	})
}

func runCosts(args ...string) (code int, out, people string) {
	root := newRoot()
	var outText, peopleText bytes.Buffer
	root.SetOut(&outText)
	root.SetErr(&peopleText)
	root.SetArgs(append([]string{"costs", "--outputs", "outputs.json", "--kubeconfig", "kubeconfig"}, args...))
	code = run(context.Background(), root)
	return code, outText.String(), peopleText.String()
}

func TestCostsPutsDataOutAndSpeaksToPeopleApart(t *testing.T) {
	costsFolder(t, 3, nil)
	code, out, people := runCosts("--format", "json", "--compare")
	var report struct {
		Currency string
		Lines    []struct {
			Name  string
			Total float64
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitOK || report.Currency != "USD" ||
		len(report.Lines) != 3 || report.Lines[0].Name != "product-team" || report.Lines[0].Total != 3 {
		t.Errorf("exit code %d, error %v, data:\n%s\n%s", code, err, out, people)
	}
	if !strings.Contains(people, "costs stayed the same") || !strings.Contains(people, "Next: ") {
		t.Errorf("words:\n%s", people)
	}
	if _, out, _ := runCosts("--format", "csv", "--by", "service"); !strings.HasPrefix(out, "SERVICE,CPU") {
		t.Errorf("data:\n%s", out)
	} else if rows, err := csv.NewReader(strings.NewReader(out)).ReadAll(); err != nil || len(rows) != 5 {
		t.Errorf("rows %v, error %v", rows, err)
	}
}

func TestCostsFailsOnABudgetOnlyWhereAsked(t *testing.T) {
	if at := time.Now().UTC(); at.Day() == 1 && at.Hour() == 0 && at.Minute() < 2 {
		t.Skip("a month that has just begun has no money yet")
	}
	cases := map[string]struct {
		money float64 // of a budget of 100
		args  []string
		code  int
		want  string
	}{
		"over":                   {101, nil, exitOK, "team product-team is over its budget: 101.00 of 100.00 USD"},
		"over, and to be told":   {101, []string{"--fail-over-budget"}, exitFailed, "is over its budget"},
		"within, and to be told": {1, []string{"--fail-over-budget"}, exitOK, "coverage: 100.0%"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			costsFolder(t, c.money, nil)
			code, out, people := runCosts(c.args...)
			if code != c.code || !strings.Contains(people, c.want) || !strings.Contains(out, "Budgets, USD") {
				t.Errorf("exit code %d, data:\n%s\n%s", code, out, people)
			}
		})
	}
}

func TestCostsThatNobodyCanTellAreNoReport(t *testing.T) {
	status := func(code int, reason string) map[string]any {
		return map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
	}
	cases := map[string]struct {
		change func(answers map[string]any)
		want   string
	}{
		"OpenCost is not there": {
			func(a map[string]any) { delete(a, costsOpenCost) },
			"OpenCost: service opencost/opencost:9003",
		},
		"Prometheus is not there": {
			func(a map[string]any) { delete(a, costsPrometheus) },
			"Prometheus: service prometheus-system/prometheus-server:80",
		},
		"OpenCost says otherwise": {
			func(a map[string]any) { a[costsOpenCost] = status(200, "x") }, "OpenCost knows no allocation",
		},
		"OpenCost says a word": {
			func(a map[string]any) { a[costsOpenCost] = "restarting" }, "not the JSON of an allocation",
		},
		"OpenCost knows nothing": {
			func(a map[string]any) { a[costsOpenCost] = map[string]any{"code": 200, "data": []any{}} },
			"a new OpenCost needs about two minutes",
		},
		"Prometheus says a word": {
			func(a map[string]any) { a[costsPrometheus] = "restarting" },
			"Prometheus: the answer is not the JSON",
		},
		"the cluster is another": {
			func(a map[string]any) { delete(a, "/api/v1/namespaces/kube-system") }, "opex-staging",
		},
		"cost visibility is off": {nil, "set opex:cost.enabled to true"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			costsFolder(t, 3, c.change)
			if c.change == nil {
				withoutCost(t)
			}
			code, out, people := runCosts()
			if code != exitUnknown || out != "" || !strings.Contains(people, c.want) {
				t.Errorf("exit code %d, data:\n%s\n%s", code, out, people)
			}
		})
	}
}

func withoutCost(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("outputs.json")
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]any{}
	if err := json.Unmarshal(data, &outputs); err != nil {
		t.Fatal(err)
	}
	delete(outputs, "cost")
	data, _ = json.Marshal(outputs)
	if err := os.WriteFile("outputs.json", data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCostsRefusesFlagsThatMakeNoSense(t *testing.T) {
	t.Chdir(t.TempDir()) // flags are looked at before outputs
	cases := map[string]struct {
		args []string
		want []string
	}{
		"a format": {
			[]string{"--format", "xml"}, []string{"--format xml: allowed are table, json, csv, markdown"},
		},
		"a key": {
			[]string{"--by", "colour"},
			[]string{"--by colour: allowed are team, app, environment, cost-center, namespace, service"},
		},
		"a window": {
			[]string{"--window", "1s"}, []string{`--window: window "1s"`, "at least the resolution"},
		},
		"no window": {[]string{"--window", ""}, []string{`--window: window ""`}},
		"a window to be": {
			[]string{"--window", "2099-01-01T00:00:00Z,2099-01-02T00:00:00Z"},
			[]string{"starts in the future", "ends in the future"},
		},
		"another window": {[]string{"--compare=soon"}, []string{`--compare: window "soon"`}},
		"another to be": {
			[]string{"--compare=2099-01-01T00:00:00Z,2099-01-02T00:00:00Z"}, []string{"--compare:", "in the future"},
		},
		"a service":   {[]string{"--service", "task-api"}, []string{"--by service shows each service"}},
		"an argument": {[]string{"task-api"}, []string{"unknown command"}},
		"all of it at once": {
			[]string{"--format", "xml", "--by", "x", "--window", "0m", "--compare=1h,2h"},
			[]string{"--format xml", "--by x", "--window:", "--compare:"},
		},
		"compare of nothing": {[]string{"--window", "x", "--compare"}, []string{`--window: window "x"`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, out, people := runCosts(c.args...)
			if code != exitUnknown || out != "" {
				t.Errorf("exit code %d, data:\n%s", code, out)
			}
			for _, want := range c.want {
				if !strings.Contains(people, want) {
					t.Errorf("%q is not in\n%s", want, people)
				}
			}
		})
	}
}

func TestAWindowToCompareWithEndsWhereTheOtherStarts(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for compare, start := range map[string]time.Time{"previous": at.Add(-4 * time.Hour), "1h": at.Add(-3 * time.Hour)} {
		_, was, err := costsFlags{window: "2h", by: "team", format: "table", compare: compare}.windows(&global{}, at)
		if err != nil || was == nil || !was.Start.Equal(start) || !was.End.Equal(at.Add(-2*time.Hour)) {
			t.Errorf("--compare=%s is %v, error %v", compare, was, err)
		}
	}
}
