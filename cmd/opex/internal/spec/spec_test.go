package spec

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

func outputsOf(t *testing.T, name string) stack.Outputs {
	t.Helper()
	outputs, err := stack.Source{File: "../../../../stacks/testdata/" + name + "-outputs.json"}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// TestTheExampleIsThatOfTheStack keeps docs/spec-staging.md and docs/spec-prod.md.
func TestTheExampleIsThatOfTheStack(t *testing.T) {
	for _, name := range []string{"staging", "prod"} {
		outputs := outputsOf(t, name)
		var text bytes.Buffer
		if err := Write(&text, outputs, outputs.Names(), nil); err != nil {
			t.Fatal(err)
		}
		kubetest.Golden(t, "../../../../../docs/spec-"+name+".md", text.Bytes())
	}
}

func TestVerdictsStandBesideTheirCriteria(t *testing.T) {
	data, err := os.ReadFile("../verify/testdata/one-fails.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := verify.ParseBaseline(data)
	if err != nil {
		t.Fatal(err)
	}
	outputs := outputsOf(t, "staging")
	web := outputs.Services["task-api"]
	web.Database, web.Backup, web.NoBackup, web.Chaos, web.NoChaos = nil, nil, "it keeps nothing", nil, "one replica"
	outputs.Services["web"] = web
	var text bytes.Buffer
	if err := Write(&text, outputs, outputs.Names(), &report); err != nil {
		t.Fatal(err)
	}
	kubetest.Golden(t, "verdicts.md", text.Bytes())
}

func TestFreeTextStaysInItsCell(t *testing.T) {
	outputs := outputsOf(t, "staging")
	service := outputs.Services["task-api"]
	service.Backup, service.NoBackup = nil, "it keeps nothing | or\nso we think"
	outputs.Services["task-api"] = service
	report := verify.Report{Services: []verify.ServiceReport{{Name: "task-api", Criteria: []verify.Judged{
		{
			ID:     "SC-004",
			Result: verify.Result{Verdict: verify.NotApplicable, Actual: "not backed up:\nkeeps | nothing"},
		}}}}}
	var text bytes.Buffer
	if err := Write(&text, outputs, outputs.Names(), &report); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`| Backup | none: it keeps nothing \| or so we think |`, `not asked for: it keeps nothing \| or so we think |`, `| N/A | not backed up: keeps \| nothing |`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for line := range strings.Lines(text.String()) {
		cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1
		if strings.HasPrefix(line, "|") && cells != 2 && cells != 4 {
			t.Errorf("a row has %d cells: %s", cells, line)
		}
	}
}

func TestWhatIsOffIsNotRequired(t *testing.T) {
	outputs := outputsOf(t, "staging")
	outputs.Cost, outputs.Size, outputs.Backup, outputs.Chaos = nil, nil, nil, nil
	for i, want := range []string{"proven by SC-001; its costs are not asked for: cost visibility is off", "size advice is off", "backups are off", "chaos is off"} {
		if got := requirements(outputs, outputs.Services["task-api"])[i].value; !strings.Contains(got, want) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestDurationsAreWrittenForPeople(t *testing.T) {
	for duration, want := range map[string]string{"720h": "30 days", "24h": "24 h", "48h": "2 days", "30m": "30 min", "30s": "30 s", "500ms": "500ms", "90m": "90 min", "soon": "soon"} {
		if got := human(duration); got != want {
			t.Errorf("%s: %s, want %s", duration, got, want)
		}
	}
}
