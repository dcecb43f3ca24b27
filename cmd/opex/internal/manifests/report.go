package manifests

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/opex-project/opex/cmd/opex/internal/sarif"
	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
	"github.com/opex-project/opex/cmd/opex/internal/table"
	"github.com/opex-project/opex/internal/review"
)

// Formats are those of a report.
var Formats = []string{"table", "json", "sarif", "markdown"}

// Report is what a review found.
type Report struct {
	Objects  int       `json:"objects"`
	Rules    int       `json:"rules"`
	Findings []Finding `json:"findings"`
	Unjudged []string  `json:"unjudged,omitempty"` // fields that are not known before the update
}

// Finding is review.Finding as data.
type Finding struct {
	Rule     string   `json:"rule"`
	Title    string   `json:"title"`
	Why      string   `json:"why"`
	Criteria []string `json:"criteria,omitempty"` // that cannot pass
	Object   string   `json:"object"`
	Source   string   `json:"source"`
	Line     int      `json:"line,omitempty"`
	Field    string   `json:"field"`
	Says     string   `json:"says"`
	// Fix is a unified diff that `git apply` and `patch -p1` take; empty where only a person can know.
	Fix string `json:"fix,omitempty"`
	// Sketch says that the diff is of the object as it would be, and of no file: a program made it, or the file is written in a way that
	// cannot be changed without touching anything else.
	Sketch bool `json:"sketch,omitempty"`
}

// Review reviews objects.
func Review(objects review.Set) (Report, error) {
	report := Report{Objects: len(objects), Rules: len(review.Rules), Findings: []Finding{}, Unjudged: review.Unjudged(objects)}
	for _, f := range review.Review(objects) {
		fix, sketch, err := diff(f)
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", f.Object, err)
		}
		one := Finding{Rule: f.Rule.ID, Title: f.Rule.Title, Why: f.Rule.Why, Criteria: f.Rule.Criteria, Object: f.Object.String(), Source: f.Object.Source,
			Field: f.Where(), Says: f.Says, Fix: fix, Sketch: sketch}
		if f.Object.Line != nil {
			one.Line = f.Object.Line(f.Path)
		}
		report.Findings = append(report.Findings, one)
	}
	return report, nil
}

// diff returns the change that mends a finding, and whether it is one of the object alone: a sketch that no file is changed by.
func diff(f review.Finding) (text string, sketch bool, err error) {
	if len(f.Fix) == 0 {
		return "", false, nil
	}
	if f.Object.Change != nil {
		if before, after, first := f.Object.Change(f.Fix); before != nil {
			return stackfile.DiffFrom(first, filepath.ToSlash(f.Object.Source), before, after), false, nil
		}
	}
	before, err := yaml.Marshal(f.Object.Fields)
	if err != nil {
		return "", false, err
	}
	after, err := yaml.Marshal(review.Apply(f.Object.Fields, f.Fix))
	if err != nil {
		return "", false, err
	}
	return stackfile.Diff(strings.NewReplacer(" ", "/").Replace(f.Object.String())+".yaml", before, after), true, nil
}

// Write writes the report in one of the formats.
func (r Report) Write(w io.Writer, format string) error {
	switch format {
	case "json":
		return table.JSON(w, r)
	case "sarif":
		return r.sarif(w)
	case "markdown":
		_, err := io.WriteString(w, r.markdown())
		return err
	}
	if len(r.Findings) == 0 {
		return nil
	}
	for i, f := range r.Findings {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s %s: %s\n  %s: %s\n  why: %s\n", f.Rule, f.Title, f.Object, f.Field, f.Says, f.Why)
		if len(f.Criteria) > 0 {
			fmt.Fprintf(w, "  cannot pass: %s\n", strings.Join(f.Criteria, ", "))
		}
		fmt.Fprintf(w, "  at: %s\n", f.at())
		if f.Sketch {
			fmt.Fprintln(w, "  sketch, of the object and of no file:")
		}
		for line := range strings.Lines(f.Fix) {
			fmt.Fprint(w, "    "+line)
		}
	}
	return nil
}

func (f Finding) at() string {
	if f.Line > 0 {
		return fmt.Sprintf("%s:%d", f.Source, f.Line)
	}
	return f.Source
}

// markdown is a comment for a pull request.
func (r Report) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "### opex review: %s\n", r.Summary())
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "\n<details><summary><b>%s</b> %s: <code>%s</code> %s</summary>\n\n`%s` %s\n\n%s\n", f.Rule, escape(f.Title), escape(f.Object), "", f.Field, escape(f.Says), escape(f.Why))
		if len(f.Criteria) > 0 {
			fmt.Fprintf(&text, "Cannot pass: %s.\n", strings.Join(f.Criteria, ", "))
		}
		if f.Fix != "" {
			if f.Sketch {
				text.WriteString("\nA sketch, of the object and of no file:\n")
			}
			fmt.Fprintf(&text, "\n```diff\n%s```\n", f.Fix)
		}
		text.WriteString("\n</details>\n")
	}
	for i, line := range r.Unjudged {
		if i == 0 {
			text.WriteString("\nNot judged:\n\n")
		}
		fmt.Fprintf(&text, "- %s\n", escape(line))
	}
	return text.String()
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// Summary is one line.
func (r Report) Summary() string {
	if len(r.Findings) == 0 {
		return fmt.Sprintf("nothing found by %d rules in %d objects", r.Rules, r.Objects)
	}
	rules := map[string]bool{}
	for _, f := range r.Findings {
		rules[f.Rule] = true
	}
	return fmt.Sprintf("%d findings by %d of %d rules in %d objects", len(r.Findings), len(rules), r.Rules, r.Objects)
}

// sarif is the report for code scanning.
func (r Report) sarif(w io.Writer) error {
	var rules []sarif.Rule
	for _, rule := range review.Rules {
		rules = append(rules, sarif.Rule{ID: rule.ID, Title: rule.Title, Why: rule.Why, Tags: rule.Criteria})
	}
	var findings []sarif.Finding
	for _, f := range r.Findings {
		message := fmt.Sprintf("%s: %s: %s", f.Object, f.Field, f.Says)
		switch {
		case f.Sketch:
			message += "\n\nA sketch, of the object and of no file:\n" + f.Fix
		case f.Fix != "":
			message += "\n\n" + f.Fix
		}
		findings = append(findings, sarif.Finding{Rule: f.Rule, Level: sarif.Error, Message: message, File: f.file(), Line: f.Line, Object: f.Object,
			Fingerprint: f.Rule + "/" + f.Object + "/" + f.Field})
	}
	return sarif.Write(w, "opex review", rules, findings)
}

// file is a path as code scanning knows files, as a URI. A preview is of the program, whose settings stand in its project's file.
func (f Finding) file() string {
	switch {
	case f.Source == StandardInput:
		return "stdin"
	case f.Line == 0:
		return "Pulumi.yaml"
	}
	return f.Source
}
