package rightsize

import (
	"bytes"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

func TestReportInEachFormat(t *testing.T) {
	report := advise(t, newWorld(t), newOutputs())
	for _, format := range table.Formats {
		var text bytes.Buffer
		if err := report.Write(&text, format); err != nil {
			t.Fatal(err)
		}
		kubetest.Golden(t, "report."+format, text.Bytes())
	}
	kubetest.Golden(t, "notes.txt", []byte(strings.Join(append(report.Notes(true), report.Summary()), "\n")+"\n"))
}
