package rightsize

import (
	"math"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

func TestWarningsNameWhatToKnowAndLeaveTheAdviceWhole(t *testing.T) {
	rename := all(with(deployment, containers+".0.name", "api"), with(autoscalers, advice+".0.containerName", "api"))
	const mode = "items.0.spec.updatePolicy"
	cases := map[string]struct {
		change change
		want   string
	}{
		"a mode that changes pods":    {with(autoscalers, mode+".updateMode", "Initial"), "update mode Initial"},
		"no mode, which is the API's": {with(autoscalers, mode, nil), "update mode Recreate"},
		"two on one target":           {rival, "rival looks at Deployment/task-api as well"},
		"a container without a policy": {
			with(autoscalers, policies, list()), "container task-api of Deployment/task-api has no policy",
		},
		"old history": {
			with(checkpoints, "items.0.status.lastUpdateTime", "2026-11-11T22:00:00Z"), "last written 2h ago",
		},
		"short history": {unchanged, "container postgres has 11h of history, less than a day"},
		"no history": {
			with(checkpoints, "items", list()), "container task-api has no checkpoint of its history",
		},
		"checkpoints that are forbidden": {answer(checkpoints, 403), "How much history there is, is not known"},
		"a dead recommender": {
			with(recommender, "status.readyReplicas", 0), "recommendations grow old: the recommender",
		},
		"no recommender":               {answer(recommender, nil), "is gone"},
		"a recommender that is hidden": {answer(recommender, 403), "could not be read"},
		"no metrics API":               {answer(metrics, nil), "the metrics API (metrics.k8s.io/v1beta1) is missing"},
		"a metrics API that is down": {
			answer(metrics, 503), "the metrics API (metrics.k8s.io/v1beta1) does not answer",
		},
		"a container that was renamed": {rename, "have no container task-api, which the stack declares"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.change(t, w)
			report := advise(t, w, newOutputs())
			if report.Unread() || len(report.Services[0].Rows) != 4 {
				t.Errorf("problems are %q", report.Services[0].Problems)
			}
			if !strings.Contains(strings.Join(report.Services[0].Warnings, "\n"), c.want) {
				t.Errorf("warnings are %q", report.Services[0].Warnings)
			}
		})
	}
}

func TestWhatCannotBeReadIsNamedAndTheRestIsShown(t *testing.T) {
	noAdvice := with(autoscalers, "items.0.status", nil)
	noPods := with(autoscalers, "items.0.status", object("conditions", list(
		object("type", "RecommendationProvided", "status", "False"),
		object("type", "NoPodsMatched", "status", "True", "message", "No pods match this VPA object"))))
	sidecar := add(deployment, containers, object("name", "sidecar"))
	cases := map[string]struct {
		change change
		want   string
		rows   int
	}{
		"the object is gone": {
			with(autoscalers, "items.0.metadata.name", "other"), "VerticalPodAutoscaler staging/task-api is gone", 2,
		},
		"another target": {
			with(autoscalers, "items.0.spec.targetRef.name", "other"), "looks at Deployment/other", 2,
		},
		"the target is gone": {answer(deployment, nil), "its target Deployment/task-api is gone", 2},
		"the target is forbidden": {
			answer(statefulSet, 403), "its target StatefulSet/task-api-db: answered with 403", 2,
		},
		"objects are forbidden": {
			answer(autoscalers, 403), "verticalpodautoscalers in namespace staging: answered with 403", 0,
		},
		"half an answer": {
			answer(autoscalers, `{"items": [{"meta`), "verticalpodautoscalers in namespace staging", 0,
		},
		"scalers are forbidden": {answer(horizontal, 403), "Whether one skews the recommendations is not known", 4},
		"no recommendation yet": {
			noAdvice, "no recommendation, 11d after it was made. The first comes about two minutes", 4,
		},
		"no pods":                 {noPods, "no recommendation (No pods match this VPA object)", 4},
		"neither nor recommender": {all(noAdvice, answer(recommender, nil)), "The cause: the recommender", 4},
		"neither nor metrics":     {all(noAdvice, answer(metrics, nil)), "The cause: the metrics API", 4},
		"none for a container": {
			sidecar, "container sidecar of Deployment/task-api has no recommendation, while others have", 6,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.change(t, w)
			report := advise(t, w, newOutputs())
			s := report.Services[0]
			if !report.Unread() || !strings.Contains(strings.Join(s.Problems, "\n"), c.want) || len(s.Rows) != c.rows {
				t.Errorf("problems are %q, rows %d; want %q and %d", s.Problems, len(s.Rows), c.want, c.rows)
			}
		})
	}
}

func TestAServiceThatNobodyLooksAtIsNamed(t *testing.T) {
	declare := func(autoscalers ...contract.VerticalPodAutoscaler) stack.Outputs {
		outputs := newOutputs()
		service := outputs.Services["task-api"]
		service.VerticalPodAutoscalers = autoscalers
		outputs.Services["task-api"] = service
		return outputs
	}
	w := newWorld(t)
	w.Set(t, autoscalers, "items.0.spec.targetRef.kind", "DaemonSet")
	cases := map[string]stack.Outputs{
		"opex:size.enabled": declare(),
		"is a DaemonSet; Deployments and StatefulSets are read": declare(contract.VerticalPodAutoscaler{
			Name: "task-api", TargetKind: "DaemonSet", TargetName: "task-api"}),
	}
	for want, outputs := range cases {
		report := advise(t, w, outputs)
		if !report.Unread() || !strings.Contains(strings.Join(report.Services[0].Problems, "\n"), want) {
			t.Errorf("problems are %q, want %q among them", report.Services[0].Problems, want)
		}
	}
}

func TestAdviseRefusesAStackWithoutAdvice(t *testing.T) {
	same := func(*stack.Outputs) {}
	cases := map[string]struct {
		change    change
		outputs   func(o *stack.Outputs)
		threshold float64
		want      string
	}{
		"size is off": {unchanged, func(o *stack.Outputs) { o.Size = nil }, 10, "opex:size.enabled"},
		"a floor of no amount": {
			unchanged, func(o *stack.Outputs) { o.Size.FloorCPU = "" }, 10, `floor of cpu is "", which is no quantity`,
		},
		"the kind is missing":  {answer(autoscalers, nil), same, 10, "CustomResourceDefinition is missing"},
		"a threshold below 0":  {unchanged, same, -1, "threshold: is -1"},
		"a threshold of NaN":   {unchanged, same, math.NaN(), "threshold: is NaN"},
		"an endless threshold": {unchanged, same, math.Inf(1), "threshold: is +Inf"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, outputs := newWorld(t), newOutputs()
			c.change(t, w)
			c.outputs(&outputs)
			cluster, _ := w.Serve(t)
			_, err := Advise(t.Context(), cluster, outputs, outputs.Names(), Options{Threshold: c.threshold, Now: now})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}
