package stacks

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/pulumitest"
)

var stackNames = []string{"staging", "prod"}

// forEachStack deploys every stack from its own files.
func forEachStack(t *testing.T, test func(t *testing.T, stack string, record *pulumitest.Record)) {
	for _, stack := range stackNames {
		t.Run(stack, func(t *testing.T) {
			homeWithKubeconfig(t)
			record, err := deploy(t, stack, stackConfig(t, stack), pulumitest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			test(t, stack, record)
		})
	}
}

func TestManifestsAreTheGoldenOnes(t *testing.T) {
	forEachStack(t, func(t *testing.T, stack string, record *pulumitest.Record) {
		pulumitest.Golden(t, "testdata/"+stack+".yaml", record.Manifests(t))
	})
}

func TestOutputsAreTheGoldenOnes(t *testing.T) {
	forEachStack(t, func(t *testing.T, stack string, record *pulumitest.Record) {
		text, err := json.MarshalIndent(record.Outputs, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		pulumitest.Golden(t, "testdata/"+stack+"-outputs.json", append(text, '\n'))
		if len(record.SecretOutputs) > 0 {
			t.Errorf("outputs hold secrets: %v", record.SecretOutputs)
		}
	})
}

func TestPasswordIsNeverInClear(t *testing.T) {
	forEachStack(t, func(t *testing.T, _ string, record *pulumitest.Record) {
		encoded := base64.StdEncoding.EncodeToString([]byte(testPassword))
		for _, form := range []string{testPassword, encoded} {
			if strings.Contains(record.Clear(), form) {
				t.Errorf("%q can be read in the record:\n%s", form, record.Clear())
			}
		}
		if got := record.Find("task-api-db-secret").Secrets["data"]; got != `{"password":"`+encoded+`"}` {
			t.Errorf("the Secret holds %s, which is not the password", got)
		}
	})
}

func TestNewPasswordRollsBothPods(t *testing.T) {
	homeWithKubeconfig(t)
	digests := func(password string) []string {
		config := stackConfig(t, "staging")
		config["opex:databasePasswords"] = asConfig(t, map[string]string{"task-api": password})
		record, err := deploy(t, "staging", config, pulumitest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, name := range []string{"task-api-deployment", "task-api-db-statefulset"} {
			digest, is := dig(record.Find(name).Inputs, "spec", "template", "metadata", "annotations", "opex/database-password-digest").(string)
			if !is || len(digest) != 16 {
				t.Errorf("%s: digest is %q, want 16 hexadecimal digits", name, digest)
			}
			found = append(found, digest)
		}
		return found
	}
	first, again, changed := digests(testPassword), digests(testPassword), digests(testPassword+"!")
	if !slices.Equal(first, again) {
		t.Errorf("the same password gave %v and %v: every update would restart the pods", first, again)
	}
	if first[0] == changed[0] || first[1] == changed[1] {
		t.Errorf("a new password left the digests as they were: %v, %v", first, changed)
	}
}

func TestCostLabelsStandOnEveryObjectAndPodAndInNoSelector(t *testing.T) {
	forEachStack(t, func(t *testing.T, stack string, record *pulumitest.Record) {
		environment := map[string]string{"staging": "staging", "prod": "production"}[stack]
		service := map[string]string{
			"team":        "product-team",
			"app":         "task-api",
			"environment": environment,
			"cost-center": "engineering",
		}
		engine := map[string]string{"team": "platform-team", "environment": environment, "cost-center": "engineering"}
		objects := 0
		for _, r := range record.Resources {
			// the chart's labels stand on what it patches
			if r.Inputs["kind"] == nil || strings.HasSuffix(r.Type, ":DeploymentPatch") {
				continue
			}
			objects++
			want := service
			if strings.HasPrefix(r.Name, "cost-") || strings.HasPrefix(r.Name, "size-") ||
				strings.HasPrefix(r.Name, "backup-") ||
				strings.HasPrefix(r.Name, "chaos-") {
				want = engine
			}
			labelled := []any{r.Inputs, dig(r.Inputs, "spec", "template")}
			for _, object := range labelled {
				if object == nil {
					continue
				}
				labels := dig(object, "metadata", "labels")
				for key, value := range want {
					if got := dig(labels, key); got != value {
						t.Errorf("%s: label %s is %v, want %s", r.Name, key, got, value)
					}
				}
			}
			eachSelector(r.Inputs, func(selector any) {
				for key := range want {
					if dig(selector, key) != nil {
						t.Errorf("%s: the cost label %s is in a selector", r.Name, key)
					}
				}
			})
		}
		if want := map[string]int{"staging": 31, "prod": 25}[stack]; objects != want {
			t.Errorf("%d objects were looked at, want %d", objects, want)
		}
	})
}

func TestPodsOfEnginesCarryCostLabels(t *testing.T) {
	where := map[string][]string{ // the chart's key
		"cost-prometheus":     {"server", "podLabels"},
		"cost-opencost":       {"podLabels"},
		"size-recommender":    {"recommender", "podLabels"},
		"size-metrics-server": {"podLabels"},
		"backup-velero":       {"nodeAgent", "podLabels"},
	}
	forEachStack(t, func(t *testing.T, _ string, record *pulumitest.Record) {
		for name, keys := range where {
			labels := dig(record.Find(name).Inputs["values"], keys...)
			for _, key := range []string{"team", "app", "environment", "cost-center"} {
				if value, _ := dig(labels, key).(string); value == "" {
					t.Errorf("%s: pods have no label %s: %v", name, key, labels)
				}
			}
		}
	})
}

func TestEngineThatIsOffLeavesNoTrace(t *testing.T) {
	homeWithKubeconfig(t)
	config := stackConfig(t, "staging")
	for _, engine := range []string{"opex:cost", "opex:size", "opex:backup", "opex:chaos"} {
		config[engine] = `{"enabled": false}`
	}
	record, err := deploy(t, "staging", config, pulumitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range record.Resources {
		if strings.HasPrefix(r.Name, "cost") || strings.HasPrefix(r.Name, "size") || strings.HasPrefix(r.Name, "backup") ||
			strings.HasSuffix(r.Name, "-size") || strings.HasSuffix(r.Name, "-backup") ||
			strings.Contains(r.Name, "chaos") {
			t.Errorf("%s is there", r.Name)
		}
	}
	for _, output := range []string{contract.OutputCost, contract.OutputSize, contract.OutputBackup, contract.OutputChaos, contract.OutputDashboards} {
		if value, is := record.Outputs[output]; is {
			t.Errorf("output %s is there: %v", output, value)
		}
	}
}

func TestProductionHasNoTraceOfChaos(t *testing.T) {
	forEachStack(t, func(t *testing.T, stack string, record *pulumitest.Record) {
		var traces []string
		for _, r := range record.Resources {
			if text, err := json.Marshal(r.Inputs); err != nil || strings.Contains(string(text), "chaos-mesh") ||
				strings.Contains(r.Name, "chaos") {
				traces = append(traces, r.Name)
			}
		}
		if _, is := record.Outputs[contract.OutputChaos]; is != (stack == "staging") ||
			(len(traces) > 0) != (stack == "staging") {
			t.Errorf("traces are %v, the output chaos is there: %v", traces, is)
		}
	})
}

func TestProductionIsProtectedWholeAndStagingNotAtAll(t *testing.T) {
	forEachStack(t, func(t *testing.T, stack string, record *pulumitest.Record) {
		for _, r := range record.Resources {
			if r.Protect != (stack == "prod") {
				t.Errorf("%s: protect is %v", r.Name, r.Protect)
			}
		}
	})
}

func TestProtectionCanBeLifted(t *testing.T) {
	homeWithKubeconfig(t)
	config := stackConfig(t, "prod")
	config["opex:protect"] = "false"
	record, err := deploy(t, "prod", config, pulumitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range record.Resources {
		if r.Protect {
			t.Errorf("%s is protected", r.Name)
		}
	}
}

func TestEveryObjectWaitsForTheNamespace(t *testing.T) {
	forEachStack(t, func(t *testing.T, _ string, record *pulumitest.Record) {
		namespace := record.Find("namespace").URN
		for _, r := range record.Resources {
			if dig(r.Inputs, "metadata", "namespace") == record.Outputs["environment"] &&
				!slices.Contains(r.DependsOn, namespace) {
				t.Errorf("%s does not depend on the namespace", r.Name)
			}
		}
	})
}

func TestLabelKeysStayDistinctInMetrics(t *testing.T) {
	if got := contract.Collisions(contract.LabelKeys()); len(got) > 0 {
		t.Errorf("the program's own labels collide: %v", got)
	}
}

// dig walks down maps; what is not there is nil.
func dig(from any, keys ...string) any {
	for _, key := range keys {
		object, is := from.(map[string]any)
		if !is {
			return nil
		}
		from = object[key]
	}
	return from
}

// eachSelector visits every selector below a value, under whichever name.
func eachSelector(from any, visit func(any)) {
	switch from := from.(type) {
	case map[string]any:
		for key, value := range from {
			if strings.HasSuffix(strings.ToLower(key), "selector") {
				visit(value)
				visit(dig(value, "matchLabels"))
			}
			eachSelector(value, visit)
		}
	case []any:
		for _, value := range from {
			eachSelector(value, visit)
		}
	}
}

func TestTheExporterIsInNoStackUnlessItIsAskedForAndThenReadsTheStacksOwnOutputs(t *testing.T) {
	homeWithKubeconfig(t)
	config := stackConfig(t, "staging")
	record, err := deploy(t, "staging", config, pulumitest.Options{})
	if err != nil || strings.Contains(string(record.Manifests(t)), "opex-exporter") {
		t.Fatalf("error %v, or it is there unasked", err)
	}
	config["opex:exporter"] = `{"enabled": true}`
	record, err = deploy(t, "staging", config, pulumitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var given, published map[string]any
	text := record.Find("exporter-outputs").Inputs["data"].(map[string]any)["outputs.json"].(string)
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(record.Outputs)
	if err == nil {
		err = json.Unmarshal(data, &published)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, is := published[contract.OutputDashboards].(map[string]any)["proof"]; !is {
		t.Errorf("the dashboards are %v", published[contract.OutputDashboards])
	}
	delete(published, contract.OutputDashboards) // of no use to it
	want, _ := json.Marshal(published)
	if got, _ := json.Marshal(given); string(got) != string(want) {
		t.Errorf("it is given\n%s\nand published is\n%s", got, want)
	}
	if len(record.SecretOutputs) > 0 || strings.Contains(text, testPassword) {
		t.Errorf("secrets: %v, %s", record.SecretOutputs, text)
	}
}
