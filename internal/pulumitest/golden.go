package pulumitest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden files anew instead of comparing with them")

// Golden compares a text with a file, or writes the file when the test runs with -update.
func Golden(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nrun the test with -update to write it, and read the difference before you commit it", err)
	}
	if bytes.Equal(want, got) {
		return
	}
	wantLines, gotLines := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range max(len(wantLines), len(gotLines)) {
		var w, g []byte
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if !bytes.Equal(w, g) {
			t.Fatalf(
				"%s differs from line %d on:\n  want: %s\n  got:  %s\nIf that is meant, run the test with -update.",
				path, i+1, w, g,
			)
		}
	}
}

// Manifests returns the Kubernetes objects and Helm releases that a program declared, as YAML documents sorted by URN,
// each under the resource's name. Secrets are masked. Patches are left out: they are parts of objects, and no judge of
// manifests could tell.
func (r *Record) Manifests(t testing.TB) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, found := range r.Sorted() {
		_, isObject := found.Inputs["kind"]
		isObject = isObject && !found.Read
		_, isRelease := found.Inputs["chart"]
		if !isObject && !isRelease || strings.HasSuffix(found.Type, "Patch") {
			continue
		}
		text.WriteString("---\n# " + found.Name)
		if found.Protect {
			text.WriteString(" (protected)")
		}
		text.WriteString("\n")
		encoder := yaml.NewEncoder(&text)
		encoder.SetIndent(2)
		if err := encoder.Encode(found.Inputs); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}
