package verify

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

const schemaFile = "../../../../../docs/reference/verify.v1.schema.json" // from testdata

// schemaOfReport is that of the types. What is absent is never null.
func schemaOfReport(t *testing.T) *jsonschema.Schema {
	t.Helper()
	verdicts := &jsonschema.Schema{Type: "string", Enum: []any{Pass, Fail, Unproven, NotApplicable},
		Description: "PASS: proven; FAIL: proven to be otherwise; UNPROVEN: neither; N/A: does not concern the service"}
	schema, err := jsonschema.For[Report](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Verdict]():   verdicts,
		reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	each(schema, "", func(_ string, s *jsonschema.Schema) {
		if kinds := slices.DeleteFunc(slices.Clone(s.Types), func(kind string) bool { return kind == "null" }); len(
			kinds,
		) == 1 {
			s.Type, s.Types = kinds[0], nil
		}
	})
	schema.Schema = "https://json-schema.org/draft/2020-12/schema"
	schema.ID = "https://raw.githubusercontent.com/opex-project/opex/main/docs/reference/verify.v1.schema.json"
	schema.Title = "Report of opex verify --format json"
	schema.Description = "Verdicts on the services of a stack by the success criteria. Made from the code by `go test ./internal/verify -update` in cmd/opex: change it there."
	schema.Properties["schema"].Const = jsonschema.Ptr(any(Schema))
	return schema
}

// each visits a schema and all below it.
func each(s *jsonschema.Schema, at string, visit func(at string, s *jsonschema.Schema)) {
	visit(at, s)
	if s.Items != nil {
		each(s.Items, at+"[]", visit)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		each(s.Properties[name], strings.TrimPrefix(at+"."+name, "."), visit)
	}
}

// TestTheSchemaIsThatOfTheReport keeps docs/reference/verify.v1.schema.json.
func TestTheSchemaIsThatOfTheReport(t *testing.T) {
	schema := schemaOfReport(t)
	each(schema, "", func(at string, s *jsonschema.Schema) {
		if s.Description == "" && !strings.HasSuffix(at, "[]") {
			t.Errorf("%s: it has no description: say in the field's tag what it means, and in which unit", at)
		}
		if s.Type == "object" && (s.AdditionalProperties == nil || s.AdditionalProperties.Not == nil) {
			t.Errorf("%s: it allows fields that it does not know", at)
		}
	})
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Golden(t, schemaFile, append(data, '\n'))
}

// published is the schema as it stands in the reference.
func published(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", schemaFile))
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func TestEveryReportIsAsThePublishedSchemaSays(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || !slices.Contains(files, "testdata/changed.json") {
		t.Fatalf("found %v, error %v; one with changes is wanted, too", files, err)
	}
	schema := published(t)
	for _, file := range files {
		if err := schema.Validate(document(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// document is a report as any reader sees it.
func document(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestThePublishedSchemaRefusesWhatIsNoReport(t *testing.T) {
	first := func(report map[string]any, list string) map[string]any {
		return report[list].([]any)[0].(map[string]any)
	}
	criterion := func(report map[string]any) map[string]any { return first(first(report, "services"), "criteria") }
	for name, spoil := range map[string]func(report map[string]any){
		"another version":           func(r map[string]any) { r["schema"] = "opex.verify/v2" },
		"a field that is not known": func(r map[string]any) { r["extra"] = "" },
		"one of a criterion":        func(r map[string]any) { criterion(r)["extra"] = "" },
		"one of a change":           func(r map[string]any) { first(r, "changes")["extra"] = "" },
		"no services":               func(r map[string]any) { delete(r, "services") },
		"no evidence":               func(r map[string]any) { delete(criterion(r), "evidence") },
		"evidence that is null":     func(r map[string]any) { criterion(r)["evidence"] = nil },
		"a verdict that is made up": func(r map[string]any) { criterion(r)["verdict"] = "GREEN" },
		"a figure that is text": func(r map[string]any) {
			criterion(r)["measure"] = map[string]any{"value": "2", "unit": "s", "limit": 30}
		},
		"a change without its words":    func(r map[string]any) { delete(first(r, "changes"), "says") },
		"a time that is a number":       func(r map[string]any) { r["time"] = 1 },
		"a baseline that is not a time": func(r map[string]any) { r["baseline"] = map[string]any{} },
	} {
		t.Run(name, func(t *testing.T) {
			report := document(t, "testdata/changed.json")
			spoil(report)
			if err := published(t).Validate(report); err == nil {
				t.Error("it is accepted")
			}
		})
	}
}
