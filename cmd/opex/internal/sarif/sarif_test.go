package sarif

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// log is what readers of SARIF rely on.
type log struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID                                string
					ShortDescription, FullDescription struct{ Text string }
				}
			}
		}
		Results *[]struct {
			RuleID              string
			RuleIndex           *int
			Kind, Level         string
			Message             struct{ Text string }
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine int }
				}
			}
		}
	}
}

// check holds a log against SARIF 2.1.0, where a reader would stumble. The sections are those of the standard.
func check(t *testing.T, data []byte) {
	t.Helper()
	var l log
	if err := json.Unmarshal(data, &l); err != nil {
		t.Fatal(err)
	}
	must := func(holds bool, section string, about ...any) {
		t.Helper()
		if !holds {
			t.Errorf("section %s does not hold: %v", section, about)
		}
	}
	must(l.Version == "2.1.0" && l.Schema != "", "3.13.2 version", l.Version)
	must(len(l.Runs) > 0, "3.13.4 runs")
	for _, run := range l.Runs {
		rules := run.Tool.Driver.Rules
		must(run.Tool.Driver.Name != "", "3.19.8 name of the tool")
		for i, r := range rules {
			must(
				r.ID != "" && r.ShortDescription.Text != "" && r.FullDescription.Text != "", "3.49 reportingDescriptor",
				r,
			)
			for _, other := range rules[:i] {
				must(r.ID != other.ID, "3.49.3 id is there once", r.ID)
			}
		}
		must(run.Results != nil, "3.14.23 results: none is an empty list")
		if run.Results == nil {
			return
		}
		seen := map[string]bool{}
		for _, r := range *run.Results {
			must(r.Message.Text != "", "3.27.11 message", r)
			must(
				r.RuleIndex != nil && *r.RuleIndex >= 0 && *r.RuleIndex < len(rules) &&
					rules[*r.RuleIndex].ID == r.RuleID,
				"3.27.6 ruleIndex is of the ruleId",
				r,
			)
			wrong := slices.Contains([]string{"error", "warning", "note"}, r.Level)
			must(
				r.Kind == "fail" && wrong || r.Kind != "fail" && r.Kind != "" && r.Level == "none",
				"3.27.10 level goes with kind", r.Kind, r.Level,
			)
			must(len(r.PartialFingerprints) > 0, "3.27.17 partialFingerprints", r)
			for name, value := range r.PartialFingerprints {
				must(
					strings.Contains(name, "/v") && value != "" && !seen[name+value],
					"3.27.17 a fingerprint is of one result", name, value,
				)
				seen[name+value] = true
			}
			must(len(r.Locations) == 1, "3.27.12 locations: one", r)
			for _, at := range r.Locations {
				uri, err := url.Parse(at.PhysicalLocation.ArtifactLocation.URI)
				must(
					err == nil && uri.Scheme == "" && uri.Path != "" &&
						uri.String() == at.PhysicalLocation.ArtifactLocation.URI,
					"3.4.3 uri",
					at,
					err,
				)
				must(at.PhysicalLocation.Region.StartLine > 0, "3.30.5 startLine", at)
			}
		}
	}
}

func TestWhatTheCommandsWriteIsSARIF(t *testing.T) {
	files, err := filepath.Glob("../*/testdata/*.sarif")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %v, error %v", files, err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			check(t, data)
		})
	}
}

func TestFindingsKeepToTheStandardWhateverTheyAreOf(t *testing.T) {
	rules := []Rule{
		{ID: "A-1", Title: "first", Why: "it matters"},
		{ID: "A-2", Title: "second", Why: "it matters too", Help: "do it", Tags: []string{"SC-001"}},
	}
	finding := Finding{
		Rule:        "A-2",
		Level:       Warning,
		Message:     "look",
		File:        "a.yaml",
		Line:        3,
		Object:      "Pod a/b",
		Fingerprint: "b",
	}
	strange := finding
	strange.File, strange.Line, strange.Fingerprint = "standard input: 100%", 0, "c"
	for name, findings := range map[string][]Finding{"none": nil, "one": {finding}, "a file that is no address": {finding, strange}} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Write(&out, "a tool", rules, findings); err != nil {
				t.Fatal(err)
			}
			check(t, out.Bytes())
		})
	}
	finding.Rule = "A-3"
	if err := Write(&bytes.Buffer{}, "a tool", rules, []Finding{finding}); err == nil ||
		!strings.Contains(err.Error(), `Pod a/b: a tool has no rule "A-3"`) {
		t.Errorf("error is %v", err)
	}
}
