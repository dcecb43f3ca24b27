// Package table writes results for people, spreadsheets and pull requests.
package table

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Formats are those that commands offer. JSON is of the values themselves, by the function of that name.
var Formats = []string{"table", "json", "csv", "markdown"}

// Table is a header and its rows. A row may be shorter than the header.
type Table struct {
	Header []string
	Rows   [][]string
	Right  []int // columns of figures, aligned right
}

// Titled is a table under its title.
type Titled struct {
	Title string
	Table
}

// Write writes the table in one of the formats other than json.
func (t Table) Write(w io.Writer, format string) error {
	switch format {
	case "table":
		return t.aligned(w)
	case "csv":
		return t.csv(w)
	case "markdown":
		return t.markdown(w)
	default:
		return fmt.Errorf("unknown format %q; allowed are %s", format, strings.Join(Formats, ", "))
	}
}

// JSON writes a value indented.
func JSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func (t Table) aligned(w io.Writer) error {
	t = t.Fit(Width(w))
	widths := t.widths()
	var text strings.Builder
	for _, row := range t.all() {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if slices.Contains(t.Right, i) {
				line.WriteString(space + cell)
			} else {
				line.WriteString(cell + space)
			}
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// all are the header and the rows, each as long as the header.
func (t Table) all() [][]string {
	rows := [][]string{slices.Clone(t.Header)}
	for _, row := range t.Rows {
		full := make([]string, len(t.Header))
		copy(full, row)
		rows = append(rows, full)
	}
	return rows
}

func (t Table) csv(w io.Writer) error {
	writer := csv.NewWriter(w)
	if err := writer.WriteAll(t.all()); err != nil {
		return err
	}
	return writer.Error()
}

func (t Table) markdown(w io.Writer) error {
	rules := make([]string, len(t.Header))
	for i := range rules {
		rules[i] = "---"
		if slices.Contains(t.Right, i) {
			rules[i] = "---:"
		}
	}
	rows := t.all()
	rows = slices.Insert(rows, 1, rules)
	var text strings.Builder
	for _, row := range rows {
		text.WriteString("|")
		for _, cell := range row {
			text.WriteString(" " + strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell) + " |")
		}
		text.WriteString("\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}
