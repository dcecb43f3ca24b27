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
	good := evidence.Record{Kind: evidence.KindDrill, Verdict: evidence.Proven, Service: "task-api", StartedAt: began, AnsweredAt: began.Add(time.Minute), RTO: 18.3, RPO: 21,
		Objectives: evidence.Objective{RTO: 1800, RPO: 86400}, Tables: []evidence.Table{{Name: "public.tasks", Rows: 100000, Equal: true}},
		Phases: []evidence.Phase{{Name: evidence.PhaseObjects, Took: 1.2}, {Name: evidence.PhaseHooks, Took: 9.4}}}
	bad := evidence.Record{Kind: evidence.KindRestore, Verdict: evidence.Failed, Reason: "the load failed <1 of 1 hooks>", Service: "task-api", StartedAt: began.Add(-time.Hour),
		Objectives: good.Objectives}
	// A run before the ten, of which one kill failed.
	before := ten(t)[:2]
	for i := range before {
		before[i].Run.ID, before[i].Run.Of, before[i].StartedAt = "20261101-090000", 2, before[i].StartedAt.AddDate(0, 0, -21)
	}
	before[1].Verdict, before[1].Recovery, before[1].During.ServerErrors = evidence.Failed, 31.5, 4
	money := []table.Titled{{Title: "Costs by team in staging, USD", Table: table.Table{Header: []string{"TEAM", "TOTAL USD"}, Right: []int{1},
		Rows: [][]string{{"product-team", "1.50"}, {"<nobody>", "0.25"}}}}}
	return Proof{Verify: report, Recoveries: []evidence.Record{good, bad}, GameDays: append(before, ten(t)...), Costs: money}
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
