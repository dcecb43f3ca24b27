package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/spec"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

func newSpec(g *global) *cobra.Command {
	var verdicts string
	command := &cobra.Command{
		Use:   "spec",
		Short: "Write what was agreed on a service: its Operational Excellence Specification, as Markdown",
		Long: `spec writes, for each service of the stack, who pays, what is required and what proves it, the targets of cost, size, backup and survival, the constraints, and the
success criteria: a page to agree on with whoever asks for it, and to keep beside the code. It reads the stack's outputs and asks no cluster.

With --verdicts, a report that was kept stands beside the criteria.`,
		Example: `  opex spec > docs/task-api.md
  opex verify --format json > now.json; opex spec --verdicts now.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeSpec(cmd.Context(), g, verdicts, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	command.Flags().StringVar(&verdicts, "verdicts", "", "file of `opex verify --format json`")
	return command
}

func writeSpec(ctx context.Context, g *global, verdicts string, in io.Reader, out io.Writer) error {
	g.source.Stdin = in
	outputs, err := g.source.Load(ctx)
	if err != nil {
		return err
	}
	names, err := outputs.Select(g.services)
	if err != nil {
		return err
	}
	if verdicts == "" {
		return spec.Write(out, outputs, names, nil)
	}
	data, err := os.ReadFile(verdicts)
	if err != nil {
		return fmt.Errorf("--verdicts: %w", err)
	}
	report, err := verify.ParseBaseline(data)
	if err == nil {
		err = report.Of(outputs.Cluster.UID, outputs.Environment)
	}
	if err != nil {
		return fmt.Errorf("--verdicts %s: %w", verdicts, err)
	}
	return spec.Write(out, outputs, names, &report)
}
