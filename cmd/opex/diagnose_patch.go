package main

import (
	"fmt"
	"io"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
)

// showPatch prints the change of the stack file, and says in words what it cannot change.
func (f diagnoseFlags) showPatch(g *global, d diagnose.Diagnosis, out, people io.Writer) error {
	path := f.stackFile
	if path == "" {
		var err error
		if path, err = stackfile.Find(".", g.source.Stack, d.Environment); err != nil {
			return err
		}
	}
	stack, project, err := stackfile.Read(path)
	if err != nil {
		return err
	}
	diff, notes, err := d.Patch(stack, project)
	if err != nil {
		return err
	}
	for _, finding := range d.Findings {
		if len(finding.Fix.Settings) == 0 {
			notes = append(
				notes,
				fmt.Sprintf("%s: not in the patch, since the stack file has no key for it. %s", finding.Cause,
					finding.Fix.Words),
			)
		}
	}
	for _, note := range notes {
		fmt.Fprintln(people, note)
	}
	if diff == "" {
		fmt.Fprintln(people, path+" stays as it is")
	}
	_, err = io.WriteString(out, diff)
	return err
}
