package table

import (
	"io"
	"os"
	"slices"
	"unicode/utf8"

	"golang.org/x/term"
)

// leastWidth is what is left of a column of words at least, in characters.
const leastWidth = 8

// Width is how many characters fit into a line of a terminal; 0 for what is none: files and pipes get everything.
func Width(w io.Writer) int {
	file, is := w.(*os.File)
	if !is {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Fit cuts the widest columns of words, so that a row fits into a line of so many characters. Figures stay whole. 0 is
// no limit.
func (t Table) Fit(width int) Table {
	widths := t.widths()
	whole := 2 * (len(widths) - 1)
	for _, w := range widths {
		whole += w
	}
	for ; width > 0 && whole > width; whole-- {
		widest := -1
		for i, w := range widths {
			if !slices.Contains(t.Right, i) && w > leastWidth && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break // as narrow as it gets
		}
		widths[widest]--
	}
	cut := Table{Right: t.Right}
	for n, row := range t.all() {
		for i, cell := range row {
			if letters := []rune(cell); len(letters) > widths[i] {
				row[i] = string(letters[:widths[i]-1]) + "…"
			}
		}
		if n == 0 {
			cut.Header = row
		} else {
			cut.Rows = append(cut.Rows, row)
		}
	}
	return cut
}

// widths are those of the columns, in characters.
func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for _, row := range t.all() {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}
