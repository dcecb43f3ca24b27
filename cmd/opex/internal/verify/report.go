package verify

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Schema names the form of the JSON report; it changes when a reader would have to.
// docs/reference/verify.v1.schema.json describes it, made from the types of this package; what a field means stands in
// its tag.
const Schema = "opex.verify/v1"

// Formats are those of Write.
var Formats = []string{"table", "json", "markdown", "junit", "sarif"}

// Report holds the verdicts on all services.
type Report struct {
	Schema      string          `json:"schema" jsonschema:"the form of this document"`
	Time        time.Time       `json:"time" jsonschema:"when it was judged, in UTC"`
	Environment string          `json:"environment" jsonschema:"of the stack, such as staging or production"`
	Cluster     string          `json:"cluster" jsonschema:"identity of the cluster: the UID of its kube-system namespace"`
	Services    []ServiceReport `json:"services" jsonschema:"the services that were asked for, by name"`
	Baseline    *time.Time      `json:"baseline,omitempty" jsonschema:"when the report that this one was compared with was judged, in UTC; absent: it was compared with none"`
	Changes     []Change        `json:"changes,omitempty" jsonschema:"what is otherwise than in the baseline; absent: nothing, or it was compared with none"`
}

// ServiceReport holds the verdicts on one.
type ServiceReport struct {
	Name     string   `json:"name" jsonschema:"of the service, as in the stack's config"`
	Criteria []Judged `json:"criteria" jsonschema:"the criteria that were asked for, by ID"`
}

// Judged is a criterion and its result.
type Judged struct {
	ID     string `json:"id" jsonschema:"of the criterion, SC-001 to SC-010; see criteria.md"`
	Title  string `json:"title" jsonschema:"the criterion in a few words"`
	Target string `json:"target" jsonschema:"what a PASS means"`
	Why    string `json:"why" jsonschema:"why it matters"`
	Result
}

// Count returns how many verdicts are of a kind.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, s := range r.Services {
		for _, c := range s.Criteria {
			if c.Verdict == v {
				n++
			}
		}
	}
	return n
}

// Summary is the last line.
func (r Report) Summary() string {
	var parts []string
	for _, v := range []Verdict{Pass, Fail, Unproven, NotApplicable} {
		if n := r.Count(v); n > 0 || v == Pass {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

// Write writes the report: a table and the reasons for people, or everything for programs.
func (r Report) Write(w io.Writer, format string) error {
	switch format {
	case "json":
		return table.JSON(w, r)
	case "junit":
		return r.junit(w)
	case "sarif":
		return r.sarif(w)
	}
	var text strings.Builder
	width := 0
	if format == "table" {
		width = table.Width(w)
	}
	if err := r.fitted(width).Write(&text, format); err != nil {
		return err
	}
	text.WriteString(r.reasons(format == "markdown"))
	text.WriteString(r.changes(format == "markdown"))
	whole := text.String()
	if format == "markdown" {
		whole = strings.ReplaceAll(whole, "__", `\_\_`) // OpenCost's __idle__ is no bold idle
	}
	_, err := io.WriteString(w, whole)
	return err
}

// narrow is a terminal in which a few letters are left of what was found: less than of each criterion's name without
// it.
const narrow = 60

// fitted is the table for a terminal of so many characters. In a narrow one it leaves out what was found, which is told
// below of whatever is no pass. 0 is no limit.
func (r Report) fitted(width int) table.Table {
	t := r.table()
	if width > 0 && width < narrow && len(r.Services) == 1 {
		last := len(t.Header) - 1
		t.Header = t.Header[:last]
		for i := range t.Rows {
			t.Rows[i] = t.Rows[i][:last]
		}
	}
	return t.Fit(width)
}

// table has services side by side, and what was found where there is only one.
func (r Report) table() table.Table {
	t := table.Table{Header: []string{"ID", "CRITERION"}}
	for _, s := range r.Services {
		t.Header = append(t.Header, strings.ToUpper(s.Name))
	}
	if len(r.Services) == 1 {
		t.Header = append(t.Header, "ACTUAL")
	}
	for i, first := range r.Services[0].Criteria {
		row := []string{first.ID, first.Title}
		for _, s := range r.Services {
			row = append(row, string(s.Criteria[i].Verdict))
		}
		if len(r.Services) == 1 {
			row = append(row, first.inTable())
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// actualWidth is what fits beside the other columns.
const actualWidth = 100

// inTable is what was found. Errors may be long: what is no pass stands in full among the reasons.
func (j Judged) inTable() string {
	if letters := []rune(j.Actual); j.Verdict != Pass && len(letters) > actualWidth {
		return string(letters[:actualWidth-1]) + "…"
	}
	return j.Actual
}

// reasons explains each verdict that is no pass.
func (r Report) reasons(markdown bool) string {
	var text strings.Builder
	for _, s := range r.Services {
		for _, c := range s.Criteria {
			if c.Verdict == Pass {
				continue
			}
			heading, bullet := "\n%s %s %s: %s\n", "  "
			if markdown {
				heading, bullet = "\n**%s %s %s**: %s\n\n", "- "
			}
			fmt.Fprintf(&text, heading, s.Name, c.ID, c.Verdict, c.Actual)
			fmt.Fprintf(&text, "%starget: %s\n%swhy: %s\n", bullet, c.Target, bullet, c.Why)
			for _, fact := range c.Evidence {
				if strings.Contains(fact.Value, "\n") {
					fact.Value = "several lines, which --format json shows"
				}
				fmt.Fprintf(&text, "%s%s: %s\n", bullet, fact.What, fact.Value)
			}
			if c.Next != "" {
				fmt.Fprintf(&text, "%snext: %s\n", bullet, c.Next)
			}
		}
	}
	return text.String()
}
