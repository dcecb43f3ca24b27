package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/costs"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/page"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
	"github.com/opex-project/opex/internal/contract"
)

func newReport(g *global) *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "report",
		Short: "Write one page of all that is proven: criteria with evidence, drills, Game Days",
		Long: `report judges all criteria on the live cluster, as verify does, and writes one HTML page: each service's criteria with what they rest
on, its drills and restores in phases, its Game Days, the newest with its pictures, and what each team spent in the last 24 hours. The page is one file; it loads nothing from anywhere and runs no script, so
that it can be mailed, kept and printed.

Evidence that cannot be read is left out, and named on the page.

Exit code 0: all PASS (N/A aside); 1: a FAIL; 2: something is UNPROVEN, or the stack or its cluster could not be read. The page is written in
each of these cases but the last.`,
		Example: `  opex report
  opex report --out /tmp/staging.html --service task-api`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeReport(cmd.Context(), g, file, cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	command.Flags().StringVar(&file, "out", "opex-report.html", "file to write")
	return command
}

func writeReport(ctx context.Context, g *global, file string, in io.Reader, people io.Writer) error {
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return err
	}
	fmt.Fprintln(people, "judging all criteria")
	report := verify.Run(
		ctx, &verify.World{Outputs: outputs, Cluster: cluster, Now: time.Now()}, verify.Criteria, names,
	)
	if err := interrupted(ctx); err != nil {
		return err
	}
	data, err := pageOf(ctx, report, cluster, outputs, people)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	fmt.Fprintf(
		people, "%s. The page is in %s; what is no PASS is unfolded there, with what to do next\n", report.Summary(),
		file,
	)
	switch {
	case report.Count(verify.Fail) > 0:
		return errFailed
	case !allPass(report):
		return errors.New("not everything is proven")
	}
	return nil
}

// costsOf is the time whose costs the page shows, up to now.
const costsOf = 24 * time.Hour

// pageOf is the page of a report, with what is kept of its services. What cannot be had is left out, and named on the
// page and to people: the criteria that rest on it say the same. Only what was interrupted is no page.
func pageOf(
	ctx context.Context, report verify.Report, cluster *kube.Cluster, outputs stack.Outputs, people io.Writer,
) ([]byte, error) {
	proof := page.Proof{Verify: report}
	omit := func(err error) {
		if err != nil {
			proof.Omitted = append(proof.Omitted, err.Error())
		}
	}
	if vault := outputs.Backup; vault != nil {
		maps, err := shelf.Maps(ctx, cluster.Client, vault.Namespace, "", evidence.KindDrill, evidence.KindRestore)
		omit(err)
		for _, s := range report.Services {
			records, err := shelf.Recoveries(maps, s.Name)
			omit(err)
			proof.Recoveries = append(proof.Recoveries, records...)
		}
	}
	if lab := outputs.Chaos; lab != nil {
		maps, err := shelf.Maps(ctx, cluster.Client, lab.Namespace, "", evidence.KindGameDay)
		omit(err)
		for _, s := range report.Services {
			kills, err := shelf.Kills(maps, s.Name)
			omit(err)
			proof.GameDays = append(proof.GameDays, kills...)
		}
	}
	if outputs.Cost != nil {
		now := time.Now().UTC()
		source := costs.Source{Cluster: cluster, Client: cluster.Client, Outputs: outputs, Now: now}
		spent, err := source.Report(ctx, contract.LabelTeam, costs.Window{Start: now.Add(-costsOf), End: now}, nil)
		if err != nil {
			omit(fmt.Errorf("costs: %w", err))
		} else {
			proof.Costs = spent.Sections()
		}
	}
	if err := interrupted(ctx); err != nil {
		return nil, err
	}
	for _, what := range proof.Omitted {
		fmt.Fprintln(people, "left out: "+what)
	}
	return page.Report(proof)
}
