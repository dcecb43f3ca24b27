package manifests

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzFixes reads anything and reviews it: nothing panics, and what is changed by all fixes together can be read, has
// the same objects, has lost the findings that were to be fixed, and has no new one.
func FuzzFixes(f *testing.F) {
	files, _ := filepath.Glob("../../../../internal/review/testdata/*/invalid-*.yaml")
	more, _ := filepath.Glob("testdata/field/*.yaml")
	for _, file := range append(append(files, more...), "../../../../internal/review/testdata/good.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			t.Skip("long inputs only take time")
		}
		objects, _ := Read("fuzz.yaml", data)
		report, err := Review(objects, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.sources) == 0 {
			return
		}
		known, fixed := map[string]bool{}, map[string]bool{}
		for _, one := range report.Findings {
			id := one.Rule + " " + one.Object + " " + one.Field
			known[id] = true
			fixed[id] = one.Fix != "" && !one.Sketch
		}
		text := report.sources[0].text()
		changed, _ := Read("fuzz.yaml", []byte(text))
		if len(changed) != len(objects) {
			t.Fatalf("%d objects became %d in\n%s", len(objects), len(changed), text)
		}
		after, err := Review(changed, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range after.Findings {
			id := one.Rule + " " + one.Object + " " + one.Field
			if !known[id] || fixed[id] {
				t.Errorf("with the fixes: %s: %s\n%s", id, one.Says, text)
			}
		}
	})
}
