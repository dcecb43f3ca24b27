// Package page shows Game Days as one self-contained HTML file: no script, no request to anywhere.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

//go:embed page.html
var pageText string

//go:embed report.html
var reportText string

//go:embed style.css
var style string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": diagnose.Human,
	"percent": func(share float64) string { return fmt.Sprintf("%.0f%%", share*100) },
}).Parse(pageText))

var reportTemplate = template.Must(template.Must(pageTemplate.Clone()).New("report").Parse(reportText))

// policy forbids everything but the one style sheet, which it knows by its hash.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
}

// view is what the template shows.
type view struct {
	Policy string
	Style  template.CSS
	Title  string
	Runs   []run
}

// GameDays returns the page of these Game Days. Kills of one service and one run are shown together, in the order in
// which they are given; the one to look at first, which did not recover or was the slowest, is unfolded. No record at
// all is an error.
func GameDays(records []evidence.GameDay) ([]byte, error) {
	if len(records) == 0 {
		return nil, errors.New("page: there is no Game Day to show")
	}
	v := view{Policy: policy(), Style: template.CSS(style), Title: "Game Day", Runs: runs(records, nil)}
	if len(v.Runs) == 1 {
		v.Title = "Game Day " + cmp.Or(records[0].Run.ID, records[0].Service)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return out.Bytes(), nil
}

// runs groups kills by service and run, in the order in which they are given. Verdicts are those of each service, where
// they are known.
func runs(records []evidence.GameDay, verdicts map[string][]verify.Judged) []run {
	type key struct{ service, run string }
	var order []key
	groups := map[key][]evidence.GameDay{}
	for _, r := range records {
		k := key{r.Service, r.Run.ID}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	var all []run
	for i, k := range order {
		all = append(all, newRun(fmt.Sprintf("r%d", i+1), groups[k], verdicts[k.service]))
	}
	return all
}
