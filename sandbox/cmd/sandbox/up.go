package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/sandbox/internal/boot"
	"github.com/opex-project/opex/sandbox/internal/build"
	"github.com/opex-project/opex/sandbox/internal/cluster"
	"github.com/opex-project/opex/sandbox/internal/deploy"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
	"github.com/opex-project/opex/sandbox/internal/node"
	"github.com/opex-project/opex/sandbox/internal/preflight"
	"github.com/opex-project/opex/sandbox/internal/progress"
)

func upCommand(o *options) *cobra.Command {
	var dryRun, noDeploy bool
	up := &cobra.Command{
		Use: "up", Args: cobra.NoArgs,
		Short: "Build what is missing, boot the cluster, run pulumi up",
		Long: `Builds what is missing, boots the cluster of the stack, runs pulumi up on it and prints the stack's outputs.
Run it again at any time: it goes on where the last run ended.`,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := o.sandbox()
			if err != nil {
				return err
			}
			if dryRun {
				return printPlan(c.OutOrStdout(), s)
			}
			return runUp(c.Context(), s, noDeploy)
		},
	}
	up.Flags().BoolVar(
		&dryRun, "dry-run", false, "print every program and configuration file of the cluster, and do nothing",
	)
	up.Flags().BoolVar(&noDeploy, "no-deploy", false, "boot the cluster and prepare the stack, but run no pulumi up")
	return up
}

func buildCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "build", Args: cobra.NoArgs, Short: "Build the programs and images, and boot nothing",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := o.sandbox()
			if err != nil {
				return err
			}
			return buildAll(c.Context(), s, progress.New(os.Stderr))
		},
	}
}

func runUp(ctx context.Context, s layout.Sandbox, noDeploy bool) error {
	report := progress.New(os.Stderr)
	_, running, err := boot.Running(s)
	if err != nil {
		return err
	}
	machine, err := preflight.ThisMachine(s.Repo)
	if err != nil {
		return err
	}
	if err := preflight.Check(machine, s, build.Done(s, build.Targets()), running); err != nil {
		return err
	}
	if err := buildAll(ctx, s, report); err != nil {
		return err
	}
	if err := bootCluster(ctx, s, report); err != nil {
		return err
	}
	target, leave, err := deploy.EnterSandbox(s)
	if err != nil {
		return err
	}
	defer leave()
	err = report.Stage("Prepare the stack "+s.Stack, func() error { return deploy.PrepareSandbox(ctx, s, target) })
	if err != nil {
		return err
	}
	if noDeploy {
		fmt.Fprintf(
			os.Stderr,
			"\nThe cluster of %[1]s is up after %[2]s, and nothing is on it. Next: `make shell STACK=%[1]s`, and in it `pulumi config set` as you like and `pulumi up`.\n",
			s.Stack, progress.Duration(report.Total()),
		)
		return nil
	}
	fmt.Fprintf(os.Stderr, "pulumi up of the stack %s:\n", s.Stack)
	if err := deploy.Up(ctx, target); err != nil {
		return err
	}
	outputs, err := deploy.Outputs(ctx, target)
	if err != nil {
		return err
	}
	if err := report.Stage("All workloads ready", func() error { return cluster.WaitWorkloads(ctx, s) }); err != nil {
		return err
	}
	return finish(ctx, s, outputs, report.Total())
}

func buildAll(ctx context.Context, s layout.Sandbox, report *progress.Reporter) error {
	release, err := build.Alone(s, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	defer release()
	if missing := preflight.MissingPackages(); len(missing) > 0 {
		title := "Install Debian's packages " + strings.Join(missing, ", ")
		if err := report.Stage(title, func() error { return preflight.InstallPackages(missing) }); err != nil {
			return err
		}
	}
	return makeImages(ctx, s, report, build.Targets(), image.Images())
}

// makeImages builds the targets, and the images from them.
func makeImages(
	ctx context.Context, s layout.Sandbox, report *progress.Reporter, targets []build.Target, images []image.Image,
) error {
	// Images that hold nothing built here come over the network: they are made while compilers work.
	early := map[string]chan error{}
	for _, i := range images {
		if len(i.Files) == 0 && !image.UpToDate(s, i) {
			made := make(chan error, 1)
			early[i.Name] = made
			go func() { made <- image.Build(ctx, s, i) }()
		}
	}
	if err := compileAll(ctx, s, report, targets); err != nil {
		return err
	}
	if err := build.Link(s); err != nil {
		return err
	}
	for _, i := range images {
		work := func() error { return image.Build(ctx, s, i) }
		if made, begun := early[i.Name]; begun {
			work = func() error { return <-made }
		} else if image.UpToDate(s, i) {
			continue
		}
		if err := report.Stage("Make the image "+i.References[0], work); err != nil {
			return err
		}
	}
	return nil
}

// compileAll builds targets. While one compiles, the modules of those after it are downloaded; a download that fails is
// reported by the build that needs it.
func compileAll(ctx context.Context, s layout.Sandbox, report *progress.Reporter, targets []build.Target) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if !build.Done(s, targets) {
		go func() {
			for _, target := range targets[1:] {
				_ = build.Download(ctx, s, target)
			}
		}()
	}
	for _, target := range targets {
		title := "Build " + target.Title
		if !build.Built(s, target) {
			title += fmt.Sprintf(" (the first time takes about %g min)", target.Minutes)
		}
		if err := report.Stage(title, func() error { return build.Run(ctx, s, target, report.Note) }); err != nil {
			return err
		}
	}
	return nil
}

