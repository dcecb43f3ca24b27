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

	"github.com/opex-project/opex/cmd/opex/internal/rightsize"
	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

type rightsizeFlags struct {
	format, stackFile string
	threshold         float64
	patch, write      bool
}

func newRightsize(g *global) *cobra.Command {
	var f rightsizeFlags
	command := &cobra.Command{
		Use:   "rightsize",
		Short: "Requests against recommendations, with the money, and as a change of the stack file",
		Long: `rightsize compares what each container requests with what its VerticalPodAutoscaler recommends.

LOWER, TARGET and UPPER are the recommendation within its bounds; UNCAPPED is the target as use alone would have it, where the
bounds change it. PROPOSED is the target rounded up, cpu to 5m and memory to 8Mi, so that it stays the same from day to day. Nothing
is derived from UPPER: for days, a short history widens it many times over.

CONFIDENCE is the history behind it: low is less than a day, medium less than eight, high more. A recommendation at the
recommender's floor is no information, and neither is one for a resource by which a HorizontalPodAutoscaler scales.

Money is per month of 730 hours, for all pods: + is saved, - is added. It is what the requests are charged at; the cloud's bill
follows once fewer nodes are needed. Where pods use more than they request, raising it costs money and buys safety: such pods are
throttled or evicted first when a node is full.

With --patch, the change of the stack file is printed as a unified diff instead, and with --write it is written, too. Comments,
order and all other bytes of the file stay as they are.

Exit code 0: the advice is whole, whatever it is; 2: something could not be read, and is named.`,
		Example: `  opex rightsize                                   # what to change, and what it saves
  opex rightsize --threshold 25 --format markdown  # only large changes, for a pull request's text
  opex rightsize --patch | git apply               # the change in the working tree
  opex rightsize --patch --write --stack-file Pulumi.staging.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd.Flags().Changed("format")); err != nil {
				return err
			}
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.format, "format", "table", strings.Join(table.Formats, ", "))
	flags.Float64Var(&f.threshold, "threshold", rightsize.DefaultThreshold, "percent; smaller changes are left out")
	flags.BoolVar(&f.patch, "patch", false, "print the change of the stack file as a unified diff")
	flags.BoolVar(&f.write, "write", false, "with --patch: write the change to the stack file, too")
	flags.StringVar(
		&f.stackFile, "stack-file", "",
		"with --patch: the stack's file (default: the one here with the stack's environment)",
	)
	return command
}

func (f rightsizeFlags) check(formatGiven bool) error {
	var wrong []error
	if !slices.Contains(table.Formats, f.format) {
		wrong = append(wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(table.Formats, ", ")))
	}
	if f.patch && formatGiven {
		wrong = append(wrong, errors.New("--format with --patch: a patch has one format only"))
	}
	if !f.patch && f.write {
		wrong = append(wrong, errors.New("--write without --patch: there is nothing to write"))
	}
	if !f.patch && f.stackFile != "" {
		wrong = append(wrong, errors.New("--stack-file without --patch: no file is read"))
	}
	return errors.Join(wrong...)
}

func (f rightsizeFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return err
	}
	slow := time.AfterFunc(
		2*time.Second, func() { fmt.Fprintln(people, "still asking the cluster; an answer may take 30 s") },
	)
	report, err := rightsize.Advise(
		ctx, cluster, outputs, names, rightsize.Options{Threshold: f.threshold, Now: time.Now()},
	)
	slow.Stop()
	if err != nil {
		return fmt.Errorf("rightsize: %w", err)
	}
	next := ""
	if f.patch {
		next, err = f.change(g, report, out, people)
	} else {
		err = report.Write(out, f.format)
		if report.Changes() > 0 {
			next = ". `opex rightsize --patch` shows it as a change of the stack file"
		}
	}
	if err != nil {
		return err
	}
	for _, note := range report.Notes(!f.patch && f.format == "table") {
		fmt.Fprintln(people, note)
	}
	fmt.Fprintln(people, report.Summary()+next)
	if report.Unread() {
		return errors.New("rightsize: not everything could be read; see the lines above that start with \"not read\"")
	}
	return nil
}

// change prints the patch and, if asked, writes it. It returns the end of the last line.
func (f rightsizeFlags) change(g *global, report rightsize.Report, out, people io.Writer) (string, error) {
	path := f.stackFile
	if path == "" {
		var err error
		if path, err = stackfile.Find(".", g.source.Stack, report.Environment); err != nil {
			return "", err
		}
	}
	stack, project, err := stackfile.Read(path)
	if err != nil {
		return "", err
	}
	settings, notes := report.Settings()
	result, err := stackfile.Edit(stack, project, report.Environment, settings)
	if err != nil {
		return "", err
	}
	for _, note := range append(notes, result.Notes...) {
		fmt.Fprintln(people, note)
	}
	diff := stackfile.Diff(path, stack.Data, result.Data)
	if _, err := io.WriteString(out, diff); err != nil {
		return "", err
	}
	switch {
	case diff == "":
		return ". " + path + " stays as it is", nil
	case !f.write:
		return ". Nothing was written: --write does, or pipe this into `git apply`", nil
	}
	return ". " + path + " was changed: see `git diff`, then `pulumi preview`", stackfile.Write(path, result.Data)
}
