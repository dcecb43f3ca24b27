// Command sandbox makes a real Kubernetes cluster on this machine for one stack, and runs the Pulumi program on it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/sandbox/internal/cluster"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		var code exitCode
		if errors.As(err, &code) {
			os.Exit(int(code))
		}
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// options are the flags that every subcommand takes.
type options struct {
	stack, instance, repo string
	nodes                 int
}

func (o options) sandbox() (layout.Sandbox, error) {
	repo, err := filepath.Abs(o.repo)
	if err != nil {
		return layout.Sandbox{}, err
	}
	nodes := o.nodes
	if nodes == 0 {
		nodes = nodesBefore(repo, o)
	}
	return layout.New(repo, o.stack, o.instance, nodes)
}

// nodesBefore is the number of nodes that this sandbox was last booted with, or 1.
func nodesBefore(repo string, o options) int {
	s, err := layout.New(repo, o.stack, o.instance, 1)
	if err != nil {
		return 1 // the error is reported with the real number
	}
	return cluster.NodesBefore(s)
}

func command() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:   "sandbox",
		Short: "A real Kubernetes cluster on this machine, for one stack",
		Long: `A real Kubernetes cluster and S3 server on this machine, for one stack of the Pulumi program.

Everything is built from Go modules and Debian's packages and runs in namespaces of its own. All state lies in the
git-ignored folder .sandbox; the sandbox of each stack is separate, what is built is shared.`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.stack, "stack", "staging", "the stack: staging or prod")
	flags.StringVar(
		&o.instance, "instance", "",
		"the sandbox's name, if not the stack's: the tests run on "+strings.Join(layout.TestInstances, " and "),
	)
	flags.StringVar(&o.repo, "repo", ".", "the repository's folder")
	flags.IntVar(
		&o.nodes, "nodes", 0,
		fmt.Sprintf("Kubernetes nodes, 1 to %d (default: as at the last boot, else 1)", layout.MaxNodes),
	)
	root.AddCommand(
		upCommand(o), buildCommand(o), downCommand(o), cleanCommand(o), statusCommand(o), shellCommand(o),
		execCommand(o), existingCommand(o), initCommand(o), initNodeCommand(o),
	)
	return root
}
