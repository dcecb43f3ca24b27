package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden are outputs that the program's own tests keep.
const golden = "../../../../stacks/testdata/staging-outputs.json"

func TestOutputsOfTheProgramAreRead(t *testing.T) {
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse(data, "golden")
	if err != nil {
		t.Fatal(err)
	}
	service := o.Services["task-api"]
	if o.Environment != "staging" || o.Cost == nil || o.Cost.OpenCost.Port != 9003 || o.Size == nil || o.Size.FloorCPU == "" ||
		len(service.VerticalPodAutoscalers) != 2 || service.Labels["cost-center"] != "engineering" || service.Database == nil ||
		o.Backup == nil || o.Backup.Namespace == "" || service.Backup == nil || service.Backup.Dump == nil || service.Backup.Sentinel == nil ||
		service.Backup.Dump.Pre == nil || service.Backup.Dump.Post == nil ||
		service.Backup.Dump.Pre.Timeout == "" {
		t.Errorf("outputs are %+v", o)
	}
}

// TestNothingOfTheOutputsIsLost holds program and command together: what one writes, the other must know.
func TestNothingOfTheOutputsIsLost(t *testing.T) {
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	var o Outputs
	if err := decoder.Decode(&o); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ text, says string }{
		"nothing":            {"", "the place is empty; `pulumi up` writes outputs"},
		"a stack without up": {"{}", "has no cluster, environment, services"},
		"half of it":         {`{"environment":"staging",`, "is not what `pulumi stack output --json` prints"},
		"another project": {
			`{"url":"x","environment":"staging"}`, "has no cluster, services: outputs of another project",
		},
		"a list": {`[]`, "is not what"},
		"a cluster without name": {
			`{"environment":"staging","cluster":{"uid":"1"},"services":{"a":{}}}`, "has no cluster",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(c.text), "the place"); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestOutputsComeFromAFileOrStandardInput(t *testing.T) {
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]Source{"file": {File: golden}, "standard input": {File: "-", Stdin: strings.NewReader(string(data))}} {
		if o, err := source.Load(t.Context()); err != nil || o.Environment != "staging" {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	if _, err := (Source{File: "/nowhere"}).Load(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "open /nowhere") {
		t.Errorf("error of a missing file is %v", err)
	}
}

func TestWithoutPulumiTheErrorSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := (Source{}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "give --outputs FILE") {
		t.Errorf("error is %v", err)
	}
}

func TestPulumisOwnErrorIsShown(t *testing.T) {
	folder := t.TempDir()
	script := "#!/bin/sh\necho 'error: no stack named \"x\" found' >&2\nexit 255\n"
	if err := os.WriteFile(filepath.Join(folder, "pulumi"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	_, err := (Source{Stack: "x"}).Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), `no stack named "x" found`) ||
		!strings.Contains(err.Error(), "--stack x") {
		t.Errorf("error is %v", err)
	}
}

func TestSelectKnowsTheServices(t *testing.T) {
	data, _ := os.ReadFile(golden)
	o, err := Parse(data, "golden")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := o.Select(nil); err != nil || len(all) != 1 {
		t.Errorf("all services are %v, %v", all, err)
	}
	if twice, err := o.Select([]string{"task-api", "task-api"}); err != nil || len(twice) != 1 {
		t.Errorf("a service named twice is %v, %v", twice, err)
	}
	if _, err := o.Select([]string{"shop"}); err == nil ||
		!strings.Contains(err.Error(), `no service "shop"; it has task-api`) {
		t.Errorf("error is %v", err)
	}
}
