// Package refusal is how commands that change something say that they did not begin.
package refusal

import (
	"fmt"
	"strings"
)

// Refused says that nothing was begun and nothing changed, and why, all problems at once.
type Refused struct{ Problems []string }

// Error lists the problems.
func (e Refused) Error() string {
	if len(e.Problems) == 1 {
		return "refused, nothing was changed: " + e.Problems[0]
	}
	return fmt.Sprintf(
		"refused, nothing was changed; %d problems:\n  - %s", len(e.Problems), strings.Join(e.Problems, "\n  - "),
	)
}

// Of is Refused, or nil where there is no problem.
func Of(problems ...string) error {
	if len(problems) == 0 {
		return nil
	}
	return Refused{problems}
}
