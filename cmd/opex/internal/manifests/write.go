package manifests

import (
	"fmt"
	"io"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/sarif"
	"github.com/opex-project/opex/cmd/opex/internal/table"
	"github.com/opex-project/opex/internal/review"
)

// Formats are those of a report.
var Formats = []string{"table", "details", "diff", "json", "sarif", "markdown"}

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
	case "diff":
		_, err := io.WriteString(w, strings.Join(r.Patches, ""))
		return err
	case "details":
		_, err := io.WriteString(w, r.text(Finding.details))
		return err
	}
	_, err := io.WriteString(w, r.text(func(Finding) string { return "" }))
	return err
}

// byObject are the findings of each object, in the order of the objects.
func (r Report) byObject() (all [][]Finding) {
	place := map[string]int{}
	for _, f := range r.Findings {
		id := f.Object + " " + f.Source
		if _, is := place[id]; !is {
			place[id] = len(all)
			all = append(all, nil)
		}
		all[place[id]] = append(all[place[id]], f)
	}
	return all
}

// text is a line for each finding, under its object.
func (r Report) text(details func(Finding) string) string {
	var text strings.Builder
	for i, found := range r.byObject() {
		if i > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "%s  (%s)\n", found[0].Object, found[0].Source)
		for _, f := range found {
			line := ""
			if f.Line > 0 {
				line = fmt.Sprintf("line %d: ", f.Line)
			}
			fmt.Fprintf(&text, "  %-7s  %s  %s%s: %s\n%s", f.Severity, f.Rule, line, f.Field, f.Says, details(f))
		}
	}
	for i, e := range r.Exempt {
		if i == 0 && len(r.Findings) > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "exempt: %s from %s (%s): %s\n", e.Object, e.Rule, e.Field, e.Reason)
	}
	return text.String()
}

func (f Finding) details() string {
	var text strings.Builder
	fmt.Fprintf(&text, "      %s: %s\n", f.Title, f.Why)
	if len(f.Criteria) > 0 {
		fmt.Fprintf(&text, "      cannot pass: %s\n", strings.Join(f.Criteria, ", "))
	}
	if f.Sketch {
		text.WriteString("      suggested change (cannot be applied to a file):\n")
	}
	for line := range strings.Lines(f.Fix) {
		text.WriteString("      " + line)
	}
	return text.String()
}

// markdown is a comment for a pull request.
func (r Report) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "### opex review: %s\n", r.Summary())
	for _, found := range r.byObject() {
		fmt.Fprintf(&text, "\n#### <code>%s</code>\n", escape(found[0].Object))
		for _, f := range found {
			fmt.Fprintf(
				&text, "\n<details><summary>%s <b>%s</b> <code>%s</code> %s</summary>\n\n%s: %s\n", f.Severity, f.Rule,
				escape(f.Field), escape(f.Says), escape(f.Title), escape(f.Why),
			)
			if len(f.Criteria) > 0 {
				fmt.Fprintf(&text, "Cannot pass: %s.\n", strings.Join(f.Criteria, ", "))
			}
			if f.Sketch {
				text.WriteString("\nSuggested change (cannot be applied to a file):\n")
			}
			if f.Fix != "" {
				fmt.Fprintf(&text, "\n```diff\n%s```\n", f.Fix)
			}
			text.WriteString("\n</details>\n")
		}
	}
	for i, line := range r.Unjudged {
		if i == 0 {
			text.WriteString("\nNot judged:\n\n")
		}
		fmt.Fprintf(&text, "- %s\n", escape(line))
	}
	for i, e := range r.Exempt {
		if i == 0 {
			text.WriteString("\nExempt:\n\n")
		}
		fmt.Fprintf(&text, "- `%s` from %s: %s\n", escape(e.Object), e.Rule, escape(e.Reason))
	}
	return text.String()
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// levels are the severities as code scanning knows them.
var levels = map[review.Severity]string{
	review.Error:   sarif.Error,
	review.Warning: sarif.Warning,
	review.Advice:  sarif.Note,
}

// sarif is the report for code scanning.
func (r Report) sarif(w io.Writer) error {
	var rules []sarif.Rule
	for _, rule := range review.Rules {
		rules = append(
			rules,
			sarif.Rule{
				ID:    rule.ID,
				Title: rule.Title,
				Why:   rule.Why,
				Help:  rule.Source,
				Tags:  rule.Criteria,
				Level: levels[rule.Severity],
			},
		)
	}
	var findings []sarif.Finding
	for _, f := range r.Findings {
		message := fmt.Sprintf("%s: %s: %s", f.Object, f.Field, f.Says)
		switch {
		case f.Sketch:
			message += "\n\nSuggested change (cannot be applied to a file):\n" + f.Fix
		case f.Fix != "":
			message += "\n\n" + f.Fix
		}
		findings = append(
			findings,
			sarif.Finding{
				Rule:        f.Rule,
				Level:       levels[f.Severity],
				Message:     message,
				File:        f.file(),
				Line:        f.Line,
				Object:      f.Object,
				Fingerprint: f.Rule + "/" + f.Object + "/" + f.Field,
			},
		)
	}
	return sarif.Write(w, "opex review", rules, findings)
}

// file is a path as code scanning knows files, from the root of the repository. A preview is of the program, whose
// settings stand in its project's file.
func (f Finding) file() string {
	switch {
	case f.Source == StandardInput:
		return "stdin"
	case f.Line == 0:
		return "Pulumi.yaml"
	}
	return patchPath(f.Source)
}
