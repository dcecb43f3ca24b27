package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the findings at the head of each file of testdata")

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

// TestEachRuleIsSeenRedAloneAndItsFixMakesItGreen reads testdata/<rule>: in valid-*.yaml nothing is found, and in
// invalid-*.yaml what the comments at its head say, by that rule and no other.
func TestEachRuleIsSeenRedAloneAndItsFixMakesItGreen(t *testing.T) {
	for _, rule := range Rules {
		invalid, _ := filepath.Glob("testdata/" + rule.ID + "/invalid-*.yaml")
		valid, _ := filepath.Glob("testdata/" + rule.ID + "/valid-*.yaml")
		// whoever reads an object finds its wrong types
		if (len(valid) == 0 || len(invalid) == 0) && rule.ID != "TYP-01" {
			t.Errorf(
				"%s has %d valid and %d invalid files, want one of each at least", rule.ID, len(valid), len(invalid),
			)
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
				if *update {
					writeHead(t, file, got)
				}
				if want := head(t, file); !slices.Equal(got, want) {
					t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				for _, f := range Proven(objects, found) {
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

func writeHead(t *testing.T, file string, lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line + "\n")
	}
	rest := string(data)
	for strings.HasPrefix(rest, "#") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	if err := os.WriteFile(file, []byte(text.String()+rest), 0o600); err != nil {
		t.Fatal(err)
	}
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
	if string(before) != `{"spec":{"list":[{"a":1}]}}` ||
		string(after) != `{"spec":{"list":[{"a":2}],"new":{"b":"c"}}}` {
		t.Errorf("%s became %s", before, after)
	}
}

func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		if r.ID == "" || seen[r.ID] || r.Title == "" || r.Why == "" || !strings.HasSuffix(r.Why, ".") ||
			strings.HasSuffix(r.Title, ".") {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if len(Rules) < 25 {
		t.Errorf("%d rules", len(Rules))
	}
}

func TestNoFixWidensASelector(t *testing.T) {
	files, _ := filepath.Glob("testdata/LAB-04/invalid-*.yaml")
	for _, file := range files {
		for _, f := range Review(read(t, file)) {
			if len(f.Fix) > 0 {
				t.Errorf("%s: the fix is %v", file, f.Fix)
			}
		}
	}
}

func TestACommandThatDumpsIsToldFromOneThatDoesNot(t *testing.T) {
	for command, want := range map[string]bool{
		"pg_dump --file=/dumps/x": true, "/usr/bin/pg_dump": true, "PGHOST=/run pg_dumpall | gzip > /dumps/x": true, "/opex/hooks/dump.sh 384": true,
		"set -e; /hooks/dump.sh": true, "timeout 10m /hooks/dump.sh": true, "./dump": true, "nice -n 5 pg_dump": true, "su postgres -c 'pg_dump x > /d'": true,
		"bash -ec 'set -e; pg_dump'": true, "if ! pg_dump > /d; then exit 1; fi": true, "gosu postgres pg_dump": true,
		"/bin/true": false, "echo ok": false, "echo pg_dump > /dumps/x": false, "rm -f /dumps/old": false, "timeout 60 sleep 5": false, "": false,
		"# pg_dump": false, "find / -name pg_dump": false,
	} {
		argv := []string{"/bin/sh", "-c", command}
		if got := len(dumpsOf(argv)) > 0 || runsScript(argv); got != want {
			t.Errorf("%q: %v", command, got)
		}
	}
}

func TestWhereADumpGoesAndWhatHidesItsFailure(t *testing.T) {
	for command, want := range map[string]dump{
		"pg_dump -Fc app > /dump/a":                               {file: "/dump/a"},
		"pg_dump -Fc -f /dump/a app":                              {file: "/dump/a"},
		"pg_dump --file=/dump/a":                                  {file: "/dump/a"},
		"pg_dump app":                                             {},
		"pg_dump app | gzip > /dump/a.gz":                         {file: "/dump/a.gz", masked: "the exit code is that of gzip, without `set -o pipefail`"},
		"set -o pipefail; pg_dump app | gzip > /dump/a.gz":        {file: "/dump/a.gz"},
		"pg_dump app | aws s3 cp - s3://b/k":                      {away: true, masked: "the exit code is that of aws, without `set -o pipefail`"},
		"pg_dump app > /dump/a || true":                           {file: "/dump/a", masked: "`|| true` takes its place"},
		"pg_dump app > /dump/a || exit 1":                         {file: "/dump/a"},
		"pg_dump app > /dump/a || { echo no; exit 1; }":           {file: "/dump/a"},
		"pg_dump app > /dump/a; echo done":                        {file: "/dump/a", masked: "the exit code is that of `echo done`, without `set -e`"},
		"set -e\npg_dump app > /dump/a\necho done":                {file: "/dump/a"},
		"pg_dump app > /dump/a && echo done":                      {file: "/dump/a"},
		"pg_dump app > /tmp/a && mv /tmp/a /dump/a":               {file: "/tmp/a", away: true},
		"pg_dump app > /dump/a &":                                 {file: "/dump/a", masked: "it runs in the background"},
		"pg_dump app > \"/dump/a b\" 2>&1":                        {file: "/dump/a b"},
		"pg_dump app > /dump/$(date +%F).sql":                     {file: "/dump/$(date +%F).sql"},
		"pg_dump app > $OUT":                                      {file: "$OUT", away: true},
		"pg_dump app 2>/dev/null | tee /dump/a | wc -l":           {file: "/dump/a", masked: "the exit code is that of wc, without `set -o pipefail`"},
		"mongodump --archive=/dump/a":                             {file: "/dump/a"},
		"mongodump --archive":                                     {},
		"mongodump":                                               {away: true},
		"pg_basebackup -D - | gzip > /dump/a; exit ${PIPESTATUS}": {file: "/dump/a"},
		"pgbackrest backup":                                       {away: true},
	} {
		got := dumpsOf([]string{"sh", "-c", command})
		if len(got) != 1 {
			t.Errorf("%q: %v", command, got)
			continue
		}
		got[0].program = ""
		if got[0] != want {
			t.Errorf("%q:\n%+v, want\n%+v", command, got[0], want)
		}
	}
	for _, argv := range [][]string{{"bash", "-o", "pipefail", "-c", "pg_dump | gzip > /d"}, {"bash", "-euo", "pipefail", "-c", "pg_dump | gzip > /d"},
		{"/bin/bash", "-c", "set -euo pipefail; pg_dump | gzip > /d"}} {
		if got := dumpsOf(argv); len(got) != 1 || got[0].masked != "" {
			t.Errorf("%q: %+v", argv, got)
		}
	}
	if got := dumpsOf([]string{"pg_dump", "app", ">", "/dump/a"}); len(got) != 1 || got[0].file != "" {
		t.Errorf("without a shell: %+v", got)
	}
}

func TestAnUnknownThatNobodyIsFoundByHidesNothing(t *testing.T) {
	objects := read(t, "testdata/SUR-10/invalid-no-pods.yaml")
	for i, o := range objects {
		if o.Kind() == "Deployment" {
			objects[i] = Planned(Apply(o.Fields, []Edit{
				{
					path("spec.template.spec.volumes"),
					[]any{map[string]any{"name": "till", "configMap": map[string]any{"name": unknownValue}}},
				},
				{
					path("spec.template.spec.containers.0.env"),
					[]any{
						map[string]any{
							"name":      "KEY",
							"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": unknownValue}},
						},
					},
				},
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
	envelope := map[string]any{
		"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
		"plaintext":                        `"hunter2"`,
	}
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
