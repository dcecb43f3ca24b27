package recovery

import (
	"context"
	"fmt"
	"slices"
)

// cleanup remembers what has to be undone.
type cleanup struct{ steps []step }

type step struct {
	what    string // is left behind
	command string // that removes it by hand
	undo    func(context.Context) error
}

// add is called before what it undoes is begun. The step is undone before those that were added earlier.
func (c *cleanup) add(what, command string, undo func(context.Context) error) {
	c.steps = append(c.steps, step{what, command, undo})
}

// run undoes all, whatever fails meanwhile. The error names what is left behind, and how to remove it.
func (c *cleanup) run(ctx context.Context) error {
	var left []step
	var first error
	for _, s := range slices.Backward(c.steps) {
		if err := ctx.Err(); err != nil {
			left = append(left, s)
			continue
		}
		if err := s.undo(ctx); err != nil {
			left = append(left, s)
			if first == nil {
				first = err
			}
		}
	}
	c.steps = nil
	if len(left) == 0 {
		return nil
	}
	text := "not everything was cleaned up"
	if first != nil {
		text += ": " + first.Error()
	}
	for _, s := range left {
		text += fmt.Sprintf("\n  left behind: %s; to remove it: %s", s.what, s.command)
	}
	return fmt.Errorf("%s", text)
}
