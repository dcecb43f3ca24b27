package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/manifests"
	"github.com/opex-project/opex/internal/review"
)

type reviewFlags struct {
	format string
	list   bool
}

func newReview(g *global) *cobra.Command {
	var f reviewFlags
	command := &cobra.Command{
		Use:   "review [FILE | FOLDER | -]...",
		Short: "Judge what is to be deployed, before it is: labels, sizes, backups, chaos, probes. Files need no cluster",
		Long: `review judges Kubernetes objects by rules that say why a success criterion could not pass, each with the field, the reason and, where there
is one way to put it right, the change as a diff.

Without an argument it runs ` + "`pulumi preview --json --show-sames`" + ` in the working folder, which asks the cluster, and reviews what the stack would
become. Files are YAML or JSON of Kubernetes, lists among them, or the output of that command; of a folder all .yaml, .yml and .json files, of which those
that are no manifests are named and passed over; - is standard input. All are reviewed as one: a hook whose pods stand in another file finds them.

The Pulumi program applies the same rules at each preview, the one that ` + "`pulumi up`" + ` begins with among them, and refuses what they find. The preview
that review runs has ` + review.EnvMode + "=" + review.ModeReport + ` in its environment, with which the program says what they find and goes on.

Exit code 0: nothing found; 1: something; 2: something could not be read.`,
		Example: `  opex review                                # what the selected stack would become
  opex review manifests/                     # a folder of YAML
  helm template shop ./chart | opex review -
  opex review --format sarif > review.sarif  # for code scanning; --format markdown for a comment
  opex review --list                         # all rules`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), g, args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.format, "format", "table", strings.Join(manifests.Formats, ", "))
	flags.BoolVar(&f.list, "list", false, "list the rules, and review nothing")
	return command
}

func (f reviewFlags) run(ctx context.Context, g *global, args []string, in io.Reader, out, people io.Writer) error {
	if !slices.Contains(manifests.Formats, f.format) {
		return fmt.Errorf("--format %s: allowed are %s", f.format, strings.Join(manifests.Formats, ", "))
	}
	if f.list {
		for _, r := range review.Rules {
			fmt.Fprintf(out, "%s  %s\n        %s\n", r.ID, r.Title, r.Why)
		}
		return nil
	}
	objects, err := f.read(ctx, g, args, in, people)
	if err != nil {
		return err
	}
	report, err := manifests.Review(objects)
	if err != nil {
		return err
	}
	if err := report.Write(out, f.format); err != nil {
		return err
	}
	for _, line := range report.Unjudged {
		fmt.Fprintln(people, "not judged: "+line)
	}
	if len(report.Findings) > 0 {
		fmt.Fprintln(people, report.Summary()+". Next: put right what is shown above")
		return errFailed
	}
	fmt.Fprintln(people, report.Summary()+". Next: pulumi up")
	return nil
}

// read reads all arguments, and says of all what cannot be read.
func (f reviewFlags) read(ctx context.Context, g *global, args []string, in io.Reader, people io.Writer) (review.Set, error) {
	if len(args) == 0 {
		data, err := preview(ctx, g.source.Stack, people)
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
		files, folder, err := filesOf(arg)
		if err != nil {
			wrong = append(wrong, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			take(file, data, err, folder)
		}
	}
	if len(none) > 0 {
		fmt.Fprintf(people, "passed over, since they hold no Kubernetes object: %s\n", strings.Join(none, ", "))
		if len(all) == 0 && len(wrong) == 0 {
			wrong = append(wrong, errors.New("there is nothing to review: no file holds a Kubernetes object"))
		}
	}
	return all, errors.Join(wrong...)
}

// filesOf is the file itself, or the files of YAML and JSON in a folder and below it.
func filesOf(path string) (files []string, folder bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, err
	}
	if !info.IsDir() {
		return []string{path}, false, nil
	}
	err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(at)) {
			files = append(files, at)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: holds no .yaml, .yml or .json file", path)
	}
	return files, true, err
}

// preview asks Pulumi what the stack would become.
func preview(ctx context.Context, stack string, people io.Writer) ([]byte, error) {
	args := []string{"preview", "--json", "--show-sames", "--non-interactive"}
	if stack != "" {
		args = append(args, "--stack", stack)
	}
	fmt.Fprintln(people, "pulumi "+strings.Join(args, " "))
	command := exec.CommandContext(ctx, "pulumi", args...)
	// The program would fail its own preview on what is to be reported here.
	command.Env = append(os.Environ(), review.EnvMode+"="+review.ModeReport)
	var said bytes.Buffer
	command.Stderr = &said
	data, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("pulumi preview: %w\n%s%.2000s", err, said.String(), data)
	}
	return data, nil
}
