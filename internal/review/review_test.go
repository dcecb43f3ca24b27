package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// read returns the objects of a file as JSON has them.
func read(t testing.TB, file string) Set {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all Set
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		all = append(all, Object{Fields: fields, Source: file})
	}
}

func TestWhatIsInOrderIsNotFound(t *testing.T) {
	for _, f := range Review(read(t, "testdata/good.yaml")) {
		t.Errorf("%s %s: %s %s", f.Rule.ID, f.Object, f.Where(), f.Says)
	}
	if found := Review(nil); found != nil {
		t.Errorf("of nothing: %v", found)
	}
}

// TestEachRuleIsSeenRedAloneAndItsFixMakesItGreen reads testdata/<rule>: in valid-*.yaml nothing is found, and in invalid-*.yaml what the comments
// at its head say, by that rule and no other.
func TestEachRuleIsSeenRedAloneAndItsFixMakesItGreen(t *testing.T) {
	for _, rule := range Rules {
		invalid, _ := filepath.Glob("testdata/" + rule.ID + "/invalid-*.yaml")
		valid, _ := filepath.Glob("testdata/" + rule.ID + "/valid-*.yaml")
		if len(valid) == 0 || len(invalid) == 0 {
			t.Errorf("%s has %d valid and %d invalid files, want one of each at least", rule.ID, len(valid), len(invalid))
		}
		for _, file := range append(valid, invalid...) {
			t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
				objects := read(t, file)
				found := Review(objects)
				var got []string
				for _, f := range found {
					line := fmt.Sprintf("# %s %s: %s", f.Object, f.Where(), f.Says)
					if f.Rule.ID != rule.ID {
						line += ", by " + f.Rule.ID
					}
					got = append(got, line)
				}
				if want := head(t, file); !slices.Equal(got, want) {
					t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				for _, f := range found {
					mends(t, objects, f)
				}
			})
		}
	}
	folders, _ := filepath.Glob("testdata/*/")
	for _, folder := range folders {
		if !slices.ContainsFunc(Rules, func(r Rule) bool { return r.ID == filepath.Base(folder) }) {
			t.Errorf("there is no rule for %s", folder)
		}
	}
}

// head is the comments that a file begins with.
func head(t *testing.T, file string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// mends requires of a fix that its finding is gone with it, and nothing else found.
func mends(t *testing.T, objects Set, f Finding) {
	t.Helper()
	if len(f.Fix) == 0 {
		return
	}
	fixed := slices.Clone(objects)
	which := slices.IndexFunc(fixed, func(o Object) bool { return key(o) == key(f.Object) })
	fixed[which].Fields = Apply(fixed[which].Fields, f.Fix)
	for _, still := range Review(fixed) {
		if still.Rule.ID != f.Rule.ID || still.Where() == f.Where() && still.Object.String() == f.Object.String() {
			t.Errorf("with the fix: %s %s %s %s", still.Rule.ID, still.Object, still.Where(), still.Says)
		}
	}
}

func TestAFixLeavesTheReviewedObjectAlone(t *testing.T) {
	fields := map[string]any{"spec": map[string]any{"list": []any{map[string]any{"a": 1.0}}}}
	changed := Apply(fields, []Edit{{path("spec.list.0.a"), 2.0}, {path("spec.new.b"), "c"}, {path("spec.none"), nil}})
	before, _ := json.Marshal(fields)
	after, _ := json.Marshal(changed)
	if string(before) != `{"spec":{"list":[{"a":1}]}}` || string(after) != `{"spec":{"list":[{"a":2}],"new":{"b":"c"}}}` {
		t.Errorf("%s became %s", before, after)
	}
}

func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		if r.ID == "" || seen[r.ID] || r.Title == "" || r.Why == "" || !strings.HasSuffix(r.Why, ".") || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if len(Rules) < 25 {
		t.Errorf("%d rules", len(Rules))
	}
}

