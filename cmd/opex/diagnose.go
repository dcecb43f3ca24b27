package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/page"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

type diagnoseFlags struct {
	record, format, html, stackFile string
	live, patch                     bool
}

func newDiagnose(g *global) *cobra.Command {
	var f diagnoseFlags
	command := &cobra.Command{
		Use:   "diagnose",
		Short: "Which phase of a recovery was slow, why, and the change that mends it",
		Long: `diagnose explains the newest Game Day of a service, of several kills the slowest one: the recovery in phases, each
cause with what it explains of them, what shows it, what would prove it, and what to change.

Causes: replacement-blocked, scheduling, volume-attach, sandbox, image-pull, init-container, container-config, crash-loop,
probe-settings, database-reconnect, cpu-throttling, slow-start. A cause is named where events, settings or counters show it. No
second is explained twice; what nothing explains is shown as such.

With --live, pods that are not ready now are explained from their status and events, without a Game Day.
With --patch, the change of the stack file is printed as a unified diff instead. Where the file has no key for a cause, the words say
what to change.

Exit code 0: all was explained as far as it can be, whatever it is; 2: something could not be read.`,
		Example: `  opex diagnose --service task-api            # the newest Game Day
  opex diagnose --live                        # why is that pod not ready?
  opex diagnose --record run.json             # a file of ` + "`opex gameday --format json`" + `, without a cluster
  opex diagnose --patch | git apply           # the change in the working tree
  opex diagnose --html gameday.html           # the same Game Day as a page`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd.Flags().Changed("format"), len(g.services)); err != nil {
				return err
			}
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(
		&f.record,
		"record",
		"",
		"this record: a file, - for standard input, or the name of a ConfigMap (default: the "+
			"newest Game Day's)",
	)
	flags.BoolVar(&f.live, "live", false, "pods that are not ready now, instead of a Game Day")
	flags.StringVar(&f.format, "format", "table", strings.Join(recordFormats, ", "))
	flags.StringVar(&f.html, "html", "", "write the Game Day as a page into this file, too")
	flags.BoolVar(&f.patch, "patch", false, "print the change of the stack file as a unified diff")
	flags.StringVar(
		&f.stackFile, "stack-file", "", "the stack's file (default: the one here with the stack's environment)",
	)
	return command
}

func (f diagnoseFlags) check(formatGiven bool, services int) error {
	var wrong []error
	if f.format != "table" && f.format != "json" {
		wrong = append(wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(recordFormats, ", ")))
	}
	if f.patch && formatGiven {
		wrong = append(wrong, errors.New("--format with --patch: a patch has one format only"))
	}
	if !f.patch && f.stackFile != "" {
		wrong = append(wrong, errors.New("--stack-file without --patch: no file is read"))
	}
	if f.live && f.record != "" {
		wrong = append(wrong, fmt.Errorf("--record %s with --live: a record is of the past", f.record))
	}
	if f.live && f.html != "" {
		wrong = append(wrong, fmt.Errorf("--html %s with --live: the page is of a Game Day", f.html))
	}
	if f.record != "" && services > 0 {
		wrong = append(wrong, fmt.Errorf("--record %s with --service: a record is of one service already", f.record))
	}
	return errors.Join(wrong...)
}

func (f diagnoseFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	all, advise, err := f.find(ctx, g, in, people)
	if err != nil {
		return err
	}
	if f.html != "" {
		if err := writePage(f.html, all, people); err != nil {
			return err
		}
	}
	diagnoses := []diagnose.Diagnosis{}
	for _, service := range all {
		if len(service.explain) == 0 {
			fmt.Fprintf(people, "%s: all pods are ready: there is nothing to explain\n", service.service)
		}
		for _, record := range service.explain {
			d, err := diagnose.Explain(record)
			if err != nil {
				return err
			}
			if advise != nil {
				if err := advise(&d); err != nil {
					fmt.Fprintf(people, "%s: to which requests to go is not known: %v\n", d.Service, err)
				}
			}
			diagnoses = append(diagnoses, d)
		}
	}
	return f.show(g, diagnoses, out, people)
}

func writePage(path string, all []found, people io.Writer) error {
	var records []evidence.GameDay
	for _, service := range all {
		records = append(records, service.all...)
	}
	data, err := page.GameDays(records)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	fmt.Fprintf(people, "the page is in %s\n", path)
	return nil
}

func (f diagnoseFlags) show(g *global, diagnoses []diagnose.Diagnosis, out, people io.Writer) error {
	if f.format == "json" {
		if err := table.JSON(out, diagnoses); err != nil {
			return err
		}
	}
	for _, d := range diagnoses {
		switch {
		case f.patch:
			if err := f.showPatch(g, d, out, people); err != nil {
				return err
			}
		case f.format == "table":
			if err := d.Write(out); err != nil {
				return err
			}
		}
		fmt.Fprintln(people, d.Headline())
	}
	return nil
}
