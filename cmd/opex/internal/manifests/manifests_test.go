package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/internal/review"
)

const good = "../../../../internal/review/testdata/good.yaml"

// broken is the good set with four things wrong.
func broken(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(
		strings.NewReplacer(`updateMode: "Off"`, "updateMode: Auto", "mode: one", "mode: all", "run: till-db}}\n          pre", "run: tills}}\n          pre",
			"labels: {run: till, team: shops,", "labels: {run: till,").
			Replace(string(data)),
	)
}

func TestReportsLookAsAgreed(t *testing.T) {
	var report Report
	data := broken(t)
	t.Run("review", func(t *testing.T) {
		t.Chdir(t.TempDir()) // diffs name files from the repository's root, and there is none
		objects, err := Read("shop/manifests.yaml", data)
		if err != nil {
			t.Fatal(err)
		}
		if report, err = Review(objects, Options{}); err != nil {
			t.Fatal(err)
		}
	})
	for _, format := range Formats {
		t.Run(format, func(t *testing.T) {
			var got bytes.Buffer
			if err := report.Write(&got, format); err != nil {
				t.Fatal(err)
			}
			kubetest.Golden(t, "report."+format, got.Bytes())
		})
	}
}

func TestWhatThePulumiProgramDeclaresIsInOrder(t *testing.T) {
	for _, stack := range []string{"staging", "prod"} {
		data, err := os.ReadFile("../../../../stacks/testdata/" + stack + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		objects, err := Read(stack, data)
		if err != nil {
			t.Fatal(err)
		}
		report, err := Review(objects, Options{})
		if err != nil || len(report.Findings) > 0 || len(objects) < 15 {
			t.Errorf("%s, %d objects: %+v, error %v", stack, len(objects), report.Findings, err)
		}
	}
}

func TestObjectsAreFoundWhereverTheyStand(t *testing.T) {
	object := `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "till"}}`
	for name, c := range map[string]struct {
		text string
		want string // objects with their lines
	}{
		"one document":         {"\n" + object, "Service default/till:2"},
		"without items' kinds": {"apiVersion: v1\nkind: ServiceList\nitems:\n- {metadata: {name: till}}", "Service default/till:4"},
		"several":              {object + "\n---\n" + object + "\n", "Service default/till:1 Service default/till:3"},
		"a list":               {"apiVersion: v1\nkind: List\nitems:\n- " + object, "Service default/till:4"},
		"a typed list":         {"apiVersion: v1\nkind: ServiceList\nitems:\n- " + object + "\n- " + object, "Service default/till:4 Service default/till:5"},
		"values beside":        {"replicas: 3\n---\n" + object, "Service default/till:3"},
		"a preview": {`{"steps": [{"newState": {"type": "kubernetes:core/v1:Service", "urn": "urn:pulumi:s::p::t::till-service", "inputs": ` + object + `}},
			{"op": "delete", "oldState": {"type": "kubernetes:core/v1:Service", "inputs": ` + object + `}},
			{"newState": {"type": "kubernetes:core/v1:Secret", "urn": "u", "inputs": {"apiVersion": "v1", "kind": "Secret"}}},
			{"newState": {"type": "kubernetes:core/v1:Service", "urn": "urn:pulumi:s::p::t::till-service", "inputs": ` + object + `}},
			{"newState": {"type": "aws:s3/bucket:Bucket", "inputs": {"bucket": "x"}}}]}`, "Service default/till of file: till-service"},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Read("file", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				text := o.String()
				if o.Line != nil {
					text += fmt.Sprintf(":%d", o.Line(nil))
				} else {
					text += " of " + o.Source
				}
				got = append(got, text)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func TestWhatCannotBeReadIsNamedAndTheRestIsRead(t *testing.T) {
	const rest = "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: till}\n"
	for name, c := range map[string]struct{ text, says string }{
		"no YAML":                 {"kind: [", "file: document at line 1: yaml:"},
		"a kind alone":            {"kind: Service\nmetadata: {name: till}", "line 1: has no apiVersion"},
		"a version alone":         {"apiVersion: v1\nmetadata: {name: till}", "line 1: has no kind"},
		"a Kind":                  {"apiVersion: v1\nKind: Service", "line 1: has Kind, which is written kind"},
		"an apiversion":           {"apiversion: v1\nkind: Service", "has apiversion, which is written apiVersion"},
		"a kind that is no text":  {"apiVersion: v1\nkind: 3", "has no kind"},
		"an item of a list":       {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  Kind: Service", "line 4: has Kind, which is written kind"},
		"an item that is nothing": {"apiVersion: v1\nkind: List\nitems:\n- a: 1", "line 4: this item of the list is no object"},
		"an item that is a text":  {"apiVersion: v1\nkind: List\nitems: [a]", "item 0 of the List is no object"},
		"a key twice":             {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nmetadata: {name: b}", `the key "metadata" stands there twice`},
		"a key that is a list":    {"apiVersion: v1\nkind: Service\n? [a]\n: b", "a key is a mapping or a list"},
		"no number of JSON":       {"apiVersion: v1\nkind: Service\nspec: {a: .nan}", ".nan is no number of JSON"},
		"a template":              {"apiVersion: v1\nkind: Service\nmetadata:\n  {{ x }}\n", "document at line 1"},
		"a bomb": {"apiVersion: v1\nkind: A\na: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d " +
			"[*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]", "aliases"},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Read("file", []byte(c.text+rest))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v", err)
			}
			if len(objects) == 0 || objects[len(objects)-1].String() != "Service default/till" {
				t.Errorf("the rest was not read: %v", objects)
			}
		})
	}
}

func TestValuesAreReadAsKubectlReadsThem(t *testing.T) {
	objects, err := Read(
		"file",
		[]byte(
			"apiVersion: v1\nkind: Service\ndata: {8080: a, 1.5: c, on: d}\nmode: Off\nquoted: \"Off\"\nday: 2001-01-01\n"+
				"octal: 0644\nbig: 1e3\nbase: &b {x: 1, z: 2}\nmerged: {<<: *b, z: 3}\n",
		),
	)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(objects[0].Fields)
	const want = `{"apiVersion":"v1","base":{"x":1,"z":2},"big":1000,"data":{"1.5":"c","8080":"a","true":"d"},"day":"2001-01-01","kind":"Service",` +
		`"merged":{"x":1,"z":3},"mode":false,"octal":420,"quoted":"Off"}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestALineIsThatOfTheFieldOrOfTheNearestAboveIt(t *testing.T) {
	objects, err := Read(
		"file",
		[]byte("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: b\n    image: c\n"),
	)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"spec.containers.0.image": 8, "spec.containers.0.ports": 7, "metadata.name": 4, "status": 1} {
		if got := objects[0].Line(strings.Split(path, ".")); got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
}

func TestFilesThatAreNoManifestsAreToldFromThoseThatCannotBeRead(t *testing.T) {
	for text, none := range map[string]bool{"replicas: 3": true, `{"name": "till", "version": "1.0.0"}`: true, "- a": true, "": true, "a: [": true, "kind: [": false, "kind: Service": false} {
		if _, err := Read("file", []byte(text)); errors.Is(err, ErrNone) != none {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFilesAreNamedByURIsInSARIF(t *testing.T) {
	t.Chdir(t.TempDir())
	for want, f := range map[string]Finding{
		"a%20b/100%25%23.yaml": {Source: "a b/100%#.yaml", Line: 1},
		"./c:/d.yaml":          {Source: "c:/d.yaml", Line: 1},
		"stdin":                {Source: StandardInput, Line: 1},
		"Pulumi.yaml":          {Source: "preview: till"},
	} {
		var out strings.Builder
		f.Rule = review.Rules[0].ID
		if err := (Report{Findings: []Finding{f}}).sarif(&out); err != nil ||
			!strings.Contains(out.String(), fmt.Sprintf(`"uri": %q`, want)) {
			t.Errorf("%s: want %s, got %v\n%s", f.Source, want, err, out.String())
		}
	}
}

func TestTheNumberOfRulesInTheDocumentsIsRight(t *testing.T) {
	for _, file := range []string{"README.md", "CHANGELOG.md", "docs/eks.md"} {
		data, err := os.ReadFile("../../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(" %d rules", len(review.Rules)); !strings.Contains(string(data), want) {
			t.Errorf("%s does not say %q", file, want)
		}
	}
}

// TestTheReferenceIsThatOfTheCode keeps docs/reference/rules.md.
func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	var text strings.Builder
	text.WriteString(`# Rules of review

What ` + "`opex review`" + ` judges, on manifests or on a preview, before anything is deployed. Made from the code by
` + "`go test ./internal/manifests -update`" + ` in cmd/opex: change it there.

An error means that a success criterion cannot pass, that data is at risk, or that the API server refuses the object; a warning, that it works until a bad
day; advice, that it misleads its reader.

| id | severity | must hold | why | source | cannot pass otherwise |
|---|---|---|---|---|---|
`)
	for _, r := range review.Rules {
		fmt.Fprintf(
			&text, "| %s | %s | %s | %s | %s | %s |\n", r.ID, r.Severity, r.Title, r.Why, r.Source,
			strings.Join(r.Criteria, ", "),
		)
	}
	kubetest.Golden(t, "../../../../../docs/reference/rules.md", []byte(text.String()))
}

// hundred are the objects of a hundred services, each in a namespace of its own, and each with something wrong.
func hundred(t testing.TB) review.Set {
	t.Helper()
	var all review.Set
	for i := range 100 {
		text := strings.ReplaceAll(string(broken(t)), "shop", fmt.Sprintf("shop-%d", i))
		objects, err := Read("manifests.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, objects...)
	}
	return all
}

func TestAHundredServicesAreReviewedWithinASecond(t *testing.T) {
	objects := hundred(t)
	began := time.Now()
	report, err := Review(objects, Options{})
	// promised is 1 s, on a machine with time
	if took := time.Since(began); err != nil || len(report.Findings) < 400 || took > 5*time.Second {
		t.Errorf("%d findings in %s, error %v", len(report.Findings), took, err)
	}
	if _, err := json.Marshal(report); err != nil {
		t.Error(err)
	}
}

// BenchmarkReviewOfAHundredServices is promised to take a second at most.
func BenchmarkReviewOfAHundredServices(b *testing.B) {
	objects := hundred(b)
	for b.Loop() {
		if _, err := Review(objects, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReviewOf5000Objects is promised to take two seconds at most, whichever way they are written.
func BenchmarkReviewOf5000Objects(b *testing.B) {
	const object = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x-%[1]d", "namespace": "shop"}, "spec": {"replicas": 2, "selector": ` +
		`{"matchLabels": {"run": "x-%[1]d"}}, "template": {"metadata": {"labels": {"run": "x-%[1]d"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}}}}`
	var objects []string
	for i := range 5000 {
		objects = append(objects, fmt.Sprintf(object, i))
	}
	for name, text := range map[string]string{
		"documents": strings.Join(objects, "\n---\n"), "list of JSON": `{"apiVersion": "v1", "kind": "List", "items": [` + strings.Join(objects, ",") + "]}",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				objects, err := Read("many.yaml", []byte(text))
				if err != nil || len(objects) != 5000 {
					b.Fatal(len(objects), err)
				}
				if _, err := Review(objects, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead50MB is promised to take ten seconds at most, in any shape, and 1 GiB.
func BenchmarkRead50MB(b *testing.B) {
	const head = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  selector:\n"
	var keys strings.Builder
	for i := range 250_000 {
		fmt.Fprintf(&keys, "    k%d: v\n", i)
	}
	for name, text := range map[string]string{
		"small objects": strings.Repeat(head+"    a: b\n---\n", 700_000), "many keys": strings.Repeat(head+keys.String()+"---\n", 14),
		"one object": head + strings.Repeat("    a: b\n", 5_500_000), "JSON": `[` + strings.Repeat(`[1,2,3],`, 6_000_000) + `1]`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = Read("big.yaml", []byte(text))
			}
		})
	}
}
