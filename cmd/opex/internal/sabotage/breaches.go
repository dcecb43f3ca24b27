package sabotage

import (
	"context"
	"slices"
	"time"

	"github.com/opex-project/opex/internal/contract"
)

// All are the breaches, three of each criterion or more, in their order.
var All = slices.Concat(
	labelBreaches,
	costBreaches,
	sizeBreaches,
	scheduleBreaches,
	retentionBreaches,
	dumpBreaches,
	drillBreaches,
	gameDayBreaches,
)

var labelBreaches = []Breach{
	{
		Criterion: "SC-001",
		What:      "one of the service's pods loses its label " + contract.LabelCostCenter,
		Says:      contract.LabelCostCenter,
		do:        labelPod(contract.LabelCostCenter, nil),
	},
	{
		Criterion: "SC-001",
		What:      "one of the service's pods says another " + contract.LabelEnvironment,
		Says:      `is "elsewhere"`,
		do:        labelPod(contract.LabelEnvironment, "elsewhere"),
	},
	{
		Criterion: "SC-001",
		What:      "one of the service's pods carries cost_center beside cost-center, which are one key in metrics",
		Says:      "are one key",
		do:        labelPod("cost_center", "another"),
	},
}

// labelPod changes a label of one pod; nil takes it away.
func labelPod(key string, value any) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		pod, err := s.pod(ctx)
		if err != nil {
			return err
		}
		return s.patch(
			ctx, podKind, s.Service.Namespace, pod,
			map[string]any{"metadata": map[string]any{"labels": map[string]any{key: value}}},
		)
	}
}

var costBreaches = []Breach{
	{
		Criterion: "SC-002",
		What:      "OpenCost's Service finds no pod, as when OpenCost is gone",
		Says:      "no endpoints",
		do: func(ctx context.Context, s *Site) error {
			at := s.Outputs.Cost.OpenCost
			return s.patch(
				ctx, services, at.Namespace, at.Service,
				spec(map[string]any{"selector": map[string]any{"opex/sabotage": "nothing"}}),
			)
		},
	},
	{
		Criterion: "SC-002",
		What:      "OpenCost's Service leads to a port at which nobody listens",
		Says:      "connection refused",
		do: func(ctx context.Context, s *Site) error {
			return s.refuse(ctx, s.Outputs.Cost.OpenCost)
		},
	},
	// A kube-proxy learns of a Service's change within its minSyncPeriod, a second; connections that OpenCost kept open
	// answer meanwhile.
	{
		Criterion: "SC-002",
		What:      "OpenCost's Prometheus refuses connections",
		Says:      "refused",
		greenFor:  3 * time.Second,
		do: func(ctx context.Context, s *Site) error {
			return s.refuse(ctx, s.Outputs.Cost.Prometheus)
		},
	},
}

// refuse makes a Service lead to a port at which nobody listens. Whoever connects is told so at once; what a Service
// without any pod is sent may get no answer, since the kernel limits how often it gives one, and whoever has an open
// connection left then waits for that.
func (s *Site) refuse(ctx context.Context, at contract.Endpoint) error {
	return s.patch(
		ctx, services, at.Namespace, at.Service,
		spec(map[string]any{"ports": []any{map[string]any{"name": "http", "port": at.Port, "targetPort": 1}}}),
	)
}

var sizeBreaches = []Breach{
	{
		Criterion: "SC-003",
		What:      "a VerticalPodAutoscaler may change pods (mode Initial)",
		Says:      "has mode Initial",
		do: func(ctx context.Context, s *Site) error {
			return s.patch(ctx, autoscalers, s.Service.Namespace, s.Service.VerticalPodAutoscalers[0].Name,
				spec(map[string]any{"updatePolicy": map[string]any{"updateMode": "Initial"}}))
		},
	},
	{
		Criterion: "SC-003",
		What:      "a second VerticalPodAutoscaler, which may change pods, looks at the same workload",
		Says:      "a second VerticalPodAutoscaler",
		do: func(ctx context.Context, s *Site) error {
			of := s.Service.VerticalPodAutoscalers[0]
			return s.create(
				ctx,
				autoscalers,
				s.Service.Namespace,
				map[string]any{"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler",
					"metadata": map[string]any{"name": of.Name + "-opex-sabotage"}, "spec": map[string]any{
						"targetRef": map[string]any{
							"apiVersion": "apps/v1",
							"kind":       of.TargetKind,
							"name":       of.TargetName,
						},
						"updatePolicy": map[string]any{"updateMode": "Initial"}}},
			)
		},
	},
	{
		Criterion: "SC-003",
		What:      "the recommender is dead",
		Says:      "does not run",
		do: func(ctx context.Context, s *Site) error {
			return s.patch(
				ctx, deployments, s.Outputs.Size.Namespace, s.Outputs.Size.Deployment,
				spec(map[string]any{"replicas": 0}),
			)
		},
	},
}
