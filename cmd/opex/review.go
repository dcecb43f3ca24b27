package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/manifests"
	"github.com/opex-project/opex/internal/review"
)

type reviewFlags struct {
	format, failOn, baseline, writeBaseline string
	rules, skip                             []string
	list                                    bool
}

func newReview(g *global) *cobra.Command {
	var f reviewFlags
	command := &cobra.Command{
		Use:   "review [FILE | FOLDER | -]...",
		Short: "Review what would be deployed: labels, sizes, backups, chaos, probes. Files need no cluster",
		Long: `review judges Kubernetes objects by rules. A finding names the object, the field, what is wrong and what is allowed; opex explain RULE says why, and
--format diff prints the changes that resolve findings, for git apply.

Without an argument it runs ` + "`pulumi preview --json --show-sames`" + ` in the working folder, which asks the cluster, and reviews what the stack would
become. Files are YAML or JSON of Kubernetes, lists and arrays among them, or the output of that command; - is standard input. Of a folder it reads
all .yaml, .yml and .json files. It reviews all of them as one set: a hook whose pods stand in another file finds them.

It names what it does not review: files that hold no object, charts and kustomizations (with the command that renders them), kinds that no rule knows, and findings
that such a kind may explain.

An annotation exempts one object from one rule, with the reason: ` + review.AnnotationExempt + `SUR-02: "one pod on purpose, it holds a lock". A repository that starts with many
findings keeps them in a file: --write-baseline FILE, then --baseline FILE.

The Pulumi program applies the same rules at each preview, the one that ` + "`pulumi up`" + ` begins with among them, and refuses what they find. The preview
that review runs has ` + review.EnvMode + "=" + review.ModeReport + ` in its environment: the program reports what it finds and goes on.

Exit code 0: nothing as serious as --fail-on; 1: something is; 2: something could not be read, or nothing could be judged.`,
		Example: `  opex review                                # what the selected stack would become
  opex review manifests/                     # a folder of YAML
  helm template shop ./chart | opex review -
  opex review --format diff manifests/ | git apply
  opex review --format sarif > review.sarif  # for code scanning; --format markdown for a comment
  opex review --rules BAK,CHA --fail-on warning manifests/
  opex review --list                         # all rules`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.runUntil(cmd.Context(), g, args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.format, "format", "table", strings.Join(manifests.Formats, ", "))
	flags.StringVar(
		&f.failOn, "fail-on", string(review.Error),
		"exit with 1 on findings of this severity or a more serious one: error, warning, advice",
	)
	flags.StringSliceVar(&f.rules, "rules", nil, "apply only these rules, by ID or its beginning: BAK-06,CHA")
	flags.StringSliceVar(&f.skip, "skip", nil, "leave these rules out")
	flags.StringVar(&f.baseline, "baseline", "", "leave out the known findings of this file")
	flags.StringVar(
		&f.writeBaseline, "write-baseline", "", "write all findings to this file as known ones, and report none",
	)
	flags.BoolVar(&f.list, "list", false, "list the rules, and review nothing")
	return command
}

// runUntil ends at once where it is interrupted, whatever is being read or compared.
func (f reviewFlags) runUntil(
	ctx context.Context, g *global, args []string, in io.Reader, out, stderr io.Writer,
) error {
	done := make(chan error, 1)
	go func() { done <- f.run(ctx, g, args, in, out, stderr) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f reviewFlags) check() (manifests.Options, error) {
	var options manifests.Options
	var wrong []error
	if !slices.Contains(manifests.Formats, f.format) {
		wrong = append(
			wrong, fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(manifests.Formats, ", ")),
		)
	}
	if !slices.Contains(review.Severities, review.Severity(f.failOn)) {
		wrong = append(wrong, fmt.Errorf("--fail-on %s: allowed are error, warning, advice", f.failOn))
	}
	options.Rules, options.Skip = f.rules, f.skip
	if err := options.Check(); err != nil {
		wrong = append(wrong, err)
	}
	if f.baseline != "" {
		var err error
		if options.Baseline, err = manifests.ReadBaseline(f.baseline); err != nil {
			wrong = append(wrong, fmt.Errorf("--baseline: %w", err))
		}
	}
	return options, errors.Join(wrong...)
}

func (f reviewFlags) run(ctx context.Context, g *global, args []string, in io.Reader, out, stderr io.Writer) error {
	options, err := f.check()
	if err != nil {
		return err
	}
	if f.list {
		for _, r := range review.Rules {
			fmt.Fprintf(out, "%s  %-7s  %s\n", r.ID, r.Severity, r.Title)
		}
		return nil
	}
	objects, unread := f.read(ctx, g, args, in, stderr)
	if len(objects) == 0 {
		return unread
	}
	if f.writeBaseline != "" {
		if unread != nil {
			return unread
		}
		n, err := manifests.WriteBaseline(f.writeBaseline, objects, options)
		if err == nil {
			fmt.Fprintf(
				stderr, "%d findings are written to %s. Next: opex review --baseline %s\n", n, f.writeBaseline,
				f.writeBaseline,
			)
		}
		return err
	}
	report, err := manifests.Review(objects, options)
	if err != nil {
		return err
	}
	if err := report.Write(out, f.format); err != nil {
		return err
	}
	for _, line := range report.Unjudged {
		fmt.Fprintln(stderr, "not judged: "+line)
	}
	for _, line := range report.Gone {
		fmt.Fprintf(stderr, "no longer found, take it out of %s: %s\n", f.baseline, line)
	}
	switch {
	case unread != nil:
		fmt.Fprintln(stderr, report.Summary()+", without what could not be read. Next: fix what could not be read")
		return unread
	case report.Judged == 0:
		return errors.New("nothing was judged: no rule knows any of these objects")
	}
	fmt.Fprintln(stderr, report.Summary()+". Next: "+f.next(report, len(args) == 0))
	if report.Fails(review.Severity(f.failOn)) {
		return errFailed
	}
	return nil
}

// next is what to do after a review.
func (f reviewFlags) next(report manifests.Report, previewed bool) string {
	switch {
	case len(report.Patches) > 0 && f.format != "diff":
		return "opex explain RULE; --format diff prints the changes"
	case len(report.Findings) > 0:
		return "opex explain RULE"
	case len(report.Unjudged) > 0:
		return "look at what was not judged"
	case previewed:
		return "pulumi up"
	}
	return "deploy it"
}

// read reads all arguments. The error names everything that could not be read; the objects beside it are returned all
// the same.
func (f reviewFlags) read(
	ctx context.Context, g *global, args []string, in io.Reader, stderr io.Writer,
) (review.Set, error) {
	if len(args) == 0 {
		data, err := preview(ctx, g.source.Stack, stderr)
		if err != nil {
			return nil, err
		}
		return manifests.Read("preview", data)
	}
	var all review.Set
	var wrong []error
	var none []string // files of folders that are no manifests
	take := func(name string, data []byte, err error, passOver bool) {
		var found review.Set
		if err == nil {
			found, err = manifests.Read(name, data)
		}
		if passOver && errors.Is(err, manifests.ErrNone) {
			none, err = append(none, name), nil
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		all = append(all, found...)
	}
	for _, arg := range args {
		if arg == "-" {
			data, err := io.ReadAll(in)
			take(manifests.StandardInput, data, err, false)
			continue
		}
		if info, err := os.Stat(arg); err != nil || !info.IsDir() {
			data, err := manifests.Open(arg)
			take(arg, data, err, false)
			continue
		}
		folder := manifests.Walk(arg)
		wrong = append(wrong, folder.Wrong...)
		for _, line := range folder.Rendered {
			fmt.Fprintln(stderr, "not reviewed: "+line)
		}
		for _, file := range folder.Files {
			data, err := manifests.Open(file)
			take(file, data, err, true)
		}
	}
	if len(none) > 0 {
		fmt.Fprintf(stderr, "passed over, since they hold no Kubernetes object: %s\n", strings.Join(none, ", "))
	}
	if len(all) == 0 && len(wrong) == 0 {
		wrong = append(wrong, errors.New("there is nothing to review: no file holds a Kubernetes object"))
	}
	return all, errors.Join(wrong...)
}

// preview asks Pulumi what the stack would become.
func preview(ctx context.Context, stack string, stderr io.Writer) ([]byte, error) {
	args := []string{"preview", "--json", "--show-sames", "--non-interactive"}
	if stack != "" {
		args = append(args, "--stack", stack)
	}
	fmt.Fprintln(stderr, "pulumi "+strings.Join(args, " "))
	command := exec.CommandContext(ctx, "pulumi", args...)
	// The program would fail its own preview on what is to be reported here.
	command.Env = append(os.Environ(), review.EnvMode+"="+review.ModeReport)
	var output bytes.Buffer
	command.Stderr = &output
	data, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("pulumi preview: %w\n%s%.2000s", err, output.String(), data)
	}
	return data, nil
}
