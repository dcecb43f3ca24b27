package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/opex-project/opex/sandbox/internal/build"
	"github.com/opex-project/opex/sandbox/internal/deploy"
	"github.com/opex-project/opex/sandbox/internal/existing"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/progress"
)

// existingOptions are the flags of commands for a cluster that exists already.
type existingOptions struct {
	context, registry, config string
	imagesPresent, yes        bool
}

func existingCommand(o *options) *cobra.Command {
	e := &existingOptions{}
	group := &cobra.Command{
		Use: "cluster", Args: cobra.ArbitraryArgs, Short: "Deploy the staging stack onto a cluster that exists already",
		Long: `Deploys the staging stack onto a cluster of your kubeconfig (kind, k3d, minikube, EKS) with your own Pulumi. State and
secrets lie in .sandbox/clusters; your Pulumi account and the stack's file are not touched.`,
		// Without it, a command that does not exist for such a cluster would print the help and end with 0.
		RunE: func(c *cobra.Command, args []string) error {
			return fmt.Errorf("%q is not a command for a cluster that exists already: use up, exec, shell or clean", args)
		},
	}
	flags := group.PersistentFlags()
	flags.StringVar(&e.context, "context", "", "context of the kubeconfig; kind makes a kind cluster first")
	flags.StringVar(&e.registry, "registry", "",
		"registry for this repository's images, such as ghcr.io/acme; local clusters need none")
	flags.StringVar(&e.config, "config", "",
		"YAML file with further keys of the stack's config, such as opex:backup for a bucket of your own; kept for later commands")
	flags.BoolVar(&e.imagesPresent, "images-present", false, "the nodes already have this repository's images")
	flags.BoolVar(&e.yes, "yes", false, "do not ask")
	_ = group.MarkPersistentFlagRequired("context") // fails only for an unknown flag
	group.MarkFlagsMutuallyExclusive("registry", "images-present")
	group.AddCommand(
		&cobra.Command{Use: "up", Args: cobra.NoArgs, Short: "Check the cluster, deliver images, run pulumi up",
			RunE: func(c *cobra.Command, _ []string) error { return existingUp(c.Context(), o, e) }},
		&cobra.Command{Use: "exec -- COMMAND [ARG...]", Args: cobra.MinimumNArgs(1), Short: "Run a command on the stack",
			RunE: func(c *cobra.Command, args []string) error { return existingRun(c.Context(), o, e, args) }},
		&cobra.Command{Use: "shell", Args: cobra.NoArgs, Short: "Open a shell in which pulumi and opex work on the stack",
			RunE: func(c *cobra.Command, _ []string) error { return existingRun(c.Context(), o, e, userShell()) }},
		&cobra.Command{Use: "clean", Args: cobra.NoArgs, Short: "Destroy the stack, and the store with its backups",
			RunE: func(c *cobra.Command, _ []string) error { return existingClean(c.Context(), o, e) }},
	)
	return group
}

// opened is a cluster that was looked at, with what its stack is made of.
type opened struct {
	sandbox  layout.Sandbox // where builds and images lie
	cluster  *existing.Cluster
	facts    existing.Facts
	settings existing.Settings
	store    *existing.Store // nil where the user names a bucket
}

// open reads the context and the config and looks at the cluster. It changes nothing in the cluster.
func (e *existingOptions) open(ctx context.Context, o *options) (found opened, err error) {
	repo, err := filepath.Abs(o.repo)
	if err != nil {
		return found, err
	}
	found.sandbox = layout.Sandbox{Repo: repo, Stack: o.stack}
	if found.cluster, err = existing.Open(repo, e.context); err != nil {
		return found, err
	}
	if found.settings, err = found.cluster.Settings(e.config); err != nil {
		return found, err
	}
	if found.facts, err = found.cluster.Look(ctx); err != nil {
		return found, err
	}
	if !found.settings.NamesBucket() {
		store, err := found.cluster.Store()
		if err != nil {
			return found, err
		}
		found.store = &store
	}
	return found, nil
}

// check says what keeps this machine from deploying, or nil.
func (e *existingOptions) check(ctx context.Context, o *options) error {
	var problems []error
	if o.stack != "staging" {
		problems = append(problems, fmt.Errorf(
			"stack %s: only staging is deployed this way; docs/eks.md has the steps for %[1]s", o.stack,
		))
	}
	if e.registry != "" {
		problems = append(problems, existing.CheckRegistry(e.registry))
	}
	if e.config != "" {
		_, err := os.Stat(e.config)
		problems = append(problems, err)
	}
	return errors.Join(append(problems, existing.CheckPulumi(ctx, o.repo))...)
}

