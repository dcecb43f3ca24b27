package recovery

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

func TestOnlyEqualTablesProveARestore(t *testing.T) {
	dump := []content{{"public.a", 2, "11"}, {"public.b", 0, "0"}}
	for name, c := range map[string]struct {
		restored []content
		says     string
	}{
		"equal":                      {[]content{{"public.b", 0, "0"}, {"public.a", 2, "11"}}, ""},
		"one more table":             {append([]content{{"public.c", 1, "5"}}, dump...), ""},
		"a row is missing":           {[]content{{"public.a", 1, "7"}, {"public.b", 0, "0"}}, "public.a has 1 rows of 2"},
		"a row was changed":          {[]content{{"public.a", 2, "12"}, {"public.b", 0, "0"}}, "public.a has other content"},
		"a table is missing":         {[]content{{"public.a", 2, "11"}}, "public.b is missing"},
		"everything is missing":      {nil, "public.a is missing, public.b is missing"},
		"both empty and one renamed": {[]content{{"public.a", 2, "11"}, {"public.d", 0, "0"}}, "public.b is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := unequal(compare(dump, c.restored)); got == "" != (c.says == "") ||
				!strings.Contains(got, c.says) {
				t.Errorf("says %q", got)
			}
		})
	}
	if got := unequal(compare(nil, dump)); !strings.Contains(got, "nothing was compared") {
		t.Errorf("an empty dump says %q", got)
	}
}

func TestPhasesAddUpWhateverTheClocksSay(t *testing.T) {
	decided := time.Date(2026, 11, 1, 2, 0, 0, 400e6, time.UTC)
	at := func(seconds float64) time.Time { return decided.Add(time.Duration(seconds * float64(time.Second))) }
	for name, c := range map[string]struct {
		marks []mark
		want  []float64
	}{
		"in order":                {[]mark{{"a", at(1)}, {"b", at(4)}}, []float64{1, 3, 6.123}},
		"whole seconds go before": {[]mark{{"a", at(-0.4)}, {"b", at(4)}}, []float64{0, 4, 6.123}},
		"out of order":            {[]mark{{"a", at(5)}, {"b", at(4)}}, []float64{5, 0, 5.123}},
		"after the answer":        {[]mark{{"a", at(5)}, {"b", at(40)}}, []float64{5, 5.123, 0}},
		"one is not known":        {[]mark{{"a", time.Time{}}, {"b", at(4)}}, []float64{4, 6.123}},
	} {
		t.Run(name, func(t *testing.T) {
			var sum, want time.Duration
			got := phases(decided, at(10.1231), c.marks)
			for i, p := range got {
				sum += p.Took.Duration()
				if i < len(c.want) && p.Took != evidence.Seconds(c.want[i]) {
					t.Errorf("phase %s took %v, want %v", p.Name, p.Took, c.want[i])
				}
			}
			if want = evidence.InSeconds(at(10.1231).Sub(decided)).Duration(); sum != want || len(got) != len(c.want) ||
				got[len(got)-1].Name != evidence.PhaseAnswer {
				t.Errorf("%d phases of %s, want %d of %s", len(got), sum, len(c.want), want)
			}
		})
	}
}

func TestHumanShowsTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 1240 * time.Millisecond: "1.2 s", 9960 * time.Millisecond: "10 s", 119 * time.Second: "119 s", 125 * time.Second: "2 min 5 s",
		3 * time.Hour: "3 h", 3*time.Hour + 5*time.Minute: "3 h 5 min", 50 * time.Hour: "2 d 2 h", -time.Minute: "-60 s",
	} {
		if got := Human(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestModifiersAreWhatVeleroReads(t *testing.T) {
	var read struct {
		Version               string
		ResourceModifierRules []struct {
			Conditions struct {
				GroupResource string
				LabelSelector struct{ MatchLabels map[string]string }
				Matches       []struct{ Path, Value string }
			}
			MergePatches []struct{ PatchData string }
			Patches      []struct{ Operation, Path string }
		}
	}
	if err := json.Unmarshal([]byte(document(asCopy(1, map[string]string{"component": "api"}))), &read); err != nil ||
		read.Version != "v1" {
		t.Fatalf("version %q, error %v", read.Version, err)
	}
	seen := map[string]string{}
	for _, r := range read.ResourceModifierRules {
		if (len(r.MergePatches) == 0) == (len(r.Patches) == 0) {
			t.Errorf("Velero takes one kind of patch in a rule: %+v", r)
		}
		for _, p := range r.MergePatches {
			if !json.Valid([]byte(p.PatchData)) {
				t.Errorf("no JSON: %s", p.PatchData)
			}
			seen[r.Conditions.GroupResource] += p.PatchData
			if strings.Contains(p.PatchData, labelAside) &&
				r.Conditions.LabelSelector.MatchLabels["component"] != "api" {
				t.Errorf("pods of the database are put aside: %+v", r)
			}
		}
	}
	for resource, want := range map[string]string{"persistentvolumeclaims": `"volumeName":null`, "deployments.apps": `"replicas":1`,
		"replicasets.apps": `"replicas":0`, "services": `"type":"ClusterIP"`} {
		if !strings.Contains(seen[resource], want) {
			t.Errorf("%s: %s", resource, seen[resource])
		}
	}
	if text := document(asNew()); strings.Contains(text, "replicas") || strings.Contains(text, "ClusterIP") ||
		strings.Contains(text, labelAside) {
		t.Errorf("a real restore changes the service: %s", text)
	}
	if text := document(asCopy(1, nil)); strings.Contains(text, labelAside) {
		t.Errorf("all pods are put aside: %s", text)
	}
	if text := document(asCopy(0, map[string]string{"component": "api"})); strings.Contains(text, "replicas") {
		t.Errorf("replicas are to stay: %s", text)
	}
}
