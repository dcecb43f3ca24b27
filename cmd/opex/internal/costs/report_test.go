package costs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

var update = flag.Bool("update", false, "write golden files")

// example is a world of everything: task-api doubled, a pod has no team, a team has a budget and no pods.
func example(t *testing.T, by string) *Report {
	t.Helper()
	w := changing(
		[]load{taskAPI, taskDB, shop, coreDNS},
		[]load{with(taskAPI, func(l *load) { l.pods = 6 }), taskDB, shop, coreDNS},
	)
	before := lastHours(24).Previous()
	report, err := w.source(pod("kube-system", "coredns-0", nil)).Report(t.Context(), by, lastHours(24), &before)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestReportIsWrittenInEachFormat(t *testing.T) {
	for _, format := range table.Formats {
		var got strings.Builder
		if err := example(t, "team").Write(&got, format); err != nil {
			t.Fatal(err)
		}
		golden(t, "report."+format, got.String())
	}
	var got strings.Builder
	report := example(t, "service")
	report.Change = nil
	if err := report.Write(&got, "csv"); err != nil {
		t.Fatal(err)
	}
	golden(t, "lines.csv", got.String()+report.Summary()+"\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s (run with -update to write it; error %v):\n%s", path, err, got)
	}
}

func TestIdleAndUnallocatedMoneyAreShownLastWhateverTheyAre(t *testing.T) {
	for _, by := range Keys {
		w := newWorld(taskAPI, taskDB, shop, coreDNS)
		report, err := NewReport(mustLoad(t, w, lastHours(1)), outputs(), by)
		if err != nil {
			t.Fatal(err)
		}
		n := len(report.Lines)
		if report.Lines[n-2].Name != "__unallocated__" || report.Lines[n-1].Name != "__idle__" {
			t.Errorf("by %s: lines %+v", by, report.Lines)
		}
		var sum float64
		for _, line := range report.Lines {
			sum += line.Sum
		}
		if !near(sum, report.Total.Sum) {
			t.Errorf("by %s: lines add up to %g, total is %g", by, sum, report.Total.Sum)
		}
	}
	if _, err := NewReport(mustLoad(t, newWorld(taskAPI), lastHours(1)), outputs(), "colour"); err == nil ||
		!strings.Contains(err.Error(), "allowed are team, app") {
		t.Errorf("error is %v", err)
	}
}

func TestOneQuestionToOpenCostForOneWindow(t *testing.T) {
	w := newWorld(taskAPI, shop)
	if _, err := w.source().Report(t.Context(), "team", lastHours(24), nil); err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	for _, question := range w.asked {
		if strings.HasPrefix(question, "opencost ") {
			asked[question]++
		}
	}
	if len(asked) != 2 { // the last 24 hours, which budgets need too, and the month
		t.Errorf("asked %v", asked)
	}
	for question, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked %d times", question, n)
		}
	}
}

func TestIdleMoneyOfShortWindowsIsMadeWhole(t *testing.T) {
	used := Money{CPU: 0.9}
	s := &Spending{Covered: Window{now.Add(-9 * 60e9), now}, Rows: []Row{{Money: used}}, Idle: Money{CPU: 0.1}}
	s.wholeIdle(5) // nodes cost 1 in 5 minutes, so 1.8 in 9
	if !near(s.Idle.CPU, 0.9) {
		t.Errorf("idle is %g", s.Idle.CPU)
	}
	s = &Spending{Covered: Window{now.Add(-2 * 60e9), now}, Rows: []Row{{Money: used}}, Idle: Money{CPU: 31}}
	s.wholeIdle(2)
	s.note("")
	if s.Idle != (Money{}) || !strings.Contains(strings.Join(s.Notes, ""), "idle money is not known") {
		t.Errorf("idle is %+v, notes %q", s.Idle, s.Notes)
	}
}
