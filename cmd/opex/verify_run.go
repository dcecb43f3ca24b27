package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// verifyFormats are those of a report; html is the page that `opex report` writes. JUnit's and SARIF's have no place
// for what changed.
var (
	verifyFormats   = append(verify.Formats, "html")
	watchFormats    = []string{"table", "json"}
	baselineFormats = []string{"table", "json", "markdown", "html"}
)

// pause is the time between two looks of --wait. The recommender and OpenCost move once a minute.
const pause = 10 * time.Second

func (f verifyFlags) run(ctx context.Context, g *global, in io.Reader, out, people io.Writer) error {
	criteria, err := f.selected()
	if err != nil {
		return err
	}
	before, err := f.baseline(g.services)
	if err != nil {
		return err
	}
	outputs, names, cluster, err := g.connect(ctx, in)
	if err != nil {
		return err
	}
	if f.before != "" { // before anything is killed, and not after
		if err := before.Of(outputs.Cluster.UID, outputs.Environment); err != nil {
			return fmt.Errorf("--baseline %s: %w", f.before, err)
		}
	}
	proven := true
	if f.first {
		if proven = f.prove(ctx, g, outputs, names, criteria, in, people); ctx.Err() != nil {
			return interrupted(ctx)
		}
	}
	look := func() verify.Report {
		return verify.Run(ctx, &verify.World{Outputs: outputs, Cluster: cluster, Now: time.Now()}, criteria, names)
	}
	if f.watch > 0 {
		return f.rested(f.keepWatch(ctx, look, out, people), proven)
	}
	report, err := f.await(ctx, look, people)
	if err != nil {
		return err
	}
	if f.before != "" {
		if err := report.Compare(before); err != nil {
			return fmt.Errorf("--baseline %s: %w", f.before, err)
		}
	}
	if f.format == "html" {
		data, err := pageOf(ctx, report, cluster, outputs, people)
		if err == nil {
			_, err = out.Write(data)
		}
		if err != nil {
			return err
		}
	} else if err := report.Write(out, f.format); err != nil {
		return err
	}
	return f.rested(f.verdict(report, people), proven)
}

// baseline is the report to compare with, without what is not asked for now.
func (f verifyFlags) baseline(services []string) (verify.Report, error) {
	if f.before == "" {
		return verify.Report{}, nil
	}
	data, err := os.ReadFile(f.before)
	if err != nil {
		return verify.Report{}, fmt.Errorf("--baseline: %w", err)
	}
	before, err := verify.ParseBaseline(data)
	if err != nil {
		return verify.Report{}, fmt.Errorf("--baseline %s: %w", f.before, err)
	}
	return before.Only(services, f.only), nil
}

// interrupted is the error of a look that was cut off: what could not be asked any more is no verdict.
func interrupted(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("interrupted: %w", context.Cause(ctx))
}

// await looks until all pass, or the time is up.
func (f verifyFlags) await(ctx context.Context, look func() verify.Report, people io.Writer) (verify.Report, error) {
	for start := time.Now(); ; {
		report := look()
		if err := interrupted(ctx); err != nil {
			return report, err
		}
		left := f.wait - time.Since(start)
		if allPass(report) || left <= 0 {
			return report, nil
		}
		fmt.Fprintf(
			people, "%s after %s; looking again for up to %s\n", report.Summary(), time.Since(start).Round(time.Second),
			left.Round(time.Second),
		)
		select {
		case <-ctx.Done():
		case <-time.After(min(pause, left)):
		}
	}
}

// keepWatch writes the first report whole, and of each later one what changed; as JSON each is whole, one after
// another. The exit code is that of the last.
func (f verifyFlags) keepWatch(ctx context.Context, look func() verify.Report, out, people io.Writer) error {
	var last verify.Report
	for round := 0; ; round++ {
		report := look()
		if ctx.Err() != nil { // cut off: it says nothing of the services
			break
		}
		if err := f.showRound(round, report, last, out, people); err != nil {
			return err
		}
		last = report
		select {
		case <-ctx.Done():
		case <-time.After(f.watch):
		}
	}
	if len(last.Services) == 0 {
		return ctx.Err()
	}
	return f.verdict(last, people)
}

func (f verifyFlags) showRound(round int, report, last verify.Report, out, people io.Writer) error {
	if round == 0 || f.format == "json" {
		if err := report.Write(out, f.format); err != nil {
			return err
		}
	} else {
		if err := report.Compare(last); err != nil {
			return err
		}
		for _, change := range report.Changes {
			if _, err := fmt.Fprintf(out, "%s  %s\n", report.Time.UTC().Format(time.RFC3339), change); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(
		people, "%s  %s; looking again in %s, Ctrl-C ends\n", report.Time.UTC().Format(time.RFC3339), report.Summary(),
		f.watch,
	)
	return err
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
