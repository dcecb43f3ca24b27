package gameday

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/generator"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/lease"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/shelf"
)

// endsWithin is how long cleaning up may take after the first interruption.
const endsWithin = 2 * time.Minute

// Prospect says what a Game Day would do, line by line.
func (s *Site) Prospect(o Options) string {
	rate := s.plan(o).Rate
	how := "killed without a chance to finish, as when its node dies"
	if o.Graceful {
		how = "ended with its own grace, as in a rollout"
	}
	return fmt.Sprintf(`Game Day of %s (%s):
  where      namespace %s of the cluster %s (context %s)
  breaks     one pod of Deployment %s, %s; %s
  asks       %d requests per second of %s meanwhile, %.0f%% of them writes, which are deleted afterwards
  must hold  all replicas serve again within %s, no answer of 500 or above, P95 within %s, no acknowledged write lost
`, s.Name, s.Outputs.Environment, s.Service.Namespace, s.Cluster.UID, s.Outputs.Cluster.Context, s.Service.Deployment, how, times(o.Repeat),
		rate, s.Service.URL, 100*s.Plan.Load.WriteShare, s.recovery, s.p95)
}

// May says whether a Game Day may begin now: what was looked at and is good, and refusal.Refused for what is not. It
// changes nothing.
func (s *Site) May(ctx context.Context) ([]evidence.Check, error) {
	good, err := s.interlock(ctx)
	return good, err
}

// Run makes the Game Days and returns a record of each. It is refusal.Refused where nothing was begun. Each record is
// handed over as soon as it is there.
func (s *Site) Run(
	ctx context.Context, o Options, handOver func(evidence.GameDay) error,
) (records []evidence.GameDay, err error) {
	say := func(line string) { s.Say("%s", line) }
	// one in a cluster: two would disturb each other
	claim := lease.Claim{Client: s.Cluster.Client, Namespace: s.Lab.Namespace, Name: "opex-gameday", What: "Game Day"}
	held, release, err := claim.Hold(ctx, say)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.tidy(ctx, release)) }()
	plan := s.plan(o)
	if err := plan.Check(); err != nil {
		return nil, refusal.Of(err.Error())
	}
	pod, err := generator.New(held, s.Cluster, s.Lab, s.Service.Labels, time.Duration(o.Repeat)*plan.Limit, say)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.tidy(ctx, pod.Close)) }()

	id := time.Now().UTC().Format("20060102-150405")
	for i := range o.Repeat {
		record, err := s.kill(held, pod, evidence.Run{ID: id, Index: i + 1, Of: o.Repeat}, o)
		if err != nil {
			return records, err
		}
		records = append(records, record)
		if held.Err() == nil { // an interrupted one is no evidence either way
			name, err := shelf.StoreGameDay(context.WithoutCancel(ctx), s.Cluster.Client, s.Lab, record, o.Passing)
			if err != nil {
				return records, errors.Join(
					fmt.Errorf("kill %d is %s, and kept nowhere: %w", record.Run.Index, record.Verdict, err),
					handOver(record),
				)
			}
			s.Say("evidence: ConfigMap %s/%s", s.Lab.Namespace, name)
		}
		if err := handOver(record); err != nil {
			return records, err
		}
		if held.Err() != nil || !judge.GoOn(records) && !o.Go {
			break
		}
	}
	if held.Err() != nil {
		return records, interrupted(held)
	}
	return records, nil
}

// tidy ends something although the context may have ended.
func (s *Site) tidy(ctx context.Context, end func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endsWithin)
	defer cancel()
	return end(ctx)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
