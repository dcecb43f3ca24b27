package rightsize

import (
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opex-project/opex/cmd/opex/internal/vpa"
)

func TestProposalsAreRoundedUpWithinTheBounds(t *testing.T) {
	cases := []struct{ kind, target, least, most, want string }{
		{cpu, "100m", "", "", "100m"},
		{cpu, "101m", "", "", "105m"},
		{cpu, "11m", "", "", "15m"},
		{cpu, "1", "", "", "1000m"},
		{cpu, "102m", "102m", "", "105m"},
		{cpu, "198m", "", "199m", "199m"},
		{cpu, "50m", "100m", "", "100m"},
		{cpu, "3", "100m", "2", "2000m"},
		{cpu, "1m", "", "", "5m"},
		{memory, "1", "", "", "8Mi"},
		{memory, "128Mi", "", "", "128Mi"},
		{memory, "128974848", "", "", "128Mi"}, // 123 MiB
		{memory, "134217729", "", "", "136Mi"},
		{memory, "1600000000", "", "2G", "1528Mi"},
		{memory, "1999999999", "", "2G", "1953125Ki"}, // the bound itself
		{memory, "1020Mi", "", "", "1Gi"},
	}
	for _, c := range cases {
		parse := func(text string) *resource.Quantity {
			if text == "" {
				return nil
			}
			q := resource.MustParse(text)
			return &q
		}
		got := setting(c.kind, *propose(c.kind, *parse(c.target), parse(c.least), parse(c.most)))
		if got != c.want {
			t.Errorf("%s %s within %q and %q: got %s, want %s", c.kind, c.target, c.least, c.most, got, c.want)
		}
	}
}

func TestProposalsAreNeverBelowTheTargetNorOutsideTheBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		kind, size := cpu, int64(5000)
		if random.IntN(2) == 0 {
			kind, size = memory, 4*gibibyte
		}
		least := 1 + random.Int64N(size)
		most := least + random.Int64N(size)
		target := least + random.Int64N(most-least+1) // the recommender holds it within the bounds
		got := amount(kind, *propose(kind, *quantity(kind, target), quantity(kind, least), quantity(kind, most)))
		if got < target || got > most || got-target >= map[string]int64{cpu: stepCPU, memory: stepMemory}[kind] {
			t.Fatalf("%s: target %d within %d and %d became %d", kind, target, least, most, got)
		}
	}
}

func TestFloorIsSharedAndCutAsTheRecommenderDoes(t *testing.T) {
	cases := []struct {
		kind, pod  string
		containers int
		want       int64
	}{
		{cpu, "25m", 1, 25}, {cpu, "25m", 2, 12}, {cpu, "10m", 3, 3}, {cpu, "10m", 0, 10},
		{memory, "250Mi", 1, 262144000}, {memory, "10Mi", 3, 3495253},
	}
	for _, c := range cases {
		kind := corev1.ResourceName(c.kind)
		if got := (vpa.Floor{kind: resource.MustParse(c.pod)}).Least(kind, c.containers); got != c.want {
			t.Errorf("%s %s over %d: got %d, want %d", c.kind, c.pod, c.containers, got, c.want)
		}
	}
}

func TestAmountsAreShownForPeople(t *testing.T) {
	for text, want := range map[string]string{"128Mi": "128Mi", "1Gi": "1024Mi", "11500000": "11.0Mi"} {
		q := resource.MustParse(text)
		if got := show(memory, &q); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	if got := show(cpu, nil); got != "-" {
		t.Errorf("nothing is shown as %q", got)
	}
}
