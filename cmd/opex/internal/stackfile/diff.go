package stackfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// ContextLines is how much is shown around a change, as diff and git do.
const ContextLines = 3

// Diff returns the change of a file as a unified diff that `git apply` and `patch -p1` take; empty where nothing
// changed.
func Diff(path string, old, edited []byte) string { return DiffFrom(1, path, old, edited) }

// DiffFrom is Diff for a part of a file, which begins with a line; of what is around a change it must hold
// ContextLines, or the file's end.
func DiffFrom(line int, path string, old, edited []byte) string {
	a, b := lines(old), lines(edited)
	script := compare(a, b)
	path = strings.TrimLeft(path, "/")
	var text strings.Builder
	for _, h := range hunks(script) {
		if text.Len() == 0 {
			fmt.Fprintf(&text, "--- a/%s\n+++ b/%s\n", path, path)
		}
		h.write(&text, line-1)
	}
	return text.String()
}

// DiffParts is Diff for a file in parts, each with its old and its new text: only parts that changed are compared.
func DiffParts(path string, parts [][2][]byte) string {
	var script []step
	a, b := 0, 0
	for _, part := range parts {
		old, edited := lines(part[0]), lines(part[1])
		if bytes.Equal(part[0], part[1]) {
			for i, line := range old {
				script = append(script, step{' ', line, a + i, b + i})
			}
		} else {
			for _, s := range compare(old, edited) {
				script = append(script, step{s.op, s.text, s.a + a, s.b + b})
			}
		}
		a, b = a+len(old), b+len(edited)
	}
	var text strings.Builder
	for _, h := range hunks(script) {
		if text.Len() == 0 {
			fmt.Fprintf(&text, "--- a/%s\n+++ b/%s\n", path, path)
		}
		h.write(&text, 0)
	}
	return text.String()
}

// step is one line of the way from the old text to the new: kept (' '), removed ('-') or added ('+').
type step struct {
	op   byte
	text string // with its end
	a, b int    // lines of the old and new text before it
}

func lines(data []byte) []string { return slices.Collect(strings.Lines(string(data))) }

// compare finds a shortest way, by the longest common subsequence of lines. What is the same at both ends is left out
// of that: it takes time and room by the product of both lengths.
func compare(a, b []string) []step {
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var script []step
	for i := range head {
		script = append(script, step{' ', a[i], i, i})
	}
	for _, s := range align(a[head:len(a)-tail], b[head:len(b)-tail]) {
		script = append(script, step{s.op, s.text, s.a + head, s.b + head})
	}
	for i := tail; i > 0; i-- {
		script = append(script, step{' ', a[len(a)-i], len(a) - i, len(b) - i})
	}
	return script
}

func align(a, b []string) []step {
	common := make([][]int, len(a)+1) // common[i][j]: of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var script []step
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			script = append(script, step{' ', a[i], i, j})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			script = append(script, step{'-', a[i], i, j})
			i++
		default:
			script = append(script, step{'+', b[j], i, j})
			j++
		}
	}
	return script
}

type hunk []step

// hunks cuts the script into changes with their context; what overlaps is one.
func hunks(script []step) []hunk {
	var found []hunk
	start, end := 0, 0 // of the hunk at hand
	for i, s := range script {
		if s.op == ' ' {
			continue
		}
		if from := max(0, i-ContextLines); end == 0 || from > end {
			if end > 0 {
				found = append(found, script[start:end])
			}
			start = from
		}
		end = min(len(script), i+1+ContextLines)
	}
	if end > 0 {
		found = append(found, script[start:end])
	}
	return found
}

func (h hunk) write(text *strings.Builder, before int) {
	removed, added := 0, 0
	for _, s := range h {
		if s.op != '+' {
			removed++
		}
		if s.op != '-' {
			added++
		}
	}
	fmt.Fprintf(text, "@@ -%s +%s @@\n", span(before+h[0].a, removed), span(before+h[0].b, added))
	for _, s := range h {
		text.WriteByte(s.op)
		text.WriteString(s.text)
		if !strings.HasSuffix(s.text, "\n") {
			text.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span is a hunk's place in a file; an empty one is counted from the line before it.
func span(before, count int) string {
	if count == 0 {
		return fmt.Sprintf("%d,0", before)
	}
	return fmt.Sprintf("%d,%d", before+1, count)
}
