package review

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// many are sets of good.yaml, each in namespaces of its own or all in one, until there are as many objects.
func many(tb testing.TB, objects int, oneNamespace bool) Set {
	tb.Helper()
	var all Set
	for i := 0; len(all) < objects; i++ {
		for _, o := range read(tb, "testdata/good.yaml") {
			text, _ := json.Marshal(o.Fields)
			own := strings.NewReplacer(`"till`, fmt.Sprintf(`"till-%d`, i)).Replace(string(text)) // names and labels
			var fields map[string]any
			if err := json.Unmarshal([]byte(own), &fields); err != nil {
				tb.Fatal(err)
			}
			var edits []Edit
			if !oneNamespace && o.Kind() != "Namespace" && o.declared() != "velero" {
				edits = append(edits, Edit{path("metadata.namespace"), fmt.Sprintf("shop-%d", i)})
			}
			all = append(all, Object{Fields: Apply(fields, edits), Source: "many"})
		}
	}
	return all
}

// BenchmarkReviewOf5000Objects is promised to take two seconds at most, with what reads them.
func BenchmarkReviewOf5000Objects(b *testing.B) {
	for name, one := range map[string]bool{"in many namespaces": false, "in one namespace": true} {
		b.Run(name, func(b *testing.B) {
			objects := many(b, 5000, one)
			for b.Loop() {
				Review(objects)
			}
		})
	}
}
