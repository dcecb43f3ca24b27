package diagnose

import (
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
)

// Patch returns the changes of all findings as a unified diff of the stack file, with notes for its reader; empty: no
// key of the file would help. The errors are those of stackfile.Edit.
func (d Diagnosis) Patch(stack, project stackfile.File) (diff string, notes []string, err error) {
	var settings []stackfile.Setting
	seen := map[string]bool{}
	for _, f := range d.Findings {
		for _, c := range f.Fix.Settings {
			if path := strings.Join(c.Keys, "."); !seen[path] {
				settings = append(settings, stackfile.Setting{Service: d.Service, Keys: c.Keys, From: c.From, To: c.To})
				seen[path] = true
			}
		}
	}
	result, err := stackfile.Edit(stack, project, d.Environment, settings)
	if err != nil {
		return "", nil, err
	}
	return stackfile.Diff(stack.Path, stack.Data, result.Data), result.Notes, nil
}
