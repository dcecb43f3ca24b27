package costs

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
)

func TestNoMoneyOfOpenCostIsLeftOut(t *testing.T) {
	a := opencost.Allocation{
		CPUCost: 1, RAMCost: 2, PVCost: 4, NetworkCost: 8, LoadBalancerCost: 16, GPUCost: 32, SharedCost: 64, ExternalCost: 128,
	}
	m := moneyOf(a)
	if want := (Money{CPU: 1, Memory: 2, Storage: 4, Network: 24, Other: 224}); m != want || m.Total() != 255 {
		t.Errorf("money %+v, total %g, want %+v", m, m.Total(), want)
	}
}

func TestOnlyWhatWasRestatedChanges(t *testing.T) {
	is := Money{CPU: 1, Memory: 2, Storage: 4, Network: 8, Other: 16}
	was := is.at(map[string]float64{"cpu": 2, "memory": 3, "gpu": 0.5}, 10) // 10 of the 16 are for GPUs
	if want := (Money{CPU: 2, Memory: 6, Storage: 4, Network: 8, Other: 11}); was != want {
		t.Errorf("money %+v, want %+v", was, want)
	}
}

func TestALineOfOpenCostIsReadWhole(t *testing.T) {
	a := opencost.Allocation{
		Minutes: 90, CPUCoreHours: 3, CPUCoreRequestAverage: 0.5, RAMByteHours: 6 * gib, RAMByteRequestAverage: 2 * gib, PVByteHours: 12 * gib, GPUCost: 7,
	}
	row, err := newRow("shop/deployment:shop/shop-0/commerce//__unallocated__/sales", a)
	if err != nil {
		t.Fatal(err)
	}
	if want := "map[app:__unallocated__ cost-center:sales environment:__unallocated__ team:commerce]"; fmt.Sprint(
		row.Labels,
	) != want {
		t.Errorf("labels %v, want %s: an empty label is none", row.Labels, want)
	}
	if row.Namespace != "shop" || row.Controller != "deployment:shop" || row.Pod != "shop-0" || row.Hours != 1.5 || row.CPUHours != 3 ||
		row.CPURequestHours != 0.75 || row.MemoryHours != 6 || row.MemoryRequestHours != 3 || row.StorageHours != 12 ||
		row.gpu != 7 {
		t.Errorf("row %+v", row)
	}
}

func TestDataThatCoversLessThanTheWindowIsSaid(t *testing.T) {
	cases := map[string]struct {
		window, covered time.Duration
		want            string // empty: nothing is said
	}{
		"all":                      {24 * time.Hour, 24 * time.Hour, ""},
		"the last scrape is ahead": {time.Hour, 59 * time.Minute, ""},
		"a few minutes":            {24 * time.Hour, 14 * time.Minute, "data covers 14 m of 24.0 h"},
		"half of days":             {7 * 24 * time.Hour, 80 * time.Hour, "data covers 3.3 d of 7.0 d"},
		"a new OpenCost":           {5 * time.Minute, 2 * time.Minute, "data covers 2 m of 5 m"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &Spending{
				Window:    Window{now.Add(-c.window), now},
				Covered:   Window{now.Add(-c.covered), now},
				IdleKnown: true,
			}
			s.note("")
			if notes := strings.Join(s.Notes, ""); !strings.HasPrefix(notes, c.want) ||
				(notes == "") != (c.want == "") {
				t.Errorf("notes %q, want %q", notes, c.want)
			}
		})
	}
}

func TestWhatIsCoveredReachesFromTheFirstPodToTheLast(t *testing.T) {
	at := func(minute int) time.Time { return now.Add(time.Duration(minute) * time.Minute) }
	s := &Spending{}
	for _, a := range []opencost.Allocation{
		{Start: at(10), End: at(20), Minutes: 10}, {Start: at(5), End: at(15), Minutes: 10}, {Start: at(12), End: at(30), Minutes: 18},
		{Start: at(0), End: at(60)}, // that was never seen
	} {
		s.cover(a)
	}
	if want := (Window{at(5), at(30)}); s.Covered != want {
		t.Errorf("covered %v, want %v", s.Covered, want)
	}
}

func TestDriversThatAreNotShownAreSummedUp(t *testing.T) {
	c := &Change{Was: 10, Is: 20}
	var sum float64
	for i := range mostDrivers + 3 {
		c.Drivers = append(c.Drivers, Driver{Line: "x", Cause: CauseReplicas, Amount: 2 - 0.1*float64(i)})
		sum += c.Drivers[i].Amount
	}
	// under a hundredth of the largest
	c.Drivers = append(c.Drivers, Driver{Line: "x", Cause: CauseNetwork, Amount: 0.001})
	sum += 0.001
	rows := c.drivers("team").Rows
	if last := rows[len(rows)-1]; len(rows) != mostDrivers+1 || last[3] != "smaller ones" || last[4] != "4 together" {
		t.Fatalf("rows %v", rows)
	}
	for _, row := range rows {
		var shown float64
		if _, err := fmt.Sscan(row[0], &shown); err != nil {
			t.Fatal(err)
		}
		sum -= shown
	}
	if math.Abs(sum) > 1e-9 {
		t.Errorf("what is shown differs from the change by %g", sum)
	}
}

func TestAReportRefusesAFormatThatIsNone(t *testing.T) {
	w := newWorld(taskAPI)
	report, err := w.source().Report(t.Context(), "team", lastHours(24), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(io.Discard, "xml"); err == nil ||
		!strings.Contains(err.Error(), `unknown format "xml"; allowed are table`) {
		t.Errorf("error is %v", err)
	}
}
