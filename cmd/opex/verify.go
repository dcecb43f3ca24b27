package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

type verifyFlags struct {
	only   []string
	format string
	wait   time.Duration
	watch  time.Duration
	before string // file of the baseline
	first  bool   // a drill and a Game Day before
	broken bool   // break what they are about, and see whether they notice
	confirm
}

func newVerify(g *global) *cobra.Command {
	f := verifyFlags{confirm: confirm{terminal: isTerminal}}
	command := &cobra.Command{
		Use:   "verify",
		Short: "Judge the success criteria of every service, with evidence",
		Long: `verify judges each service of the stack by the success criteria, on the live cluster.

PASS is proven; FAIL is proven to be otherwise; UNPROVEN is neither, because there is no evidence yet or it could not be looked
at. N/A does not concern the service. Whatever is no PASS is shown with its target, the evidence and what to do next.

` + criteriaList() + `
SC-007 is judged from the newest records of ` + "`opex drill`" + `, SC-008 to SC-010 from all kills of ` + "`opex gameday`" + ` since the service last changed, three at least. With --run these are held first: a drill where
one of SC-004 to SC-007 is asked for, a Game Day, which kills a pod under load, where one of SC-008 to SC-010 is. One that cannot be held is told of,
and the others are held all the same; then the exit code is not 0.

The JSON is as docs/reference/verify.v1.schema.json says. With --baseline, a report of the same cluster that was kept, services and criteria that
are not asked for now are left out of the comparison.

Exit code 0: all PASS (N/A aside); 1: a FAIL; 2: no FAIL, but something is UNPROVEN.

With --sabotage it breaks, on the live cluster, what the criteria are about: 35 ways, three of each criterion or more, one after another.
Each time exactly the criterion in question must come to FAIL or UNPROVEN, and all must pass again once it is put back. It is refused in
production, and where not all criteria pass to begin with. It makes bad backups, kills pods under load, and takes some minutes.
Exit code 0: all were caught, with no false alarm; 1: not so.`,
		Example: `  opex verify
  opex verify --only SC-001,SC-002 --service task-api
  opex verify --wait 5m              # after the first pulumi up, until all is proven
  opex verify --format json > was.json; opex verify --baseline was.json
  opex verify --run                  # a drill and a Game Day of each service first
  opex verify --watch 1m             # look every minute, and tell what changes, until Ctrl-C
  opex verify --format html > proof.html
  opex verify --sabotage             # are the criteria to be believed?
  opex verify --format json | jq '.services[].criteria[] | select(.verdict != "PASS")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run := f.run
			if f.broken {
				run = f.sabotage
			}
			return run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.addFlags(command)
	return command
}

func (f *verifyFlags) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&f.only, "only", nil, "only these criteria, by ID (default: all)")
	flags.StringVar(&f.format, "format", "table", strings.Join(verifyFormats, ", "))
	flags.DurationVar(&f.wait, "wait", 0, "look again until all is PASS, for this long at most")
	flags.DurationVar(
		&f.watch, "watch", 0, "look again and again, with this time between, and say what changed; Ctrl-C ends it",
	)
	flags.BoolVar(
		&f.first, "run", false,
		"hold the drill and the Game Day of each service first that the criteria rest on, and judge those",
	)
	flags.StringVar(
		&f.before, "baseline", "",
		"compare with this report, kept with --format json: what changed, and what grew by half and by a tenth of its limit, though within it",
	)
	flags.BoolVar(
		&f.broken, "sabotage", false,
		"break what the criteria are about, and see whether each notices; not in production",
	)
	flags.BoolVar(&f.yes, "yes", false, "with --sabotage and --run: do not ask")
}

func criteriaList() string {
	var text strings.Builder
	for _, c := range verify.Criteria {
		fmt.Fprintf(&text, "  %s  %s: %s\n", c.ID, c.Title, c.Target)
	}
	return text.String()
}

// selected returns the criteria that were asked for, in their own order.
func (f verifyFlags) selected() ([]verify.Criterion, error) {
	var chosen []verify.Criterion
	var known []string
	for _, c := range verify.Criteria {
		known = append(known, c.ID)
		if len(f.only) == 0 || slices.Contains(f.only, c.ID) {
			chosen = append(chosen, c)
		}
	}
	var wrong []error
	for _, id := range f.only {
		if !slices.Contains(known, id) {
			wrong = append(
				wrong, fmt.Errorf("--only: there is no criterion %q; known are %s", id, strings.Join(known, ", ")),
			)
		}
	}
	return chosen, errors.Join(append(wrong, f.wrong()...)...)
}

// wrong are the flags that cannot be, or not together.
func (f verifyFlags) wrong() (wrong []error) {
	add := func(is bool, format string, arguments ...any) {
		if is {
			wrong = append(wrong, fmt.Errorf(format, arguments...))
		}
	}
	allowed := func(formats []string, with string) {
		add(
			!slices.Contains(formats, f.format), "--format %s: %sallowed are %s", f.format, with,
			strings.Join(formats, ", "),
		)
	}
	switch {
	case f.broken:
		allowed(sabotageFormats, "with --sabotage ")
	case f.watch > 0:
		allowed(watchFormats, "with --watch ")
	case f.before != "":
		allowed(baselineFormats, "with --baseline ")
	default:
		allowed(verifyFormats, "")
	}
	add(
		f.broken && (f.wait > 0 || f.watch > 0 || f.first || f.before != ""),
		"--sabotage goes with none of --wait, --watch, --run and --baseline",
	)
	add(f.watch > 0 && (f.wait > 0 || f.before != ""), "--watch goes with neither --wait nor --baseline")
	add(f.yes && !f.broken && !f.first, "--yes goes with --sabotage and --run")
	add(f.wait < 0, "--wait %s: want 0 or more", f.wait)
	add(f.watch != 0 && f.watch < time.Second, "--watch %s: want 1s or more", f.watch)
	return wrong
}
