package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/page"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

type gamedayFlags struct {
	gameday.Options
	confirm
	dryRun bool
	format string
	html   string
}

func newGameday(g *global) *cobra.Command {
	f := gamedayFlags{confirm: confirm{terminal: isTerminal}}
	command := &cobra.Command{
		Use:   "gameday",
		Short: "Kill a pod of a service under load, on purpose, and measure what its users notice",
		Long: `gameday asks the service at a constant rate from inside the cluster, kills one of its pods as the stack's experiment declares it, and
measures on watches how long it takes until all replicas serve again, and what became of every request meanwhile.

Before anything is broken, all of this must hold, or it is refused: the cluster is the stack's; the environment is not production;
the declared experiment is there, paused, and aims at the service's own pods; the admission policy denies what is aimed elsewhere; the
namespace is open to experiments and no other one runs; Chaos Mesh would take this one; all replicas are ready; the disruption
budget has room; the data of a service with a database is in a backup that was proven (SC-006 and SC-007). Then the load must meet
its objectives for --steady: where it does not, nothing is killed.

PROVEN is: Chaos Mesh says that it killed that one pod and no other; SC-008, all replicas ready and in the endpoints within the
objective and to the end of the load, and the victim gone; SC-009, from 10 s before to 10 s after, no answer of 500 or above, no request without
an answer but those under way on a pod that is killed without grace, and every acknowledged write found again; SC-010, the 95th percentile before,
during and after the recovery within the objective. FAILED is: one of these was measured to be otherwise. UNPROVEN: too little was measured to say,
as with a load generator that could not keep its times.

Latency counts from the time at which a request was due, not from when it could be sent. What the load writes is deleted at the end.
Ctrl-C ends it and cleans up. Each kill is kept as a ConfigMap beside Chaos Mesh, 50 for each service; ` + "`opex verify`" + ` reads
those since the service last changed for SC-008, SC-009 and SC-010, ` + "`opex diagnose`" + ` explains what was slow.

Exit code 0: every kill PROVEN; 1: otherwise; 2: used wrongly, or the stack or its cluster could not be read.`,
		Example: `  opex gameday --dry-run                 # what would be broken, and may it be?
  opex gameday --service task-api        # one kill
  opex gameday --repeat 10 --html gameday.html
  opex gameday --graceful                # as in a rollout or when a node is drained
  opex gameday --yes --format json | jq '.[] | {verdict, recoverySeconds, p95: .during.p95Seconds}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.IntVar(&f.Repeat, "repeat", 1, "so many kills, one after another; all must be proven")
	flags.BoolVar(&f.Graceful, "graceful", false, "end the pod with its own grace period instead of killing it")
	flags.IntVar(&f.Rate, "rate", 0, "requests per second (default: the stack's, chaos.load.rate)")
	flags.DurationVar(&f.Steady, "steady", gameday.DefaultSteady, "load before each kill, 10s or more")
	flags.DurationVar(&f.After, "after", gameday.DefaultAfter, "load after each recovery, 10s or more")
	flags.BoolVar(&f.Go, "keep-going", false, "go on after a kill that is not proven")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done and whether it may be, and do nothing")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.StringVar(&f.format, "format", "table", strings.Join(recordFormats, ", "))
	flags.StringVar(&f.html, "html", "", "write a page with pictures into this file, too")
	return command
}

func (f gamedayFlags) check() error {
	var wrong []error
	add := func(format string, arguments ...any) { wrong = append(wrong, fmt.Errorf(format, arguments...)) }
	if !slices.Contains(recordFormats, f.format) {
		add("--format %s: allowed are %s", f.format, strings.Join(recordFormats, ", "))
	}
	if f.Repeat < 1 || f.Repeat > gameday.MaxRepeat {
		add("--repeat %d: want 1 to %d", f.Repeat, gameday.MaxRepeat)
	}
	if f.Rate < 0 || f.Rate > gameday.MaxRate {
		add("--rate %d: want 1 to %d per second, or 0 for the stack's", f.Rate, gameday.MaxRate)
	}
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"steady", f.Steady}, {"after", f.After}} {
		if d.is < gameday.MinAround || d.is > gameday.MaxAround {
			add("--%s %s: want %s to %s", d.name, d.is, gameday.MinAround, gameday.MaxAround)
		}
	}
	return errors.Join(wrong...)
}

func (f gamedayFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return fmt.Errorf(
			"a Game Day is of one service: choose it with --service; the stack has %s", strings.Join(names, ", "),
		)
	}
	site, err := gameday.Open(cluster, outputs, names[0], people)
	if err != nil {
		return err
	}
	untilPutBack()
	err = f.hold(ctx, site, in, out, people)
	if refused := (refusal.Refused{}); errors.As(err, &refused) {
		site.Say("%v", err)
		return errFailed
	}
	return err
}

func (f gamedayFlags) hold(ctx context.Context, site *gameday.Site, in io.Reader, out, people io.Writer) error {
	text := site.Prospect(f.Options)
	good, refused := site.May(ctx)
	for _, check := range good {
		text += fmt.Sprintf("  good       %s: %s\n", check.Name, check.Result)
	}
	if f.dryRun {
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
		if refused == nil {
			fmt.Fprintln(
				people, "dry run: it may be done; nothing was changed. Next: opex gameday --service "+site.Name,
			)
		}
		return refused
	}
	fmt.Fprint(people, text)
	if refused != nil {
		return refused
	}
	if err := f.ask(ctx, site.Service.Namespace, in, people); err != nil {
		return err
	}
	records, err := site.Run(ctx, f.Options, func(r evidence.GameDay) error { return f.show(out, people, r) })
	if err != nil {
		if len(records) == 0 {
			return err
		}
		site.Say("%v", err)
	}
	return errors.Join(f.sumUp(out, people, records), notProven(records, err, f.Repeat))
}

// notProven is errFailed unless the kills that were asked for are proven, together.
func notProven(records []evidence.GameDay, err error, want int) error {
	if err != nil || gameday.Verdict(records, want) != evidence.Proven {
		return errFailed
	}
	return nil
}

// show tells of one kill as soon as it is over.
func (f gamedayFlags) show(out, people io.Writer, r evidence.GameDay) error {
	if f.format == "table" {
		for _, t := range []table.Table{gameday.Timeline(r), gameday.Windows(r)} {
			if len(t.Rows) == 0 {
				continue
			}
			if err := t.Write(out, "table"); err != nil {
				return err
			}
			fmt.Fprintln(out)
		}
	}
	fmt.Fprintln(people, gameday.Summary(r))
	return nil
}

// sumUp tells of all of them, and what to do next.
func (f gamedayFlags) sumUp(out, people io.Writer, records []evidence.GameDay) error {
	if f.html != "" {
		data, err := page.GameDays(records)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.html, data, 0o644); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		fmt.Fprintf(people, "the page is in %s\n", f.html)
	}
	if f.format == "json" {
		if err := table.JSON(out, records); err != nil {
			return err
		}
	} else if len(records) > 1 {
		if err := gameday.Spread(records).Write(out, "table"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(people, gameday.Conclusion(records, f.Repeat))
	return err
}
