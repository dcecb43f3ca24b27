package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/costs"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

type costsFlags struct {
	window, by, compare, format string
	failOverBudget              bool
}

// previous is the window of --compare that is reckoned from --window.
const previous = "previous"

func newCosts(g *global) *cobra.Command {
	var f costsFlags
	command := &cobra.Command{
		Use:   "costs",
		Short: "Who spent what, what drove a change, and how budgets stand",
		Long: `costs asks OpenCost what the whole cluster cost over a window, and says who pays.

Money without an owner is always shown: __unallocated__ is of pods without the label, __idle__ of capacity that nobody used or
requested. Money is in the stack's currency and at the stack's prices, or else at those of the cloud's list.

--compare holds the window against an earlier one and names what drove the change, largest first: new and gone workloads,
replicas, requests, usage above requests, prices, storage, network. Where several factors of a cost changed at once, each gets
its mean contribution over all orders (Shapley), so that the causes add up to the change. Windows with unequal hours of data are
made comparable, and it says so.

Coverage is the share of the money, idle aside, on a known team: of the stack's services or engines, or with a budget. Below 99% it
says for the pods with most money at which step the label was lost: pod, key, Prometheus, OpenCost.

A budget is per calendar month (UTC). Projected is what is spent so far, plus the money per hour of the last 24 hours times the
hours left.

Exit code 0: the report is whole; 1: with --fail-over-budget, a team is over its budget; 2: something could not be asked.`,
		Example: `  opex costs                                    # the last 24 hours, by team
  opex costs --window 7d --by service
  opex costs --window 24h --compare             # against the 24 hours before
  opex costs --window 24h --compare=2026-11-01T00:00:00Z,2026-11-02T00:00:00Z
  opex costs --format markdown --fail-over-budget`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.window, "window", "24h", "duration that ends now (60m, 24h, 7d), or START,END in RFC 3339")
	flags.StringVar(&f.by, "by", "team", strings.Join(costs.Keys, ", "))
	flags.StringVar(
		&f.compare, "compare", "",
		"hold against this window (START,END, or a duration that ends where --window starts)",
	)
	flags.Lookup("compare").NoOptDefVal = previous
	flags.StringVar(&f.format, "format", "table", strings.Join(table.Formats, ", "))
	flags.BoolVar(
		&f.failOverBudget, "fail-over-budget", false, "exit with 1 where a team has spent more than its budget",
	)
	return command
}

// windows reads the flags. The error tells all that is wrong.
func (f costsFlags) windows(g *global, now time.Time) (is costs.Window, was *costs.Window, err error) {
	var wrong []error
	if !slices.Contains(table.Formats, f.format) {
		wrong = append(wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(table.Formats, ", ")))
	}
	if !slices.Contains(costs.Keys, f.by) {
		wrong = append(wrong, fmt.Errorf("--by %s: allowed are %s", f.by, strings.Join(costs.Keys, ", ")))
	}
	if len(g.services) > 0 {
		wrong = append(wrong, errors.New("--service: costs are of the whole cluster; --by service shows each service"))
	}
	is, err = costs.ParseWindow(f.window, now)
	if err != nil {
		wrong = append(wrong, fmt.Errorf("--window: %w", err))
	}
	switch {
	case f.compare == "" || err != nil && !strings.Contains(f.compare, ","):
	case f.compare == previous:
		before := is.Previous()
		was = &before
	default:
		from := now
		if !strings.Contains(f.compare, ",") {
			from = is.Start
		}
		before, err := costs.ParseWindow(f.compare, from)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--compare: %w", err))
		}
		was = &before
	}
	return is, was, errors.Join(wrong...)
}

func (f costsFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	now := time.Now().UTC()
	is, was, err := f.windows(g, now)
	if err != nil {
		return err
	}
	outputs, _, cluster, err := g.connect(ctx, in)
	if err != nil {
		return err
	}
	if outputs.Cost == nil {
		return costs.ErrOff
	}
	slow := time.AfterFunc(
		2*time.Second, func() { fmt.Fprintln(people, "still asking OpenCost; long windows take up to 30 s each") },
	)
	defer slow.Stop()
	source := costs.Source{Cluster: cluster, Client: cluster.Client, Outputs: outputs, Now: now}
	report, err := source.Report(ctx, f.by, is, was)
	slow.Stop()
	if err != nil {
		return fmt.Errorf("costs: %w", err)
	}
	if err := report.Write(out, f.format); err != nil {
		return err
	}
	for _, note := range report.Notes {
		fmt.Fprintln(people, "note: "+note)
	}
	fmt.Fprintln(people, report.Summary())
	if f.failOverBudget && report.OverBudget() {
		return errFailed
	}
	if report.Unasked != nil {
		return fmt.Errorf("costs: the report above is whole but for this: %w", report.Unasked)
	}
	return nil
}
