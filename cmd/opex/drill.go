package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/recovery"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

type drillFlags struct {
	recovery.DrillOptions
	confirm
	format string
}

// recordFormats are those in which a record is shown.
var recordFormats = []string{"table", "json"}

func newDrill(g *global) *cobra.Command {
	f := drillFlags{confirm: confirm{terminal: isTerminal}}
	command := &cobra.Command{
		Use:   "drill",
		Short: "Prove that a service can be got back: restore a backup beside it, compare every row, measure the time",
		Long: `drill makes a fresh backup of each service, restores it into a namespace made for it, brings a copy of the service up there, and
proves it. The service itself goes on, under load too; nothing of it is changed but one record, the sentinel, that is put in
before the backup and taken out after it.

Proven is: Velero completed the restore and its hook loaded the dump; rows and a checksum of the content of every table are
those of the backup; the copy answered with the sentinel as the live service had it. Without a sentinel (--from, or a service
that has none) the answer proves only that the service answers.

RTO counts from the moment at which the restore is asked for to the first correct answer, in phases; RPO from the start of the
dump to that moment. What was found is kept as a ConfigMap beside Velero, 20 for each service, and in the bucket below opex/drills.
` + "`opex verify`" + ` reads it for SC-007.

In production it asks before it makes a backup. A drill goes to a namespace that does not exist, and never over a service, whatever the environment. The copy has one replica of
each Deployment, takes no traffic from outside (no Ingress, no load balancer) and runs no CronJobs. It is removed at the end, on errors
and on Ctrl-C, too; a second Ctrl-C ends the clean-up and says what is left. Two drills of a service never run at once.

Exit code 0: proven, within RTO; 1: otherwise; 2: used wrongly, or the stack or its cluster could not be read.`,
		Example: `  opex drill                                        # every service with a backup plan, one after another
  opex drill --service task-api --from latest       # the newest good backup, as it is
  opex drill --service task-api --keep --namespace look   # look at the copy with kubectl afterwards
  opex drill --format json | jq '.[] | {service, verdict, rtoSeconds}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.From, "from", "", "this backup, or `latest`, the newest good one (default: a fresh one)")
	flags.StringVar(
		&f.Namespace, "namespace", "",
		"restore into this one, which must not exist (default: the service's, with -drill- and six digits)",
	)
	flags.IntVar(&f.Replicas, "replicas", 1, "pods of each Deployment of the copy; 0: as many as were backed up")
	flags.BoolVar(&f.Keep, "keep", false, "leave the copy, and say how to remove it")
	flags.DurationVar(
		&f.Timeout, "timeout", 0,
		"for the backup, and for the restore (default: from the plan's timeouts, and twice its RTO)",
	)
	flags.BoolVar(&f.yes, "yes", false, "do not ask, in production")
	flags.StringVar(&f.format, "format", "table", strings.Join(recordFormats, ", "))
	return command
}

func (f drillFlags) check(services int) error {
	var wrong []error
	if f.format != "table" && f.format != "json" {
		wrong = append(wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(recordFormats, ", ")))
	}
	if f.Replicas < 0 {
		wrong = append(wrong, fmt.Errorf("--replicas %d: want 0 or more", f.Replicas))
	}
	if f.Timeout < 0 {
		wrong = append(wrong, fmt.Errorf("--timeout %s: want 0 or more", f.Timeout))
	}
	if services > 1 && f.From != "" && f.From != recovery.Newest {
		wrong = append(wrong, fmt.Errorf("--from %s: a backup is of one service; choose it with --service", f.From))
	}
	if services > 1 && f.Namespace != "" {
		wrong = append(
			wrong, fmt.Errorf("--namespace %s: it holds one copy; choose the service with --service", f.Namespace),
		)
	}
	return errors.Join(wrong...)
}

func (f drillFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	sites, _, err := g.sites(ctx, in, people)
	if err != nil {
		return err
	}
	if len(sites) == 0 {
		return errors.New("no service of the stack is backed up, so there is nothing to try")
	}
	if err := f.check(len(sites)); err != nil {
		return err
	}
	for _, site := range sites {
		if err := f.announce(ctx, site, in, people); err != nil {
			return told(err, people)
		}
	}
	untilPutBack()
	records, bad := []evidence.Record{}, false
	for _, site := range sites {
		if ctx.Err() != nil {
			site.Say("not tried: interrupted")
			bad = true
			continue
		}
		record, err := site.Drill(ctx, f.DrillOptions, secondSignal)
		if record.Kind != "" {
			records = append(records, record)
			if f.format == "table" {
				if err := showRecord(out, record); err != nil {
					return err
				}
			}
			finish(people, site, record, err)
		} else if err != nil {
			site.Say("%v. Next: `opex drill` again", err)
		}
		bad = bad || err != nil || record.Verdict != evidence.Proven
	}
	if f.format == "json" {
		if err := table.JSON(out, records); err != nil {
			return err
		}
	}
	if bad {
		return errFailed
	}
	return nil
}

// announce says what a drill does to the live service, and asks where that is in production.
func (f drillFlags) announce(ctx context.Context, site *recovery.Site, in io.Reader, people io.Writer) error {
	does := "restores the backup " + f.From
	if f.From == "" {
		does = "makes a backup"
		if site.Plan.Sentinel != nil {
			does = fmt.Sprintf(
				"writes one record to %s of the live service, makes a backup, deletes the record",
				site.Plan.Sentinel.Path,
			)
		}
		does += ", and restores the backup"
	}
	site.Say(
		"%s of cluster %s: the drill %s into a namespace of its own", site.Outputs.Environment, site.Cluster.UID, does,
	)
	if site.Outputs.Environment != gameday.Production || f.From != "" {
		return nil
	}
	return f.ask(ctx, site.Service.Namespace, in, people)
}

// finish says the last lines on a record: what was measured, what happened, what to do next.
func finish(people io.Writer, site *recovery.Site, record evidence.Record, err error) {
	for _, note := range recovery.Speeds(record) {
		site.Say("%s", note)
	}
	next := ". Next: `opex verify --only SC-007`"
	if record.Verdict != evidence.Proven {
		next = ". Next: mend that, then drill again"
	}
	if err != nil {
		site.Say("%v", err)
	}
	fmt.Fprintln(people, recovery.Summary(record)+next)
}

func showRecord(out io.Writer, record evidence.Record) error {
	times, data := recovery.Tables(record)
	for _, t := range []table.Table{times, data} {
		if len(t.Rows) == 0 {
			continue
		}
		if err := t.Write(out, "table"); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

// secondSignal is for cleaning up after the first one.
func secondSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), interruptions...)
}
