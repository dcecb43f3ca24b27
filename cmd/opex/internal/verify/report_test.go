package verify

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/internal/contract"
)

func TestReportsLookAsAgreed(t *testing.T) {
	second := func(_ *testing.T, s scene) {
		s.outputs.Services["web"] = contract.Service{
			Namespace: "staging", Deployment: "web", Selector: map[string]string{contract.LabelInstance: "web"},
			Labels: contract.CostLabels{
				Team:        "web-team",
				App:         "web",
				Environment: "staging",
				CostCenter:  "sales",
			}.Map(),
			VerticalPodAutoscalers: []contract.VerticalPodAutoscaler{
				{Name: "web", TargetKind: "Deployment", TargetName: "web"},
			},
			NoBackup: "it keeps nothing",
			NoChaos:  "one replica",
		}
	}
	label := with(podsOf, "items.1.metadata.labels.team", "other")
	for name, c := range map[string]change{"one-passes": nil, "one-fails": label, "two": second} {
		report := run(t, Criteria, c)
		for _, format := range Formats {
			t.Run(name+" "+format, func(t *testing.T) {
				var got bytes.Buffer
				if err := report.Write(&got, format); err != nil {
					t.Fatal(err)
				}
				if format == "json" && !json.Valid(got.Bytes()) {
					t.Error("not JSON")
				}
				kubetest.Golden(t, name+"."+format, got.Bytes())
			})
		}
	}
}

func TestChangesLookAsAgreed(t *testing.T) {
	before := run(t, Criteria, nil)
	before.Time = noon.AddDate(0, 0, -1)
	report := run(
		t,
		Criteria,
		all(with(podsOf, "items.1.metadata.labels.team", "other"), gameDay(func(r *evidence.GameDay) {
			r.Recovery, r.Timeline[2].At, r.Load.EndedAt = 12, 12, r.KilledAt.Add(30*time.Second)
		})),
	)
	if err := report.Compare(before); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"json", "table", "markdown"} {
		t.Run(format, func(t *testing.T) {
			var got bytes.Buffer
			if err := report.Write(&got, format); err != nil {
				t.Fatal(err)
			}
			kubetest.Golden(t, "changed."+format, got.Bytes())
		})
	}
}

func TestALongErrorIsCutInTheTableAndWholeBelowIt(t *testing.T) {
	long := strings.Repeat("long ", 50) + "end"
	report := Report{Services: []ServiceReport{{Name: "shop", Criteria: []Judged{
		{ID: "SC-001", Result: fail(long, "")}, {ID: "SC-002", Result: pass(long)},
	}}}}
	var out strings.Builder
	if err := report.Write(&out, "table"); err != nil {
		t.Fatal(err)
	}
	table, reasons, _ := strings.Cut(out.String(), "\n\n")
	if lines := strings.Split(table, "\n"); strings.Contains(lines[1], "end") || !strings.Contains(lines[1], "…") ||
		!strings.Contains(lines[2], "end") ||
		!strings.Contains(reasons, "end") {
		t.Errorf("it looks so:\n%s", out.String())
	}
}

func TestInANarrowTerminalEachCriterionIsStillKnownByItsName(t *testing.T) {
	report := run(t, Criteria, nil)
	for width, want := range map[int]string{0: "3 of 3 pods", 200: "3 of 3 pods", 60: "ACTUAL", 40: "Cost labels on all po…  PASS\n"} {
		var out strings.Builder
		if err := report.fitted(width).Write(&out, "table"); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); width > 0 && n > width {
				t.Errorf("%d characters in a line of %d: %s", n, width, line)
			}
		}
		if !strings.Contains(out.String(), want) || strings.Count(out.String(), "PASS") != len(Criteria) {
			t.Errorf("%d characters:\n%s\nwant %q", width, out.String(), want)
		}
	}
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	var out strings.Builder
	err := run(t, Criteria, nil).Write(&out, "html")
	if err == nil || !strings.Contains(err.Error(), `"html"`) || out.Len() > 0 {
		t.Errorf("error is %v, and %q was written", err, out.String())
	}
}

func TestTheWorstOfSeveralResultsCounts(t *testing.T) {
	good, open, bad := pass("good", Fact{"a", "1"}), unproven(
		"open", "wait", Fact{"b", "2"},
	), fail("bad", "mend", Fact{"c", "3"})
	for name, c := range map[string]struct {
		results []Result
		want    string
	}{
		"a failure over all":       {[]Result{good, open, bad}, "bad"},
		"wherever it stands":       {[]Result{bad, open, good}, "bad"},
		"what is open over a pass": {[]Result{good, open}, "open"},
		"the first of equals":      {[]Result{open, unproven("later", "")}, "open"},
		"a pass alone":             {[]Result{good}, "good"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := 0
			for _, r := range c.results {
				facts += len(r.Evidence)
			}
			if got := worst(c.results); got.Actual != c.want || len(got.Evidence) != facts {
				t.Errorf("got %+v, want %s with %d facts", got, c.want, facts)
			}
		})
	}
	if got := worst(nil); got.Verdict == Pass {
		t.Error("nothing at all passed")
	}
}
