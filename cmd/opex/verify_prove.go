package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/recovery"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// What --run holds, and the criteria that rest on it: a drill makes a backup, too.
var (
	byDrill   = []string{"SC-004", "SC-005", "SC-006", "SC-007"}
	byGameDay = []string{"SC-008", "SC-009", "SC-010"}
)

// prove holds what the criteria rest on, a drill and a Game Day of each service that has them, and says whether all
// were proven. What keeps one from being held is said, and the next one comes; only an interruption ends them all.
func (f verifyFlags) prove(
	ctx context.Context, g *global, outputs stack.Outputs, names []string, criteria []verify.Criterion, in io.Reader,
	people io.Writer,
) (all bool) {
	asked := func(ids []string) bool {
		return slices.ContainsFunc(criteria, func(c verify.Criterion) bool { return slices.Contains(ids, c.ID) })
	}
	if !asked(byDrill) && !asked(byGameDay) {
		fmt.Fprintf(
			people, "--run: nothing is held: none of the criteria asked for rests on a drill (%s) or a Game Day (%s)\n",
			strings.Join(byDrill, ", "), strings.Join(byGameDay, ", "),
		)
	}
	all = true
	hold := func(what, name string, run func(context.Context, *global, io.Reader, io.Writer, io.Writer) error) {
		if ctx.Err() != nil {
			return
		}
		one := *g
		one.services = []string{name}
		err := run(ctx, &one, in, people, people)
		if err != nil && !errors.Is(err, errFailed) { // that one was told of already
			fmt.Fprintf(people, "--run: %s of %s: %v\n", what, name, err)
		}
		all = all && err == nil
	}
	for _, name := range names {
		if asked(byDrill) && outputs.Backup != nil && outputs.Services[name].Backup != nil {
			hold(
				"the drill", name,
				drillFlags{DrillOptions: recovery.DrillOptions{Replicas: 1}, confirm: f.confirm, format: "table"}.run,
			)
		}
		if asked(byGameDay) && outputs.Chaos != nil && outputs.Services[name].Chaos != nil &&
			outputs.Environment != gameday.Production {
			hold("the Game Day", name, gamedayFlags{confirm: f.confirm, format: "table",
				Options: gameday.Options{
					Repeat: verify.LeastKills,
					Steady: gameday.DefaultSteady,
					After:  gameday.DefaultAfter,
				}}.run)
		}
	}
	return all
}

// rested is an error where all passes, and --run did not come to a proof of its own.
func (f verifyFlags) rested(err error, proven bool) error {
	if err != nil || proven {
		return err
	}
	return errors.New("not all that --run asked for came to a proof, as said above; the verdicts rest on older records")
}
