package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/recovery"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

type restoreFlags struct {
	recovery.RestoreOptions
	confirm
	dryRun bool
	format string
}

func newRestore(g *global) *cobra.Command {
	f := restoreFlags{confirm: confirm{terminal: isTerminal}}
	command := &cobra.Command{
		Use:   "restore [list | latest | BACKUP]",
		Short: "The bad day: which backups there are and what is known of each; with a backup's name, get the service back",
		Long: `restore without an argument lists the backups of each service, the newest first, each with its proof: whether a drill or a restore
proved it, whether its hooks failed, or that nobody ever tried it.

With a backup, or latest (the newest that is complete and whose hooks went well), it restores that service from it into the
service's own namespace: it says what will be created and where, and asks for the namespace's name. It then waits until Velero is done
and the service answers, compares rows and content of every table with the backup's, says how long it took, and keeps that as
evidence. Where the namespace is still being deleted, it waits for the end first.

Nothing that exists is ever overwritten. Where objects of the service exist it refuses; with --into-existing it restores what is
missing beside them, but never where the database is there: a dump is loaded only into one that has just been made.

There is no flag for another namespace: a restore goes where the backup came from, and to the cluster of the chosen stack, so
that no slip of the hand sends one to production. To look into a backup, use ` + "`opex drill --from BACKUP --keep`" + `.

Afterwards the objects are new ones: ` + "`pulumi refresh`" + ` tells the stack's state so, and ` + "`pulumi up`" + ` then changes only what differs from the program.

On Ctrl-C the command ends, and the restore goes on in Velero; it says how to watch and how to cancel it.
Exit code 0: back and proven, within RTO; 1: otherwise; 2: used wrongly, or something could not be read.`,
		Example: `  opex restore                                   # what there is, and what is known of it
  opex restore list --service task-api --format json
  opex restore latest --service task-api --dry-run   # what it would do
  opex restore latest --service task-api             # do it; asks first`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "list" {
				f.Backup = args[0]
			}
			if err := f.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(
		&f.IntoExisting, "into-existing", false,
		"restore what is missing beside objects that exist; those stay as they are",
	)
	flags.DurationVar(&f.Timeout, "timeout", 0, "for the restore (default: twice the plan's RTO)")
	flags.StringVar(&f.format, "format", "table", strings.Join(recordFormats, ", "))
	return command
}

func (f restoreFlags) check(given func(string) bool) error {
	var wrong []error
	if f.format != "table" && f.format != "json" {
		wrong = append(wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(recordFormats, ", ")))
	}
	if f.Timeout < 0 {
		wrong = append(wrong, fmt.Errorf("--timeout %s: want 0 or more", f.Timeout))
	}
	if f.Backup == "" {
		for _, flag := range []string{"yes", "dry-run", "into-existing", "timeout"} {
			if given(flag) {
				wrong = append(wrong, fmt.Errorf("--%s without a backup: name one, or latest", flag))
			}
		}
	}
	return errors.Join(wrong...)
}

func (f restoreFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	sites, outputs, err := g.sites(ctx, in, people)
	if err != nil {
		return err
	}
	if f.Backup == "" {
		return f.list(ctx, sites, out, people)
	}
	if len(sites) != 1 {
		return fmt.Errorf(
			"a restore is of one service: choose it with --service; the stack has %s",
			strings.Join(outputs.Names(), ", "),
		)
	}
	err = f.restore(ctx, sites[0], in, out, people)
	if refused := (refusal.Refused{}); errors.As(err, &refused) || errors.Is(err, recovery.ErrInterrupted) {
		fmt.Fprintf(people, "%s: %v\n", sites[0].Name, err)
		return errFailed
	}
	return err
}

func (f restoreFlags) list(ctx context.Context, sites []*recovery.Site, out, people io.Writer) error {
	now, all := time.Now(), []recovery.Listed{}
	for _, site := range sites {
		listed, err := site.List(ctx, now)
		if err != nil {
			return fmt.Errorf("backups of %s: %w", site.Name, err)
		}
		all = append(all, listed...)
	}
	if f.format == "json" {
		if err := table.JSON(out, all); err != nil {
			return err
		}
	} else if len(all) > 0 {
		if err := recovery.ListTable(all, now).Write(out, "table"); err != nil {
			return err
		}
	}
	good := 0
	for _, l := range all {
		if l.Good {
			good++
		}
	}
	next := "`opex restore latest --dry-run` says what the newest would bring back"
	if good == 0 {
		next = "`opex drill` makes one and proves it"
	}
	fmt.Fprintf(people, "%d backups, %d to restore from. Next: %s\n", len(all), good, next)
	return nil
}

func (f restoreFlags) restore(ctx context.Context, site *recovery.Site, in io.Reader, out, people io.Writer) error {
	prospect, err := site.Prospect(ctx, f.RestoreOptions)
	if err != nil {
		return err
	}
	text := site.Text(prospect)
	if f.dryRun {
		_, err := io.WriteString(out, text)
		fmt.Fprintln(people, "dry run: nothing was changed")
		return err
	}
	fmt.Fprint(people, text)
	if err := f.ask(ctx, site.Service.Namespace, in, people); err != nil {
		return err
	}
	untilPutBack()
	record, err := site.Restore(ctx, prospect, f.RestoreOptions, time.Now())
	if record.Kind == "" {
		return err
	}
	show := showRecord
	if f.format == "json" {
		show = func(out io.Writer, record evidence.Record) error { return table.JSON(out, record) }
	}
	if err := show(out, record); err != nil {
		return err
	}
	if err != nil {
		site.Say("%v", err)
	}
	next := ". Next: `pulumi refresh`, so that the stack's state knows the new objects, then `pulumi up`; then `opex drill`"
	if record.Verdict != evidence.Proven && len(record.Tables) == 0 {
		next = fmt.Sprintf(
			". What was restored stays. Next: mend that, then begin anew: kubectl delete namespace %s; opex restore %s --service %s",
			site.Service.Namespace, prospect.Backup.Name, site.Name,
		)
	}
	fmt.Fprintln(people, recovery.Summary(record)+next)
	if err != nil || record.Verdict != evidence.Proven {
		return errFailed
	}
	return nil
}
