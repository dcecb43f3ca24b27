// The command opex proves on the live cluster what the Pulumi program declared.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// Exit codes. Everything that is not the first two is the third: an answer that could not be had is never a pass.
const (
	exitOK      = 0
	exitFailed  = 1 // something was checked and is not as it should be
	exitUnknown = 2 // something could not be checked, or the command was used wrongly
)

// failed ends the command with exitFailed; what is wrong was already said.
var errFailed = errors.New("checked, and not as it should be")

// interruptions are what ends a command in good order. A terminal that is closed, or a connection to it that is lost,
// is one, too.
var interruptions = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// untilPutBack keeps a command that has to put something back from being ended by a reader of its output that goes
// away.
func untilPutBack() { signal.Ignore(syscall.SIGPIPE) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), interruptions...)
	defer stop()
	klog.SetLogger(logr.Discard()) // client-go's own remarks; errors are returned as well
	os.Exit(run(ctx, newRoot()))
}

func run(ctx context.Context, root *cobra.Command) int {
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	default:
		fmt.Fprintln(root.ErrOrStderr(), "opex: "+err.Error())
		return exitUnknown
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "opex",
		Short: "Prove that services are operationally excellent: cost, size, backup, resilience",
		Long: `opex reads what the Pulumi stack publishes and proves it on the live cluster.

It finds the stack with ` + "`pulumi stack output --json`" + ` in the working folder, or reads that JSON from --outputs.
It works on the cluster that the outputs name, and refuses any other.

Data goes to standard output, words for people to standard error. Exit code 0: all is well, 1: something is not,
2: something could not be checked.`,
		Example: `  opex costs                      # who spent what in the last 24 hours
  opex costs --compare            # ... and what drove the change against the 24 hours before
  opex rightsize                  # requests against recommendations, with the money
  opex verify --only SC-001       # one criterion of every service
  opex review                     # what the stack would become, judged before it is deployed
  opex drill                      # a fresh backup of every service, restored beside it and proven
  opex restore                    # which backups there are, and what is known of each
  opex gameday --dry-run          # a pod killed under load: what would be broken, and may it be?
  opex diagnose --live            # why is that pod not ready, and which change mends it
  opex report                     # one page of all that is proven
  pulumi stack output --json | opex verify --outputs -`,
		SilenceErrors: true, SilenceUsage: true,
	}
	var g global
	flags := root.PersistentFlags()
	flags.StringVar(&g.source.Stack, "stack", "", "Pulumi stack to read outputs of (default: the selected one)")
	flags.StringVar(
		&g.source.File, "outputs", "", "file with the JSON of `pulumi stack output --json`; - is standard input",
	)
	flags.StringVar(
		&g.kubeconfig, "kubeconfig", "",
		"kubeconfig file (default: KUBECONFIG, else ~/.kube/config); the context comes from the outputs",
	)
	flags.StringSliceVar(&g.services, "service", nil, "only these services (default: all)")
	root.AddCommand(
		newCosts(&g), newRightsize(&g), newVerify(&g), newDrill(&g), newRestore(&g), newGameday(&g), newDiagnose(&g),
		newReview(&g), newExplain(), newSpec(&g), newReport(&g), newExporter(&g),
	)
	return root
}