// existingUp deploys the stack. What cannot work is refused before anything is changed, and what will be changed is
// shown and asked for.
func existingUp(ctx context.Context, o *options, e *existingOptions) error {
	if err := e.check(ctx, o); err != nil {
		return fmt.Errorf("nothing was changed:\n%w", err)
	}
	if e.context == "kind" {
		if err := e.useKind(ctx); err != nil {
			return err
		}
	}
	found, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	problems := found.cluster.Check(found.facts, runtime.GOARCH, found.settings.Namespace())
	if e.registry == "" && !e.imagesPresent {
		problems = errors.Join(problems, found.cluster.CheckLoader())
	}
	if problems != nil {
		return fmt.Errorf(
			"the cluster of context %s cannot take the stack; nothing was changed:\n%w", e.context, problems,
		)
	}
	if err := e.confirm(ctx, upText(e, found)); err != nil {
		return err
	}
	report := progress.New(os.Stderr)
	if err := e.deliverImages(ctx, &found, report); err != nil {
		return err
	}
	if err := found.cluster.Pin(found.facts, found.settings); err != nil {
		return err
	}
	if found.store != nil {
		apply := func() error { return found.cluster.ApplyStore(ctx, *found.store, found.settings.Names) }
		if err := report.Stage("S3 server for backups in the cluster", apply); err != nil {
			return err
		}
	}
	return e.deployStack(ctx, found, report)
}

// useKind makes the kind cluster where it is not there yet.
func (e *existingOptions) useKind(ctx context.Context) error {
	e.context = existing.KindContext
	if has, err := existing.HasContext(e.context); has || err != nil {
		return err
	}
	if err := existing.CheckKind(ctx); err != nil {
		return err
	}
	if err := e.confirm(ctx, "This makes a kind cluster, in a container of Docker."); err != nil {
		return err
	}
	return existing.MakeKind()
}

func upText(e *existingOptions, found opened) string {
	images, backups := "", "an S3 server in the namespace opex-store, with a volume of 10 GiB"
	if e.registry != "" {
		images = fmt.Sprintf("\n  pushes   %d images to %s", len(image.Own()), e.registry)
	} else if !e.imagesPresent {
		images = fmt.Sprintf("\n  loads    %d images into its nodes", len(image.Own()))
	}
	if found.store == nil {
		backups = "the bucket that the config names"
	}
	return fmt.Sprintf(`This deploys the staging stack onto a cluster that exists:
  context  %s
  server   %s (Kubernetes %s, %d nodes, UID %s)
  installs Prometheus, OpenCost, the VPA's recommender, metrics-server where there is none, Velero, Chaos Mesh, Task API%s
  backups  %s`, found.cluster.Context, found.cluster.Server, found.facts.Version, len(found.facts.Nodes), found.facts.UID,
		images, backups)
}

// confirm shows what will be done and asks.
func (e *existingOptions) confirm(ctx context.Context, text string) error {
	fmt.Fprintln(os.Stderr, text)
	if e.yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return errors.New("nobody is there to ask, and nothing was changed: YES=1 (--yes) agrees")
	}
	fmt.Fprint(os.Stderr, "Go on? [y/N] ")
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(os.Stdin).ReadString('\n') // no answer means no
		answers <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case answer := <-answers:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return errors.New("you did not agree; nothing was changed")
}

// deliverImages builds this repository's images and brings them to where the nodes find them.
func (e *existingOptions) deliverImages(ctx context.Context, found *opened, report *progress.Reporter) error {
	if e.imagesPresent {
		return nil
	}
	release, err := build.Alone(found.sandbox, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	defer release()
	if err := makeImages(ctx, found.sandbox, report, build.Own(), image.Own()); err != nil {
		return err
	}
	if e.registry == "" {
		return report.Stage("Load images into the nodes", func() error {
			return found.cluster.LoadImages(ctx, found.sandbox)
		})
	}
	return report.Stage("Push images to "+e.registry, func() (err error) {
		found.settings.Names, err = existing.Push(ctx, found.sandbox, e.registry)
		return err
	})
}

// deployStack runs pulumi up, and shows that the services answer.
func (e *existingOptions) deployStack(ctx context.Context, found opened, report *progress.Reporter) error {
	target, leave, err := found.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = report.Stage("Prepare the stack", func() error { return deploy.Prepare(ctx, target) })
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "pulumi up of the stack staging:")
	if err := deploy.Up(ctx, target); err != nil {
		return err
	}
	outputs, err := deploy.Outputs(ctx, target)
	if err != nil {
		return err
	}
	if err := printOutputs(os.Stdout, outputs); err != nil {
		return err
	}
	services, err := found.cluster.WaitServices(ctx, outputs)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, `
The stack staging is up on %[1]s after %[2]s; these services answer: %[3]s.

Next:
  make verify CLUSTER=%[1]s  # prove it: a drill, a Game Day, all criteria
  make shell CLUSTER=%[1]s   # a shell in which pulumi, kubectl and opex work on this stack
  make clean CLUSTER=%[1]s   # destroy the stack; asks first
`, e.context, progress.Duration(report.Total()), strings.Join(services, ", "))
	return nil
}
