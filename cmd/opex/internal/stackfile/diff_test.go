package stackfile

import (
	"fmt"
	"strings"
	"testing"
)

// apply does what patch does, and fails where a hunk does not fit.
func apply(t *testing.T, old, diff string) string {
	t.Helper()
	if diff == "" {
		return old
	}
	source := lines([]byte(old))
	var out strings.Builder
	next := 0 // line of the source to copy
	rows := lines([]byte(diff))[2:]
	for i, row := range rows {
		text := row[1:]
		if i+1 < len(rows) && strings.HasPrefix(rows[i+1], `\`) {
			text = strings.TrimSuffix(text, "\n")
		}
		switch row[0] {
		case '@':
			var start, count, at, size int
			if _, err := fmt.Sscanf(row, "@@ -%d,%d +%d,%d @@", &start, &count, &at, &size); err != nil {
				t.Fatal(err)
			}
			if count > 0 {
				start--
			}
			for ; next < start; next++ {
				out.WriteString(source[next])
			}
		case ' ', '-':
			if next >= len(source) || source[next] != text {
				t.Fatalf("line %d of the old file is not %q", next+1, text)
			}
			if row[0] == ' ' {
				out.WriteString(text)
			}
			next++
		case '+':
			out.WriteString(text)
		}
	}
	for ; next < len(source); next++ {
		out.WriteString(source[next])
	}
	return out.String()
}

func TestDiffIsUnified(t *testing.T) {
	cases := map[string]struct{ old, edited, want string }{
		"nothing": {"a\n", "a\n", ""},
		"one line with context": {
			"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
			"@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
		},
		"two hunks": {
			"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "one\n2\n3\n4\n5\n6\n7\n8\nnine\n",
			"@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+nine\n",
		},
		"into an empty file": {"", "a\n", "@@ -0,0 +1,1 @@\n+a\n"},
		"to an empty file":   {"a\n", "", "@@ -1,1 +0,0 @@\n-a\n"},
		"no newline at the end": {
			"a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Diff("/folder/f", []byte(c.old), []byte(c.edited))
			want := c.want
			if want != "" {
				want = "--- a/folder/f\n+++ b/folder/f\n" + want
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if applied := apply(t, c.old, got); applied != c.edited {
				t.Errorf("applied, it gives %q", applied)
			}
		})
	}
}
