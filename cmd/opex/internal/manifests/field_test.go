package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWhatPeopleWriteIsJudgedRight reads testdata/field: small inputs after public bug reports and repositories. The
// comments at the head of each say which rules must find something (one of A|B), which must not, and which objects of
// base.yaml it does without; its documents come beside those of the base or in their place.
func TestWhatPeopleWriteIsJudgedRight(t *testing.T) {
	files, _ := filepath.Glob("testdata/field/[0-9]*.yaml")
	if len(files) < 100 {
		t.Fatalf("%d files", len(files))
	}
	base, err := os.ReadFile("testdata/field/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			find, none, text := fieldCase(t, string(base), string(data))
			objects, unread := Read("field.yaml", []byte(text))
			report, err := Review(objects, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Rule)
			}
			matches := func(want string) bool {
				switch want {
				case "ANY":
					return len(got) > 0 || unread != nil
				case "ANYFIND":
					return len(got) > 0
				case "RC2":
					return unread != nil
				case "ANYBAK":
					return slices.ContainsFunc(got, func(id string) bool { return strings.HasPrefix(id, "BAK") })
				}
				return slices.Contains(got, want)
			}
			for _, want := range find {
				if !slices.ContainsFunc(strings.Split(want, "|"), matches) {
					t.Errorf("%s found nothing; there are %v, error %v", want, got, unread)
				}
			}
			for _, id := range none {
				if matches(id) {
					t.Errorf("%s is a false alarm; there are %v, error %v", id, got, unread)
				}
			}
		})
	}
}

// fieldCase puts a case together with the base.
func fieldCase(t *testing.T, base, data string) (find, none []string, text string) {
	t.Helper()
	whole := false
	var without []string
	for strings.HasPrefix(data, "# ") {
		var line string
		line, data, _ = strings.Cut(data, "\n")
		switch {
		case strings.HasPrefix(line, "# find "):
			find = strings.Split(strings.TrimPrefix(line, "# find "), ", ")
		case strings.HasPrefix(line, "# none of "):
			none = strings.Split(strings.TrimPrefix(line, "# none of "), ", ")
		case line == "# without the base":
			whole = true
		case strings.HasPrefix(line, "# without "):
			without = append(without, strings.TrimPrefix(line, "# without "))
		case line != "# fixes apply":
			t.Fatalf("what does %q mean?", line)
		}
	}
	if whole {
		return find, none, data
	}
	own, err := Read("own.yaml", []byte(data))
	if err == nil {
		for _, o := range own {
			without = append(without, o.String())
		}
	}
	for document := range strings.SplitSeq(base, "\n---\n") {
		objects, err := Read("base.yaml", []byte(document))
		if err != nil || len(objects) != 1 {
			t.Fatalf("%v in\n%s", err, document)
		}
		if !slices.Contains(without, objects[0].String()) {
			data += "\n---\n" + document
		}
	}
	return find, none, data
}
