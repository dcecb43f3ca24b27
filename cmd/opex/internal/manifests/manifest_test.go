package manifests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/review"
)

// TestFixesApplyToTheirFileOneAfterAnother takes each breach that the rules are tested by, lets git apply the fixes to
// the file, and looks again.
func TestFixesApplyToTheirFileOneAfterAnother(t *testing.T) {
	files, err := filepath.Glob("../../../../internal/review/testdata/*/invalid-*.yaml")
	if err != nil || len(files) < 47 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for i := range files {
		if files[i], err = filepath.Abs(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	applied := 0
	for _, file := range files {
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		after := before
		for _, f := range reviewOf(t, before) {
			if f.Fix == "" {
				continue
			}
			if f.Sketch {
				t.Errorf("%s: the fix is a sketch:\n%s", file, f.Fix)
				continue
			}
			applied++
			after = apply(t, after, f.Fix)
			for _, still := range reviewOf(t, after) {
				if still.Object == f.Object && still.Field == f.Field && still.Rule == f.Rule {
					t.Errorf("%s: with the fix %s %s: %s\n%s", file, still.Rule, still.Field, still.Says, f.Fix)
				}
			}
		}
	}
	if applied < 30 {
		t.Errorf("%d fixes were applied", applied)
	}
}

func reviewOf(t *testing.T, data []byte) []Finding {
	t.Helper()
	objects, err := Read("shop.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Review(objects, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Findings
}

// text is a file with the edits so far.
func (s *source) text() string {
	var all []byte
	for _, p := range s.parts {
		all = append(all, p.text...)
	}
	return string(all)
}

// apply lets git apply a diff to shop.yaml.
func apply(t *testing.T, before []byte, diff string) []byte {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "shop.yaml")
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	git := exec.Command("git", "apply", "-")
	git.Dir, git.Stdin = folder, strings.NewReader(diff)
	git.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(folder))
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, diff)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func TestAnEditLeavesEveryOtherByteAsItIs(t *testing.T) {
	edit := func(at string, value any) []review.Edit {
		return []review.Edit{{Path: strings.Split(at, "."), Value: value}}
	}
	const head = "# whose\napiVersion: v1 # first\nkind: Thing\n"
	for name, c := range map[string]struct {
		text  string
		edits []review.Edit
		want  string // empty: it cannot be done there
	}{
		"a scalar":                {"spec:\n  mode:  'all'   # why\n  x: 1\n", edit("spec.mode", "Off"), "spec:\n  mode:  \"Off\"   # why\n  x: 1\n"},
		"a new key":               {"spec:\n  a:\n    b: 1\n  # of c\n  c: 2\nmore: 1", edit("spec.a.x.m", 2.0), "spec:\n  a:\n    b: 1\n    x:\n      m: 2\n  # of c\n  c: 2\nmore: 1"},
		"a new key at the end":    {"spec:\n  a: 1", edit("spec.b", "x"), "spec:\n  a: 1\n  b: x"},
		"a key less":              {"spec:\n  a: 1\n  b: # two\n    - 2\n\n  c: 3\n", edit("spec.b", nil), "spec:\n  a: 1\n\n  c: 3\n"},
		"the last key less":       {"spec:\n  a:\n    b: 1\n  c: 3\n", edit("spec.a.b", nil), "spec:\n  c: 3\n"},
		"in braces":               {"spec: {a: 'x y', b: [1,   2]} # ü\n", edit("spec.c", []any{"d"}), "spec: {a: 'x y', b: [1, 2], c: [d]} # ü\n"},
		"a key less in braces":    {"spec:\n  s: {a: 1, b: 2}\n", edit("spec.s.a", nil), "spec:\n  s: {b: 2}\n"},
		"an object for a list":    {"spec:\n  l:\n    - 1\n    - 2\n  m: 3\n", edit("spec.l", []any{"a"}), "spec:\n  l: [a]\n  m: 3\n"},
		"in a list":               {"spec:\n  l:\n  - name: a\n    image: b\n", edit("spec.l.0.ports", 1.0), "spec:\n  l:\n  - name: a\n    image: b\n    ports: 1\n"},
		"in a text of lines":      {"spec:\n  t: |\n    a\n    b\n  u: 1\n", edit("spec.v", 2.0), "spec:\n  t: |\n    a\n    b\n  u: 1\n  v: 2\n"},
		"what is not there":       {"spec:\n  a: 1\n", edit("spec.b", nil), "spec:\n  a: 1\n"},
		"braces of several lines": {"spec: {a: 1,\n  b: 2}\n", edit("spec.a", 2.0), ""},
		"an anchor":               {"spec: &s\n  a: 1\nother: *s\n", edit("spec.a", 2.0), ""},
		"an item that is missing": {"spec:\n  l:\n  - 1\n", edit("spec.l.1.a", 2.0), ""},
		"line ends of another":    {"spec:\r\n  a: 1\r\n", edit("spec.a", 2.0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			const around = "apiVersion: v1\nkind: Other   # untouched\n"
			text := around + "---\n" + head + c.text
			objects, err := Read("shop.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			at := objects[1].Place.(place)
			diff := at.edit(c.edits)
			switch after := at.part.of.text(); {
			case c.want == "" && (diff != "" || after != text):
				t.Errorf("it was done:\n%s", after)
			case c.want != "" && after != around+"---\n"+head+c.want:
				t.Errorf("got\n%s", after)
			}
		})
	}
}

func TestAnItemOfAListIsEditedInItsPlace(t *testing.T) {
	text := "kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: A\n- apiVersion: v1\n  kind: B\n  spec:\n    a: 1\n"
	objects, err := Read("shop.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	at := objects[1].Place.(place)
	diff := at.edit([]review.Edit{{Path: []string{"spec", "a"}, Value: 2.0}})
	if after := at.part.of.text(); after != strings.Replace(text, "a: 1", "a: 2", 1) || diff == "" {
		t.Errorf("got\n%s", after)
	}
	objects, err = Read(StandardInput, []byte(text))
	if err != nil || objects[1].Place.(place).edit([]review.Edit{{Path: []string{"spec", "a"}, Value: 2.0}}) != "" {
		t.Errorf("standard input is no file to change, error %v", err)
	}
}
