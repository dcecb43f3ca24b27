package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/sarif"
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
	all := junitSuites{
		Name:     "opex verify " + r.Environment,
		Failures: r.Count(Fail),
		Errors:   r.Count(Unproven),
		Skipped:  r.Count(NotApplicable),
	}
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

// sarif has what is no pass. A criterion is no place in a file; the project's stands for it.
func (r Report) sarif(w io.Writer) error {
	levels := map[Verdict]string{Fail: sarif.Error, Unproven: sarif.Warning}
	var rules []sarif.Rule
	var findings []sarif.Finding
	for i, s := range r.Services {
		for _, c := range s.Criteria {
			if i == 0 {
				rules = append(rules, sarif.Rule{ID: c.ID, Title: c.Title, Why: c.Why, Help: "PASS means: " + c.Target})
			}
			if level, is := levels[c.Verdict]; is {
				findings = append(
					findings,
					sarif.Finding{
						Rule:        c.ID,
						Level:       level,
						File:        "Pulumi.yaml",
						Object:      s.Name,
						Fingerprint: s.Name + "/" + c.ID,
						Message:     fmt.Sprintf("%s: %s: %s\n\n%s", s.Name, c.Verdict, c.Actual, c.evidenceText()),
					},
				)
			}
		}
	}
	return sarif.Write(w, "opex verify", rules, findings)
}
