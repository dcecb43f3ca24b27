package rightsize

import (
	"bytes"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

func TestReportInEachFormat(t *testing.T) {
	report := advise(t, newWorld(t), newOutputs())
	for _, format := range table.Formats {
		var text bytes.Buffer
		if err := report.Write(&text, format); err != nil {
			t.Fatal(err)
		}
		golden(t, "report."+format, text.Bytes())
	}
	golden(t, "notes.txt", []byte(strings.Join(append(report.Notes(true), report.Summary()), "\n")+"\n"))
}
