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

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

type verifyFlags struct {
	only   []string
	format string
	wait   time.Duration
	before string // file of the baseline
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
Exit code 0: all PASS (N/A aside); 1: a FAIL; 2: no FAIL, but something is UNPROVEN.

With --sabotage it breaks, on the live cluster, what the criteria are about: thirty ways, three of each criterion, one after another.
Each time exactly the criterion in question must come to FAIL or UNPROVEN, and all must pass again once it is put back. It is refused in
production, and where not all criteria pass to begin with. It makes bad backups, kills pods under load, and takes about eight minutes.
Exit code 0: all were caught, with no false alarm; 1: not so.`,
		Example: `  opex verify
  opex verify --only SC-001,SC-002 --service task-api
  opex verify --wait 5m              # after the first pulumi up, until all is proven
  opex verify --format json > was.json; opex verify --baseline was.json
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
	flags := command.Flags()
	flags.StringSliceVar(&f.only, "only", nil, "only these criteria, by ID (default: all)")
	flags.StringVar(&f.format, "format", "table", strings.Join(verify.Formats, ", "))
	flags.DurationVar(&f.wait, "wait", 0, "look again until all is PASS, for this long at most")
	flags.StringVar(&f.before, "baseline", "", "compare with this report, kept with --format json: what changed, and what is half as much again though within its limit")
	flags.BoolVar(&f.broken, "sabotage", false, "break what the criteria are about, and see whether each notices; not in production")
	flags.BoolVar(&f.yes, "yes", false, "with --sabotage: do not ask")
	return command
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
			wrong = append(wrong, fmt.Errorf("--only: there is no criterion %q; known are %s", id, strings.Join(known, ", ")))
		}
	}
	if !slices.Contains(verify.Formats, f.format) {
		wrong = append(wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(verify.Formats, ", ")))
	}
	if f.broken {
		if f.wait > 0 || f.before != "" {
			wrong = append(wrong, errors.New("--sabotage goes with neither --wait nor --baseline"))
		}
		if !slices.Contains(sabotageFormats, f.format) {
			wrong = append(wrong, fmt.Errorf("--format %s: with --sabotage allowed are %s", f.format, strings.Join(sabotageFormats, ", ")))
		}
	} else if f.yes {
		wrong = append(wrong, errors.New("--yes goes with --sabotage"))
	}
	if f.wait < 0 {
		wrong = append(wrong, fmt.Errorf("--wait %s: want 0 or more", f.wait))
	}
	return chosen, errors.Join(wrong...)
}

// pause is the time between two looks. The recommender and OpenCost move once a minute.
const pause = 10 * time.Second

func (f verifyFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	criteria, err := f.selected()
	if err != nil {
		return err
	}
	var before verify.Report
	if f.before != "" {
		data, err := os.ReadFile(f.before)
		if err == nil {
			before, err = verify.ParseBaseline(data)
		}
		if err != nil {
			return fmt.Errorf("--baseline %s: %w", f.before, err)
		}
	}
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return err
	}
	var report verify.Report
	for start := time.Now(); ; {
		report = verify.Run(ctx, &verify.World{Outputs: outputs, Cluster: cluster, Now: time.Now()}, criteria, names)
		left := f.wait - time.Since(start)
		if allPass(report) || left <= 0 {
			break
		}
		fmt.Fprintf(people, "%s after %s; looking again for up to %s\n", report.Summary(), time.Since(start).Round(time.Second), left.Round(time.Second))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(pause, left)):
		}
	}
	if f.before != "" {
		if err := report.Compare(before); err != nil {
			return fmt.Errorf("--baseline %s: %w", f.before, err)
		}
	}
	if err := report.Write(out, f.format); err != nil {
		return err
	}
	return f.verdict(report, people)
}

func allPass(r verify.Report) bool {
	return r.Count(verify.Pass) > 0 && r.Count(verify.Fail) == 0 && r.Count(verify.Unproven) == 0
}

// verdict says the last line and chooses the exit code.
func (f verifyFlags) verdict(report verify.Report, people io.Writer) error {
	switch {
	case report.Count(verify.Fail) > 0:
		fmt.Fprintf(people, "%s. See `next` above for what to do\n", report.Summary())
		return errFailed
	case !allPass(report):
		return fmt.Errorf("%s: not everything is proven. See `next` above, or give --wait", report.Summary())
	}
	fmt.Fprintf(people, "%s: everything that was looked at is proven\n", report.Summary())
	return nil
}
