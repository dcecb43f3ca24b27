package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// evidenceText is what a verdict rests on, line by line.
func (j Judged) evidenceText() string {
	var text strings.Builder
	fmt.Fprintf(&text, "target: %s\nwhy: %s\n", j.Target, j.Why)
	for _, fact := range j.Evidence {
		fmt.Fprintf(&text, "%s: %s\n", fact.What, fact.Value)
	}
	if j.Next != "" {
		fmt.Fprintf(&text, "next: %s\n", j.Next)
	}
	return text.String()
}

// JUnit's XML, as CI systems read it: https://github.com/testmoapp/junitxml
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Tests     int         `xml:"tests,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string      `xml:"classname,attr"`
		Name    string      `xml:"name,attr"`
		Failure *junitWhy   `xml:"failure"` // FAIL
		Error   *junitWhy   `xml:"error"`   // UNPROVEN: it could not be judged
		Skipped *junitWhy   `xml:"skipped"` // N/A
		Out     *junitPlain `xml:"system-out"`
	}
	junitWhy struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitPlain struct {
		Text string `xml:",chardata"`
	}
)

func (r Report) junit(w io.Writer) error {
	all := junitSuites{Name: "opex verify " + r.Environment, Failures: r.Count(Fail), Errors: r.Count(Unproven), Skipped: r.Count(NotApplicable)}
	for _, s := range r.Services {
		suite := junitSuite{Name: s.Name, Timestamp: utc(r.Time), Tests: len(s.Criteria)}
		all.Tests += len(s.Criteria)
		for _, c := range s.Criteria {
			one, why := junitCase{Class: s.Name, Name: c.ID + " " + c.Title}, &junitWhy{c.Actual, c.evidenceText()}
			switch c.Verdict {
			case Fail:
				one.Failure = why
			case Unproven:
				one.Error = why
			case NotApplicable:
				one.Skipped = &junitWhy{Message: c.Actual}
			case Pass:
				one.Out = &junitPlain{c.Actual + "\n" + c.evidenceText()}
			}
			suite.Cases = append(suite.Cases, one)
		}
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// sarif is SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. A criterion is no place in a file; the project's stands for it.
func (r Report) sarif(w io.Writer) error {
	levels := map[Verdict]string{Fail: "error", Unproven: "warning", Pass: "none", NotApplicable: "none"}
	kinds := map[Verdict]string{Fail: "fail", Unproven: "open", Pass: "pass", NotApplicable: "notApplicable"}
	rules, results := []any{}, []any{}
	for i, s := range r.Services {
		for _, c := range s.Criteria {
			if i == 0 {
				rules = append(rules, map[string]any{"id": c.ID, "shortDescription": map[string]any{"text": c.Title}, "fullDescription": map[string]any{"text": c.Why},
					"help": map[string]any{"text": "PASS means: " + c.Target}})
			}
			results = append(results, map[string]any{"ruleId": c.ID, "level": levels[c.Verdict], "kind": kinds[c.Verdict],
				"message": map[string]any{"text": fmt.Sprintf("%s: %s: %s\n\n%s", s.Name, c.Verdict, c.Actual, c.evidenceText())},
				"locations": []any{map[string]any{"physicalLocation": map[string]any{"artifactLocation": map[string]any{"uri": "Pulumi.yaml"},
					"region": map[string]any{"startLine": 1}}, "logicalLocations": []any{map[string]any{"fullyQualifiedName": s.Name}}}}})
		}
	}
	return table.JSON(w, map[string]any{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{"tool": map[string]any{"driver": map[string]any{"name": "opex verify", "rules": rules}}, "results": results}}})
}
