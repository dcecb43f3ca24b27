package grafana

import (
	"encoding/json"
	"testing"
)

// layout is what of Grafana's model decides where a panel stands.
type layout struct {
	Panels []struct {
		ID      int
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ RefID, Expr string }
	}
}

func marshal(t *testing.T, d Dashboard) layout {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got layout
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPanelsFillRowsWithoutOverlap(t *testing.T) {
	panel := func(width int) Panel {
		return Panel{Kind: "stat", Width: width, Queries: []Query{{Expr: "a"}, {Expr: "b"}}}
	}
	got := marshal(t, Dashboard{Panels: []Panel{panel(12), panel(8), panel(8), panel(24)}})
	want := [][2]int{{0, 0}, {12, 0}, {0, 8}, {0, 16}}
	for i, p := range got.Panels {
		if p.ID != i+1 || p.GridPos.X != want[i][0] || p.GridPos.Y != want[i][1] {
			t.Errorf("panel %d has ID %d and stands at %d, %d; want %v", i, p.ID, p.GridPos.X, p.GridPos.Y, want[i])
		}
		if p.Targets[0].RefID == p.Targets[1].RefID {
			t.Errorf("panel %d: two queries share a reference", i)
		}
	}
}

func TestRedStartsWhereItIsSaid(t *testing.T) {
	one := 1.0
	cases := map[string]struct {
		panel Panel
		want  []string // colours, lowest values first
	}{
		"nothing is bad": {Panel{}, []string{"blue"}},
		"much is bad":    {Panel{Bad: &one}, []string{"green", "red"}},
		"little is bad":  {Panel{Bad: &one, BadBelow: true}, []string{"red", "green"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			steps := c.panel.steps()
			for i, step := range steps {
				if got := step.(map[string]any)["color"]; len(steps) != len(c.want) || got != c.want[i] {
					t.Errorf("steps are %v, want colours %v", steps, c.want)
				}
			}
		})
	}
}
