package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/gameday"
	"github.com/opex-project/opex/cmd/opex/internal/lease"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/sabotage"
	"github.com/opex-project/opex/cmd/opex/internal/table"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// sabotageFormats are those of its table.
var sabotageFormats = []string{"table", "json", "markdown"}

// sabotage breaks what the chosen criteria are about, and requires each to notice.
func (f verifyFlags) sabotage(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	criteria, err := f.selected()
	if err != nil {
		return err
	}
	site, err := saboteur(ctx, g, in, people)
	if err != nil {
		return err
	}
	breaches := breachesOf(criteria)
	left, err := site.Left(ctx)
	if err != nil {
		return err
	}
	for _, l := range left {
		fmt.Fprintf(people, "left by a run that died, and put back first: %s\n", l)
	}
	fmt.Fprint(people, site.Prospect(breaches))
	if err := f.ask(ctx, site.Service.Namespace, in, people); err != nil {
		return told(err, people)
	}
	rows, err := tryBreaches(ctx, site, breaches, left, people)
	if len(rows) == 0 {
		return err
	}
	err = errors.Join(err, f.rows(out, rows))
	summary, good := sabotage.Summary(rows)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", summary, err)
	case !good:
		fmt.Fprintf(
			people,
			"%s. All was put back. A criterion that did not notice is a defect of opex, or something else went on meanwhile: try it again with --only\n",
			summary,
		)
		return errFailed
	}
	fmt.Fprintf(people, "%s: each criterion was seen going red, and all are green again\n", summary)
	return nil
}

// breachesOf are the breaches that the criteria must notice.
func breachesOf(criteria []verify.Criterion) []sabotage.Breach {
	return slices.DeleteFunc(slices.Clone(sabotage.All), func(b sabotage.Breach) bool {
		return !slices.ContainsFunc(criteria, func(c verify.Criterion) bool { return c.ID == b.Criterion })
	})
}

// tryBreaches puts back what is left of a run that died, and tries the breaches. Meanwhile it keeps other runs away.
func tryBreaches(
	ctx context.Context, site *sabotage.Site, breaches []sabotage.Breach, left []sabotage.Left, people io.Writer,
) (rows []sabotage.Row, err error) {
	claim := lease.Claim{
		Client:    site.Cluster.Client,
		Namespace: site.Outputs.Chaos.Namespace,
		Name:      "opex-sabotage",
		What:      "sabotage",
	}
	held, release, err := claim.Hold(ctx, func(line string) { fmt.Fprintln(people, line) })
	if err != nil {
		return nil, told(err, people)
	}
	untilPutBack()
	if len(left) > 0 {
		err = site.PutBackLeft(held, left)
	}
	if err == nil {
		rows, err = site.Run(
			held, breaches, func(n int, row sabotage.Row) { fmt.Fprintf(people, "    %s\n", sabotage.Line(row)) },
		)
	}
	ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return rows, errors.Join(err, release(ended))
}

// saboteur opens the one service that is tried. Where nothing may be killed, nothing may be broken either.
func saboteur(ctx context.Context, g *global, in io.Reader, people io.Writer) (*sabotage.Site, error) {
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(names) != 1 {
		return nil, fmt.Errorf(
			"--sabotage is of one service: choose it with --service; the stack has %s", strings.Join(names, ", "),
		)
	}
	if _, err := gameday.Open(cluster, outputs, names[0], people); err != nil {
		return nil, err
	}
	if outputs.Cost == nil || outputs.Size == nil || outputs.Backup == nil {
		return nil, errors.New(
			"--sabotage needs all engines: set opex:cost.enabled, opex:size.enabled and opex:backup.enabled to true and run `pulumi up`",
		)
	}
	return &sabotage.Site{
		Name:      names[0],
		Service:   outputs.Services[names[0]],
		Outputs:   outputs,
		Cluster:   cluster,
		People:    people,
		Impatient: secondSignal,
		Judge: func(ctx context.Context) verify.ServiceReport {
			return verify.Run(ctx, &verify.World{Outputs: outputs, Cluster: cluster, Now: time.Now()}, verify.Criteria, names).Services[0]
		},
	}, nil
}

func (f verifyFlags) rows(out io.Writer, rows []sabotage.Row) error {
	if f.format == "json" {
		return table.JSON(out, rows)
	}
	return sabotage.Table(rows).Write(out, f.format)
}

// told says a refusal for people, and is errFailed then.
func told(err error, people io.Writer) error {
	if refused := (refusal.Refused{}); errors.As(err, &refused) {
		fmt.Fprintln(people, err)
		return errFailed
	}
	return err
}
