package rightsize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/vpa"
	"github.com/opex-project/opex/internal/contract"
)

// DefaultThreshold is the change, in percent, below which a request is kept: less is within what recommendations move
// by.
const DefaultThreshold = 10

// Options say how to advise.
type Options struct {
	Threshold float64 // percent, 0 or more
	Now       time.Time
}

// Advise compares the requests of the named services with what is recommended. What could not be read of a service is
// among its Problems; an error means that there is no advice at all.
func Advise(
	ctx context.Context, cluster *kube.Cluster, outputs stack.Outputs, names []string, options Options,
) (Report, error) {
	if options.Threshold < 0 || math.IsNaN(options.Threshold) || math.IsInf(options.Threshold, 0) {
		return Report{}, fmt.Errorf("threshold: is %g, want a percentage of 0 or more", options.Threshold)
	}
	if outputs.Size == nil {
		return Report{}, errors.New("size advice is off in this stack. " +
			"Set opex:size.enabled to true and run `pulumi up`; the first advice takes about two minutes more")
	}
	a := advisor{cluster: cluster, options: options, size: *outputs.Size, namespaces: map[string]*namespace{}}
	var err error
	if a.floor, err = vpa.ParseFloor(a.size.FloorCPU, a.size.FloorMemory); err != nil {
		return Report{}, fmt.Errorf("stack outputs: %w", err)
	}
	a.causes = causes(ctx, cluster, a.size)
	prices := newPriceList(ctx, cluster, outputs.Cost, options.Now)
	report := Report{Schema: Schema, Environment: outputs.Environment, ThresholdPercent: options.Threshold}
	if outputs.Cost != nil {
		report.Currency = outputs.Cost.Currency
	}
	for _, name := range names {
		service := outputs.Services[name]
		n, known := a.namespaces[service.Namespace]
		if !known {
			n = readNamespace(ctx, cluster, service.Namespace)
			a.namespaces[service.Namespace] = n
		}
		if errors.Is(n.autoscalersErr, vpa.ErrNotInstalled) {
			return Report{}, fmt.Errorf(
				"%w. `pulumi up --refresh` brings it back; recommendations start anew then", vpa.ErrNotInstalled,
			)
		}
		report.Services = append(report.Services, a.service(ctx, name, service, *n, prices.of(service)))
	}
	return report, nil
}

// advisor is what all services share.
type advisor struct {
	cluster    *kube.Cluster
	options    Options
	size       contract.SizeAdvisor
	floor      vpa.Floor
	causes     []string // why recommendations would not come
	namespaces map[string]*namespace
}

func (a advisor) service(ctx context.Context, name string, service contract.Service, n namespace, p prices) Service {
	s := Service{Name: name, Team: service.Labels[contract.LabelTeam], Prices: p.from,
		Rows: []Row{}, Warnings: []string{}, Problems: []string{}} // lists in JSON even when empty
	if n.autoscalersErr != nil {
		s.problem("%v", n.autoscalersErr)
		return s
	}
	if n.horizontalErr != nil {
		s.problem("HorizontalPodAutoscalers of namespace %s: %v. Whether one skews the recommendations is not known",
			service.Namespace, n.horizontalErr)
	}
	if n.checkpointsErr != nil {
		s.warn(
			"checkpoints of namespace %s: %v. How much history there is, is not known", service.Namespace,
			n.checkpointsErr,
		)
	}
	if len(service.VerticalPodAutoscalers) == 0 {
		s.problem(
			"the stack's outputs name no VerticalPodAutoscaler of it: `pulumi up` with opex:size.enabled makes one",
		)
	}
	for _, declared := range service.VerticalPodAutoscalers {
		a.workload(ctx, &s, service.Namespace, declared, n)
	}
	if len(a.causes) > 0 && len(s.Problems) == 0 {
		for _, cause := range a.causes {
			s.warn("recommendations grow old: %s", cause)
		}
	}
	for i := range s.Rows {
		row := &s.Rows[i]
		row.SavedPerMonth = p.saved(*row)
		row.explain()
	}
	if p.known && slices.ContainsFunc(s.Rows, Row.judged) {
		total := 0.0
		for _, row := range s.Rows {
			if row.SavedPerMonth != nil {
				total += *row.SavedPerMonth
			}
		}
		s.SavedPerMonth = &total
	}
	return s
}

func (s *Service) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

func (s *Service) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}
