// Package spec writes what was agreed on a service: its Operational Excellence Specification, from the stack's outputs.
package spec

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
	"github.com/opex-project/opex/internal/contract"
)

// Write writes the specifications of services as Markdown. Verdicts are those of a report that was kept; nil: none are
// shown.
func Write(w io.Writer, outputs stack.Outputs, services []string, verdicts *verify.Report) error {
	var text strings.Builder
	for i, name := range services {
		if i > 0 {
			text.WriteString("\n")
		}
		one(&text, outputs, name, verdicts)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// row is a line of a table: what, and how much of it.
type row struct{ what, value string }

func table(text *strings.Builder, title string, rows []row) {
	fmt.Fprintf(text, "\n## %s\n\n| | |\n|---|---|\n", title)
	for _, r := range rows {
		fmt.Fprintf(text, "| %s | %s |\n", cell(r.what), cell(r.value))
	}
}

// cell is a text that stays in its cell: reasons and verdicts are written by people.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

func one(text *strings.Builder, o stack.Outputs, name string, verdicts *verify.Report) {
	s := o.Services[name]
	fmt.Fprintf(text, "# Operational Excellence Specification: %s, %s\n\n", name, o.Environment)
	fmt.Fprintf(
		text,
		"What was agreed on this service, written by `opex spec` from the stack's outputs. It is changed in the stack's config.\n",
	)
	table(text, "The service", about(s))
	table(text, "Requirements", requirements(o, s))
	table(text, "Targets", targets(o, s))
	text.WriteString("\n## Constraints\n\n")
	for _, c := range constraints(o, s) {
		fmt.Fprintf(text, "- %s\n", c)
	}
	criteria(text, name, verdicts)
}

func about(s contract.Service) []row {
	rows := []row{
		{"Who pays", code(s.Labels)},
		{"Where", fmt.Sprintf("Deployment `%s/%s`, %d replicas, `%s`", s.Namespace, s.Deployment, s.Replicas, s.URL)},
	}
	if d := s.Database; d != nil {
		rows = append(rows, row{"Its data", fmt.Sprintf("PostgreSQL, StatefulSet `%s/%s`", s.Namespace, d.StatefulSet)})
	} else {
		rows = append(rows, row{"Its data", "none of its own"})
	}
	return rows
}

// code is labels as they are written.
func code(labels map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, fmt.Sprintf("`%s=%s`", key, labels[key]))
	}
	return strings.Join(all, " ")
}

func constraints(o stack.Outputs, s contract.Service) []string {
	all := []string{"Every pod carries the four cost labels; no selector uses them."}
	if o.Size != nil {
		all = append(all, "VerticalPodAutoscalers run in mode Off.")
	}
	if s.Database != nil && s.Backup != nil {
		all = append(all, "A backup without its dump is a failed backup: both hooks fail it.")
	}
	if o.Chaos != nil {
		all = append(
			all,
			"Experiments hit one pod of one service in "+strings.Join(o.Chaos.Targets, ", ")+", and nothing elsewhere.",
		)
	} else {
		all = append(all, "Nothing is broken on purpose here.")
	}
	return all
}

// criteria are those of verify, with their verdicts where there are any.
func criteria(text *strings.Builder, name string, verdicts *verify.Report) {
	judged := map[string]verify.Judged{}
	when := ""
	if verdicts != nil {
		when = fmt.Sprintf(", as judged %s", verdicts.Time.UTC().Format(time.RFC3339))
		for _, s := range verdicts.Services {
			for _, c := range s.Criteria {
				if s.Name == name {
					judged[c.ID] = c
				}
			}
		}
	}
	fmt.Fprintf(text, "\n## Success criteria%s\n\n| id | PASS means |", when)
	if verdicts != nil {
		text.WriteString(" verdict | actual |\n|---|---|---|---|\n")
	} else {
		text.WriteString("\n|---|---|\n")
	}
	for _, c := range verify.Criteria {
		fmt.Fprintf(text, "| %s | %s |", c.ID, cell(c.Target))
		if j, is := judged[c.ID]; is {
			fmt.Fprintf(text, " %s | %s |", j.Verdict, cell(j.Actual))
		} else if verdicts != nil {
			text.WriteString(" not judged | |")
		}
		text.WriteString("\n")
	}
}
