package page

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/table"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// proof is of two services, one of which fails a criterion, with drills and a Game Day.
func proof(t *testing.T) Proof {
	t.Helper()
	data, err := os.ReadFile("../verify/testdata/two.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := verify.ParseBaseline(data)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	good := evidence.Record{
		Kind:       evidence.KindDrill,
		Verdict:    evidence.Proven,
		Service:    "task-api",
		StartedAt:  began,
		AnsweredAt: began.Add(time.Minute),
		RTO:        18.3,
		RPO:        21,
		Objectives: evidence.Objective{
			RTO: 1800,
			RPO: 86400,
		},
		Tables: []evidence.Table{{Name: "public.tasks", Rows: 100000, Equal: true}},
		Phases: []evidence.Phase{{Name: evidence.PhaseObjects, Took: 1.2}, {Name: evidence.PhaseHooks, Took: 9.4}},
	}
	bad := evidence.Record{
		Kind:       evidence.KindRestore,
		Verdict:    evidence.Failed,
		Reason:     "the load failed <1 of 1 hooks>",
		Service:    "task-api",
		StartedAt:  began.Add(-time.Hour),
		Objectives: good.Objectives,
	}
	// A run before the ten, of which one kill failed.
	before := ten(t)[:2]
	for i := range before {
		before[i].Run.ID, before[i].Run.Of, before[i].StartedAt = "20261101-090000", 2, before[i].StartedAt.AddDate(
			0, 0, -21,
		)
	}
	before[1].Verdict, before[1].Recovery, before[1].During.ServerErrors = evidence.Failed, 31.5, 4
	money := []table.Titled{
		{
			Title: "Costs by team in staging, USD",
			Table: table.Table{Header: []string{"TEAM", "TOTAL USD"}, Right: []int{1},
				Rows: [][]string{{"product-team", "1.50"}, {"<nobody>", "0.25"}}},
		},
	}
	return Proof{
		Verify:     report,
		Recoveries: []evidence.Record{good, bad},
		GameDays:   append(before, ten(t)...),
		Costs:      money,
	}
}

func TestTheReportStaysAsItIs(t *testing.T) {
	data, err := Report(proof(t))
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Golden(t, "report.html", data)
	text := string(data)
	for _, want := range []string{"the load failed &lt;1 of 1 hooks&gt;", "SC-010", "10 kills", `class="tile NA"`, "18.3 s",
		"2026-11-0", "1 of 2 proven", "31.5 s", "&lt;nobody&gt;", `<td class="n">1.50</td>`} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %q", want)
		}
	}
	for _, never := range []string{"<script", "href=", "src=", "style="} {
		if strings.Contains(strings.ReplaceAll(text, "<style>", ""), never) {
			t.Errorf("it has %s", never)
		}
	}
}

func TestAReportWithoutAnyEvidenceHasAPage(t *testing.T) {
	report := proof(t).Verify
	if data, err := Report(Proof{Verify: report}); err != nil || strings.Contains(string(data), "Drills and restores") {
		t.Errorf("error %v", err)
	}
}

// gameDays is the part of a report that shows the newest Game Days.
func gameDays(t *testing.T, p Proof) string {
	t.Helper()
	data, err := Report(p)
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(data), "10 times in turn")
	head, _, _ := strings.Cut(part, "<h3>")
	if !found {
		t.Fatal("there is no Game Day on the page")
	}
	before := string(data)[:strings.Index(string(data), "10 times in turn")]
	return before[strings.LastIndex(before, "<section>"):] + head
}

func TestARecordThatVerifyRefusesIsNotShownAsProven(t *testing.T) {
	p := proof(t) // each kill of its newest run says PROVEN
	const why = `the newest Game Day does not count: its cluster is "there"`
	for i := range p.Verify.Services[0].Criteria {
		if c := &p.Verify.Services[0].Criteria[i]; c.ID >= "SC-008" {
			c.Result = verify.Result{Verdict: verify.Unproven, Actual: why}
		}
	}
	text := gameDays(t, p)
	if strings.Contains(strings.ReplaceAll(text, "UNPROVEN", ""), "PROVEN") || strings.Contains(text, "PASS") {
		t.Errorf("it is shown as proven:\n%s", text)
	}
	if strings.Count(text, `class="tile UNPROVEN"`) != 3 || strings.Count(text, "does not count: its cluster is") != 3 {
		t.Errorf("it does not say what verify says:\n%s", text)
	}
}

func TestAReportThatDoesNotJudgeGameDaysGivesThemNoVerdict(t *testing.T) {
	p := proof(t)
	p.Verify.Services[0].Criteria = p.Verify.Services[0].Criteria[:1]
	if text := gameDays(t, p); strings.Contains(text, "PASS") || !strings.Contains(text, "target &lt; 30.0 s") {
		t.Errorf("it is judged:\n%s", text)
	}
}

func TestTheReportSaysWhatIsLeftOutAndWhatChanged(t *testing.T) {
	p := proof(t)
	p.Omitted = []string{"evidence: ConfigMaps in namespace <velero>: forbidden"}
	was := p.Verify.Time.Add(-24 * time.Hour)
	p.Verify.Baseline = &was
	for _, c := range []struct {
		changes []verify.Change
		says    string
	}{
		{nil, "nothing changed"},
		{[]verify.Change{{Service: "web", ID: "SC-001", Before: verify.Pass, Now: verify.Fail, Says: "1 of <3> pods", Worse: true}}, "web SC-001 WORSE, PASS -&gt; FAIL: 1 of &lt;3&gt; pods"},
	} {
		p.Verify.Changes = c.changes
		data, err := Report(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Left out", "namespace &lt;velero&gt;: forbidden", "Since 2026-11-21 12:00:00 UTC", c.says} {
			if !strings.Contains(string(data), want) {
				t.Errorf("it does not say %q", want)
			}
		}
	}
}
