package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/cmd/opex/internal/exporter"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

type exporterFlags struct {
	listen string
	every  time.Duration
}

func newExporter(g *global) *cobra.Command {
	var f exporterFlags
	command := &cobra.Command{
		Use:   "exporter",
		Short: "Judge the criteria again and again, and hand the verdicts to Prometheus",
		Long: `exporter judges all criteria of every service, as verify does, and serves the verdicts at /metrics for Prometheus:

  opex_criterion{service, id, verdict}      1 for the verdict that a criterion has, 0 for the others
  opex_criterion_value, opex_criterion_limit  the figure that it hangs on, and what that may be
  opex_evidence_age_seconds{service, kind}  of the newest backup, drill and gameday
  opex_verify_last_timestamp_seconds        when it last had judged

The stack runs it in the cluster where opex:exporter.enabled is true, with the alerts and the dashboard that go with it. It drills nothing
and kills nothing. A dump whose content was proven is not read again while nobody touches it, for a day at most; verify reads it each time. After a round
it pauses for as long as that took, at least. With --in-cluster it uses its pod's own ServiceAccount; the outputs are read anew for each round.`,
		Example: `  opex exporter                 # on this machine, for a look at http://localhost:9877/metrics
  opex exporter --in-cluster --outputs /etc/opex/outputs.json --every 1m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), g, cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.listen, "listen", "localhost:9877", "address to serve at")
	flags.DurationVar(&f.every, "every", time.Minute, "time from one judgement to the next, 10s or more")
	flags.BoolVar(&g.inCluster, "in-cluster", false, "reach the API server as a pod does, instead of by a kubeconfig")
	return command
}

func (f exporterFlags) run(ctx context.Context, g *global, in io.Reader, people io.Writer) error {
	if f.every < 10*time.Second {
		return fmt.Errorf("--every %s: want 10s or more", f.every)
	}
	if g.source.File == "-" {
		return errors.New("--outputs -: the outputs are read anew for each round, which standard input cannot give")
	}
	if _, _, _, err := g.connect(ctx, in); err != nil { // what is wrong from the beginning is said at once
		return err
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	proven := &verify.Proven{}
	e := &exporter.Exporter{
		Every:  f.every,
		People: people,
		Judge:  func(ctx context.Context) (exporter.Round, error) { return judgeAll(ctx, g, in, proven) },
	}
	server := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go e.Run(ctx)
	fmt.Fprintf(people, "serving at http://%s/metrics; Ctrl-C ends\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// judgeAll is one round, which knows what those before it proved.
func judgeAll(ctx context.Context, g *global, in io.Reader, proven *verify.Proven) (exporter.Round, error) {
	now := *g
	now.loaded = nil
	outputs, names, cluster, err := now.connect(ctx, in)
	if err != nil {
		return exporter.Round{}, err
	}
	world := &verify.World{Outputs: outputs, Cluster: cluster, Now: time.Now(), Proven: proven}
	round := exporter.Round{Report: verify.Run(ctx, world, verify.Criteria, names), Ages: map[string]verify.Ages{}}
	for _, name := range names {
		round.Ages[name] = world.Ages(ctx, name)
	}
	return round, nil
}