func TestAFixNeverMakesASelectorEmptyNorChangesAWorkloads(t *testing.T) {
	for file, fixed := range map[string]bool{"invalid-service": true, "invalid-budget": true, "invalid-service-by-nothing-else": false, "invalid-workload": false} {
		for _, f := range Review(read(t, "testdata/LAB-04/"+file+".yaml")) {
			if len(f.Fix) > 0 != fixed {
				t.Errorf("%s: the fix is %v", file, f.Fix)
			}
		}
	}
}

func TestACommandThatDumpsIsToldFromOneThatDoesNot(t *testing.T) {
	for command, want := range map[string]bool{
		"pg_dump --file=/dumps/x": true, "/usr/bin/pg_dump": true, "sh -c 'PGHOST=/run pg_dumpall | gzip > /dumps/x'": true, "/opex/hooks/dump.sh 384": true,
		"/bin/bash -ec set -e; /hooks/dump.sh": true, "timeout 10m /hooks/dump.sh": true, "./dump": true,
		"/bin/true": false, "echo ok": false, "/bin/sh -c echo ok > /dumps/x": false, "rm -f /dumps/old": false, "timeout 60 sleep 5": false, "": false,
	} {
		if got := dumps(command); got != want {
			t.Errorf("%q: %v", command, got)
		}
	}
}

func TestAnUnknownThatNobodyIsFoundByHidesNothing(t *testing.T) {
	objects := read(t, "testdata/SUR-10/invalid-no-pods.yaml")
	for i, o := range objects {
		if o.Kind() == "Deployment" {
			objects[i] = Planned(Apply(o.Fields, []Edit{
				{path("spec.template.spec.volumes"), []any{map[string]any{"name": "till", "configMap": map[string]any{"name": unknownValue}}}},
				{path("spec.template.spec.containers.0.env"), []any{map[string]any{"name": "KEY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": unknownValue}}}}},
				{path("spec.template.metadata.annotations.digest"), unknownValue},
			}), "stack")
		}
	}
	if found := Review(objects); len(found) != 1 || found[0].Rule.ID != "SUR-10" {
		t.Errorf("found %v", found)
	}
}

func TestWhatIsUnknownIsNeitherFoundNorPassedOver(t *testing.T) {
	const unknown, secret = "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "[secret]"
	envelope := map[string]any{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": `"hunter2"`}
	for name, c := range map[string]struct {
		file, object, field string
		value               any
		says                string
	}{
		"an image":        {"SUR-11/valid-latest", "Deployment", "spec.template.spec.containers.0.image", unknown, ""},
		"a secret":        {"SUR-11/valid-latest", "Deployment", "spec.template.spec.containers.0.image", secret, ""},
		"an envelope":     {"SUR-11/valid-latest", "Deployment", "spec.template.spec.containers.0.image", envelope, ""},
		"a number":        {"SUR-01/valid-one", "Deployment", "spec.replicas", unknown, "; nor was what depends on which objects find each other"},
		"a label of pods": {"SUR-10/valid-no-pods", "Deployment", "spec.template.metadata.labels.run", unknown, "; nor was what depends on which objects find each other"},
		"a whole spec":    {"SUR-03/valid-all-must-stay", "Deployment", "spec", unknown, "; nor was what depends on which objects find each other"},
	} {
		t.Run(name, func(t *testing.T) {
			var objects Set
			for _, o := range read(t, "testdata/"+c.file+".yaml") {
				if o.Kind() == c.object {
					o = Planned(Apply(o.Fields, []Edit{{path(c.field), c.value}}), "stack")
				}
				objects = append(objects, o)
			}
			for _, f := range Review(objects) {
				t.Errorf("found: %s %s %s %s", f.Rule.ID, f.Object, f.Where(), f.Says)
			}
			want := "Deployment shop/till (stack): " + c.field + " is not known before the update, or secret, and was not judged" + c.says
			if got := Unjudged(objects); len(got) != 1 || got[0] != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
