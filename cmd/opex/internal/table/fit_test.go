package table

import (
	"io"
	"os"
	"strings"
	"testing"
)

func TestATableFitsIntoALineAndItsFiguresStayWhole(t *testing.T) {
	whole := Table{Header: []string{"ID", "CRITERION", "VERDICT", "USD", "ACTUAL"}, Right: []int{3}, Rows: [][]string{
		{
			"SC-001", "Every pod says who pays for it", "PASS", "1234.56789",
			"4 of 4 pods, all of them with every label",
		}, {"SC-002", "short", "UNPROVEN"}}}
	for width, want := range map[int]string{
		0: `ID      CRITERION                       VERDICT          USD  ACTUAL
SC-001  Every pod says who pays for it  PASS      1234.56789  4 of 4 pods, all of them with every label
SC-002  short                           UNPROVEN
`,
		60: `ID      CRITERION       VERDICT          USD  ACTUAL
SC-001  Every pod say…  PASS      1234.56789  4 of 4 pods, …
SC-002  short           UNPROVEN
`,
		20: `ID      CRITERI…  VERDICT          USD  ACTUAL
SC-001  Every p…  PASS      1234.56789  4 of 4 …
SC-002  short     UNPROVEN
`,
	} {
		var out strings.Builder
		if err := whole.Fit(width).Write(&out, "table"); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != want {
			t.Errorf("%d characters:\n%s\nwant\n%s", width, got, want)
		}
	}
	if whole.Rows[0][1] != "Every pod says who pays for it" {
		t.Error("the table itself was cut")
	}
}

func TestWhatIsNoTerminalHasNoWidth(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, w := range []io.Writer{io.Discard, file} {
		if got := Width(w); got != 0 {
			t.Errorf("%T is %d wide", w, got)
		}
	}
}