func bootCluster(ctx context.Context, s layout.Sandbox, report *progress.Reporter) error {
	// Asked now, since the builds may have taken half an hour, and one that was killed takes its time to end.
	_, running, err := boot.Running(s)
	if err != nil {
		return err
	}
	if !running {
		err = report.Stage("Boot Kubernetes", func() error {
			if err := cluster.Prepare(s); err != nil {
				return err
			}
			if err := boot.Start(s, s.Bin("sandbox")); err != nil {
				return err
			}
			return cluster.WaitBooted(ctx, s)
		})
		if err != nil {
			return err
		}
	}
	err = report.Stage("Load images", func() error {
		loaded, err := cluster.LoadImages(ctx, s)
		report.Note("%d new", loaded)
		return err
	})
	if err != nil {
		return err
	}
	return report.Stage("Nodes, DNS and storage ready", func() error {
		if err := cluster.ApplyAddons(ctx, s); err != nil {
			return err
		}
		return cluster.WaitReady(ctx, s)
	})
}

// finish prints the stack's outputs on stdout, and on stderr what to do next.
func finish(ctx context.Context, s layout.Sandbox, outputs map[string]any, total time.Duration) error {
	if err := printOutputs(os.Stdout, outputs); err != nil {
		return err
	}
	services, err := cluster.Services(s, outputs)
	if err != nil {
		return err
	}
	if len(services) == 0 {
		return fmt.Errorf("the stack %s has no output services: nothing shows that it serves anybody", s.Stack)
	}
	fmt.Fprintln(os.Stderr)
	var problems []error
	for _, service := range services {
		err := cluster.WaitServiceAnswers(ctx, service.HealthURL)
		problems = append(problems, err)
		if err == nil {
			fmt.Fprintf(os.Stderr, "  %s answers at %s\n", service.Name, service.URL)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "The stack %s is up after %s.\n", s.Stack, progress.Duration(total))
	try := ""
	if services[0].Name == "task-api" {
		try = fmt.Sprintf(`
  curl -X POST %[1]s/tasks -H 'Content-Type: application/json' -d '{"title": "try it"}'
  curl %[1]s/tasks`, services[0].URL)
	}
	fmt.Fprintf(os.Stderr, `
Next:%[2]s
  make verify STACK=%[1]s  # prove it: a drill, a Game Day, all criteria
  make shell STACK=%[1]s   # a shell in which pulumi, kubectl and opex work on this cluster
    opex drill               # a backup, restored beside the service and compared row by row
    opex gameday             # a pod killed under load, and what users noticed
    opex costs               # who spends what
    opex rightsize           # what the requests should be
  make status              # what runs
  make down STACK=%[1]s     # stop it; what it holds is kept
`, s.Stack, try)
	return nil
}

func printPlan(out io.Writer, s layout.Sandbox) error {
	for _, p := range append([]node.Process{node.S3("ACCESS-KEY", "SECRET-KEY")}, node.ControlPlane()...) {
		fmt.Fprintln(out, p)
	}
	for i := range s.Nodes {
		n := node.Node{Sandbox: s, Index: i}
		fmt.Fprintf(out, "\n# node %s\n", n.Name())
		for _, p := range n.Processes() {
			fmt.Fprintln(out, p)
		}
		files := n.Files()
		paths := make([]string, 0, len(files))
		for path := range files {
			paths = append(paths, path)
		}
		sort.Strings(paths)
		for _, path := range paths {
			fmt.Fprintf(out, "\n# %s\n%s", path, files[path])
		}
	}
	return nil
}
