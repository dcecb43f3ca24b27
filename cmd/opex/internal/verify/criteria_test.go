package verify

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/contract"
)

// verdicts is a table of what each change comes to.
type verdicts map[string]struct {
	change change
	want   Verdict
	says   string // in what was found
}

func (v verdicts) check(t *testing.T, criterion Criterion) {
	t.Helper()
	for name, c := range v {
		t.Run(name, func(t *testing.T) {
			got := run(t, []Criterion{criterion}, c.change).Services[0].Criteria[0]
			if got.Verdict != c.want || !strings.Contains(got.Actual, c.says) {
				t.Errorf("got %s: %s\nwant %s and %q", got.Verdict, got.Actual, c.want, c.says)
			}
			if (got.Next == "") != (got.Verdict == Pass || got.Verdict == NotApplicable) {
				t.Errorf("%s says as next step %q", got.Verdict, got.Next)
			}
			if len(got.Evidence) == 0 && got.Verdict == Pass {
				t.Error("passed without evidence")
			}
		})
	}
}

func TestCostLabels(t *testing.T) {
	pod := func(phase string, labels map[string]any) any {
		return map[string]any{
			"metadata": map[string]any{"name": "extra", "labels": labels},
			"status":   map[string]any{"phase": phase},
		}
	}
	labels := func(changes ...string) map[string]any {
		all := map[string]any{
			contract.LabelInstance: "task-api",
			"team":                 "product-team",
			"app":                  "task-api",
			"environment":          "staging",
			"cost-center":          "engineering",
		}
		for i := 0; i < len(changes); i += 2 {
			all[changes[i]] = changes[i+1]
		}
		return all
	}
	remove := func(path, field, key string) change {
		return func(t *testing.T, s scene) { t.Helper(); delete(s.Get(t, path, field).(map[string]any), key) }
	}
	verdicts{
		"all in order": {nil, Pass, "3 of 3 pods"},
		"a label missing on one pod of two": {
			remove(podsOf, "items.1.metadata.labels", "team"), Fail, "pod task-api-2: team is missing",
		},
		"a wrong value on one pod": {
			with(podsOf, "items.0.metadata.labels.team", "other"), Fail,
			`pod task-api-1: team is "other", want "product-team"`,
		},
		"a label missing on the database": {
			remove(podsOf, "items.2.metadata.labels", "cost-center"), Fail, "pod task-api-db-0: cost-center is missing",
		},
		"a label missing on a job of the service": {
			adding(podsOf, "items", pod("Running", map[string]any{contract.LabelInstance: "task-api"})), Fail,
			"pod extra: app is missing",
		},
		"a job in order": {
			adding(podsOf, "items", pod("Running", labels())), Pass, "4 of 4 pods",
		},
		"a key that hides one in metrics": {
			adding(podsOf, "items", pod("Running", labels("cost_center", "x"))), Fail,
			"cost-center and cost_center are one key, cost_center, in metrics",
		},
		"other keys that hide each other": {
			adding(podsOf, "items", pod("Running", labels("a.b", "x", "a-b", "y"))), Pass, "",
		},
		"a finished pod without labels": {
			adding(podsOf, "items", pod("Succeeded", map[string]any{contract.LabelInstance: "task-api"})), Pass,
			"3 of 3 pods",
		},
		"a pod of nobody without labels": {
			adding(podsOf, "items", pod("Running", map[string]any{})), Fail,
			"pod extra (of no service): app is missing",
		},
		"a pod of nobody that says who pays": {
			adding(
				podsOf, "items",
				pod("Running", map[string]any{"team": "x", "app": "x", "environment": "x", "cost-center": "x"}),
			),
			Pass,
			"3 of 3 pods",
		},
		"a label missing in the template": {
			remove(deployments, "items.0.spec.template.metadata.labels", "app"), Fail,
			"the template of deployment task-api: app is missing",
		},
		"a deployment that is gone": {
			with(deployments, "items", []any{}), Unproven, "deployment task-api not found in namespace staging",
		},
		"a database that is gone": {
			with(statefulSets, "items", []any{}), Unproven, "statefulset task-api-db not found",
		},
		"no pods at all": {
			with(podsOf, "items", []any{}), Unproven, "no pod of deployment task-api is Running",
		},
		"no pod of the database": {
			with(podsOf, "items.2.status.phase", "Pending"), Unproven, "no pod of statefulset task-api-db is Running",
		},
		"the database alone": {
			all(with(podsOf, "items.0.status.phase", "Pending"), with(podsOf, "items.1.status.phase", "Failed")),
			Unproven, "no pod of deployment task-api is Running",
		},
		"pods that may not be listed": {
			answer(podsOf, http.StatusForbidden), Unproven, "could not be listed",
		},
		"workloads that may not be listed": {
			answer(deployments, http.StatusForbidden), Unproven, "could not be listed",
		},
		"outputs without labels": {
			service(func(s *contract.Service) { s.Labels = nil }), Unproven, "the stack's outputs do not say what",
		},
		"outputs without a selector": {all(service(func(s *contract.Service) { s.Selector, s.Database = nil, nil }),
			with(podsOf, "items", []any{pod("Running", labels())})), Unproven, "no pod of"},
	}.check(t, costLabels)
}

func TestCostByTeam(t *testing.T) {
	ends := func(at any) change { // what all teams' data does
		return all(with(byTeam, "data.0.product-team.end", at), with(byTeam, "data.0.__unallocated__.end", at))
	}
	line := func(cost float64) map[string]any { return map[string]any{"totalCost": cost, "minutes": 10} }
	verdicts{
		"all in order": {
			nil, Pass, "0.042000 USD on product-team in the last hour, 100% of the service's money",
		},
		"outputs without an endpoint": {
			func(_ *testing.T, s scene) { *s.outputs.Cost = contract.CostVisibility{} }, Unproven, "OpenCost",
		},
		"OpenCost scaled to zero": {answer(byTeam, http.StatusServiceUnavailable), Unproven, "no answer"},
		"OpenCost deleted":        {answer(byTeam, nil), Unproven, "no answer"},
		"OpenCost failing": {
			answer(byTeam, http.StatusInternalServerError), Unproven, "opencost/opencost:9003/allocation",
		},
		"garbage": {
			answer(byTeam, "<html>busy</html>"), Unproven, "is not the JSON of an allocation",
		},
		"half an answer": {
			answer(byTeam, `{"code":200,"data":[{"product-team":{"totalCost":1,`), Unproven,
			"is not the JSON of an allocation",
		},
		"an error in the answer": {
			answer(byTeam, `{"code":500,"message":"no data"}`), Unproven, "code 500: no data",
		},
		"no data": {with(byTeam, "data", []any{}), Unproven, "knows no allocation at all"},
		"an empty set": {
			with(byTeam, "data", []any{map[string]any{}}), Unproven, "knows no allocation at all",
		},
		"null for the team": {
			answer(byTeam, `{"code":200,"data":[{"product-team":null}]}`), Unproven, "is null",
		},
		"another team only": {
			with(byTeam, "data", []any{map[string]any{"blue": line(1)}}), Fail,
			"team product-team has no cost in the last hour; known are blue",
		},
		"only unallocated money": {
			with(byTeam, "data", []any{map[string]any{"__unallocated__": line(1)}}), Fail, "known are __unallocated__",
		},
		"no cost":    {with(byTeam, "data.0.product-team.totalCost", 0), Fail, "has no cost"},
		"no minutes": {with(byTeam, "data.0.product-team.minutes", 0), Fail, "has no cost"},
		"a negative cost": {
			with(byTeam, "data.0.product-team.totalCost", -1), Unproven, "which cannot be",
		},
		"data frozen for a quarter": {ends("2026-11-22T11:44:00Z"), Fail, "newest data is 16 min old"},
		"data of five minutes ago":  {ends("2026-11-22T11:55:00Z"), Pass, ""},
		"data of the future": {
			ends("2027-11-22T11:55:00Z"), Unproven, "2027-11-22T11:55:00Z, which cannot be",
		},
		"data without a date":             {ends(nil), Unproven, "which cannot be"},
		"pods gone within the hour":       {with(byTeam, "data.0.product-team.end", "2026-11-22T11:30:00Z"), Pass, ""},
		"a rounding of the newest minute": {ends("2026-11-22T12:01:00Z"), Pass, ""},
		"a tenth of the money on nobody": {
			with(byController, "data.0.staging/deployment:task-api/__unallocated__", line(0.005)), Fail,
			"only 89.4% of the service's money",
		},
		"a moment without a label": {
			with(byController, "data.0.staging/deployment:task-api/__unallocated__", line(0.0002)), Pass, "",
		},
		"money without an owner": {
			with(byController, "data.0.staging/replicaset:stray/__unallocated__", line(0.04)), Fail,
			"of the money of namespace staging has no owner: replicaset:stray",
		},
		"another namespace's": {
			with(byController, "data.0.other/replicaset:stray/__unallocated__", line(0.04)), Pass, "",
		},
		"another team pays for the pods": {
			with(byController, "data.0.staging/deployment:task-api/blue", line(0.04)), Fail, "only 51.2%",
		},
		"no money of the database": {
			with(byController, "data.0.staging/statefulset:task-api-db/product-team", nil), Unproven,
			"no cost for statefulset:task-api-db",
		},
		"outputs without a team": {
			service(func(s *contract.Service) { s.Labels = nil }), Unproven, "do not say which team pays",
		},
		"another service's money": {
			with(byController, "data.0.staging/deployment:other/others", line(5)), Pass, "",
		},
		"the same name elsewhere": {
			with(byController, "data.0.prod/deployment:task-api/__unallocated__", line(5)), Pass, "",
		},
		"no line of the service": {
			with(
				byController, "data", []any{map[string]any{"kube-system/deployment:coredns/__unallocated__": line(1)}},
			),
			Fail,
			"OpenCost has no cost for deployment:task-api",
		},
		"a second answer that is garbage": {answer(byController, "busy"), Unproven, "is not the JSON"},
	}.check(t, costByTeam)
}

func TestCostVisibilityThatIsOffIsUnproven(t *testing.T) {
	o := outputs()
	o.Cost, o.Size = nil, nil
	report := Run(t.Context(), &World{Outputs: o, Now: noon}, []Criterion{costByTeam, sizeAdvice}, o.Names())
	for _, c := range report.Services[0].Criteria {
		if c.Verdict != Unproven || !strings.Contains(c.Actual, "is off in this stack") ||
			!strings.Contains(c.Next, "opex:") {
			t.Errorf("%s is %s: %s; next %s", c.ID, c.Verdict, c.Actual, c.Next)
		}
	}
}

func TestSizeAdvice(t *testing.T) {
	const recommendations = "items.0.status.recommendation.containerRecommendations"
	rival := func(mode string) any {
		return map[string]any{
			"metadata": map[string]any{"name": "rival", "namespace": "staging"},
			"spec": map[string]any{
				"targetRef": map[string]any{
					"apiVersion": "apps/v1",
					"kind":       "Deployment",
					"name":       "task-api",
				}, "updatePolicy": map[string]any{"updateMode": mode}},
		}
	}
	sidecar := map[string]any{
		"metadata": map[string]any{"name": "task-api-proxy"},
		"spec":     map[string]any{"vpaObjectName": "task-api", "containerName": "proxy"},
		"status":   map[string]any{"lastUpdateTime": "2026-11-20T11:00:00Z"},
	}
	// containers of the API's pods, and whose history there is beside the first's
	both := func(cpu, history string) change {
		small := map[string]any{"cpu": cpu, "memory": "6Mi"}
		return all(
			service(
				func(s *contract.Service) { s.VerticalPodAutoscalers[0].Containers = []string{"task-api", "proxy"} },
			),
			adding(autoscalers, recommendations, map[string]any{"containerName": "proxy",
				"target": map[string]any{"cpu": "100m", "memory": "128Mi"}, "uncappedTarget": small}),
			adding(
				checkpoints,
				"items",
				map[string]any{"spec": map[string]any{"vpaObjectName": "task-api", "containerName": history},
					"status": map[string]any{
						"lastUpdateTime":  "2026-11-22T11:59:30Z",
						"lastSampleStart": "2026-11-22T11:59:00Z",
					}},
			),
		)
	}
	old := with(autoscalers, "items.0.metadata.creationTimestamp", "2026-11-20T11:00:00Z")
	verdicts{
		"all in order": {nil, Pass, "task-api 100m/128Mi; postgres 100m/128Mi"},
		"mode Recreate": {
			with(autoscalers, "items.0.spec.updatePolicy.updateMode", "Recreate"), Fail,
			"staging/task-api has mode Recreate",
		},
		"mode Initial on the database": {
			with(autoscalers, "items.1.spec.updatePolicy.updateMode", "Initial"), Fail,
			"staging/task-api-db has mode Initial",
		},
		"no mode, which is the default": {
			with(autoscalers, "items.0.spec.updatePolicy", nil), Fail, "has mode Recreate",
		},
		"an object that is gone": {
			with(autoscalers, "items", []any{}), Fail, "VerticalPodAutoscaler staging/task-api does not exist",
		},
		"another target": {
			with(autoscalers, "items.0.spec.targetRef.name", "other"), Fail,
			"looks at Deployment/other, not at Deployment/task-api",
		},
		"a target that is gone": {
			with(deployments, "items", []any{}), Fail, "the target Deployment/task-api does not exist",
		},
		"a database that is gone": {
			with(statefulSets, "items", []any{}), Fail, "the target StatefulSet/task-api-db does not exist",
		},
		"a second one that changes pods": {
			adding(autoscalers, "items", rival("Recreate")), Fail,
			"a second VerticalPodAutoscaler, rival, has mode Recreate",
		},
		"a second one that advises": {adding(autoscalers, "items", rival("Off")), Pass, ""},
		"the kind is not installed": {
			answer(autoscalers, nil), Unproven, "this cluster has no VerticalPodAutoscalers",
		},
		"no right to list": {
			answer(autoscalers, http.StatusForbidden), Unproven, "verticalpodautoscalers in namespace staging",
		},
		"no recommendation yet": {
			with(autoscalers, "items.0.status", map[string]any{}), Unproven,
			"no recommendation yet, 60 min after it was made",
		},
		"no recommendation after a day": {
			all(old, with(autoscalers, "items.0.status", map[string]any{})), Fail, "no recommendation after 49.0 h",
		},
		"a container without one": {
			with(autoscalers, recommendations, []any{}), Unproven, "no recommendation for container task-api yet",
		},
		"another container's": {
			with(autoscalers, recommendations+".0.containerName", "sidecar"), Unproven,
			"no recommendation for container task-api yet",
		},
		"a first recommendation after days": {old, Fail, "took 48.0 h to its recommendation"},
		"cpu at the floor": {
			with(autoscalers, recommendations+".0.uncappedTarget.cpu", "10m"), Unproven,
			"cpu is at the recommender's floor",
		},
		"memory at the floor": {
			with(autoscalers, recommendations+".0.uncappedTarget.memory", "10485760"), Unproven,
			"memory is at the recommender's floor",
		},
		"just above the floor": {
			with(autoscalers, recommendations+".0.uncappedTarget", map[string]any{"cpu": "11m", "memory": "11500k"}),
			Pass, "",
		},
		"no uncapped target": {with(autoscalers, recommendations+".0.uncappedTarget", nil), Pass, ""},
		"outputs without a floor": {
			func(_ *testing.T, s scene) { s.outputs.Size.FloorCPU = "" }, Unproven, "the recommender's floor of cpu is",
		},
		"a recommender scaled to zero": {
			with(recommender, "status.readyReplicas", 0), Unproven, "the recommender does not run",
		},
		"a recommender that is gone": {answer(recommender, nil), Unproven, "is not there"},
		"a history that stopped": {
			with(checkpoints, "items.0.status.lastUpdateTime", "2026-11-22T11:30:00Z"), Unproven,
			"last wrote its history of container task-api: 30 min ago",
		},
		"a history that was never written": {
			with(checkpoints, "items.0.status.lastUpdateTime", nil), Unproven, "container task-api: never",
		},
		"no samples any more": {
			with(checkpoints, "items.1.status.lastSampleStart", "2026-11-22T11:30:00Z"), Unproven,
			"newest sample of container postgres: 30 min ago",
		},
		"an old history of a gone sidecar": {adding(checkpoints, "items", sidecar), Pass, ""},
		"no history that could be read":    {answer(checkpoints, http.StatusForbidden), Unproven, "could not be seen"},
		"no checkpoints at all":            {with(checkpoints, "items", []any{}), Unproven, "keeps no history"},
		"a recommendation withdrawn": {
			with(autoscalers, "items.0.status.conditions.0.status", "False"), Unproven, "no recommendation yet",
		},
		"a recommendation without a date": {
			with(autoscalers, "items.0.status.conditions.0.lastTransitionTime", nil), Unproven, "no recommendation yet",
		},
		"half the floor for each of two": {both("7m", "proxy"), Pass, "proxy 100m/128Mi"},
		"at half the floor": {
			both("5m", "proxy"), Unproven, "container proxy: cpu is at the recommender's floor",
		},
		"beside an injected sidecar": {
			all(
				with(autoscalers, recommendations+".0.uncappedTarget.cpu", "6m"),
				adding(
					autoscalers,
					recommendations,
					map[string]any{
						"containerName":  "istio-proxy",
						"uncappedTarget": map[string]any{"cpu": "50m", "memory": "64Mi"},
					},
				),
			),
			Pass,
			"",
		},
		"at the floor beside a sidecar": {
			all(
				with(autoscalers, recommendations+".0.uncappedTarget.cpu", "5m"),
				adding(
					autoscalers,
					recommendations,
					map[string]any{
						"containerName":  "istio-proxy",
						"uncappedTarget": map[string]any{"cpu": "50m", "memory": "64Mi"},
					},
				),
			),
			Unproven,
			"cpu is at the recommender's floor",
		},
		"tiny for a day": {
			all(
				with(autoscalers, recommendations+".0.uncappedTarget.cpu", "10m"),
				with(checkpoints, "items.0.status.firstSampleStart", "2026-11-21T11:58:00Z"),
				with(checkpoints, "items.0.status.totalSamplesCount", 5000),
			),
			Pass,
			"",
		},
		"tiny for half a day": {
			all(
				with(autoscalers, recommendations+".0.uncappedTarget.cpu", "10m"),
				with(checkpoints, "items.0.status.firstSampleStart", "2026-11-21T23:58:00Z"),
				with(checkpoints, "items.0.status.totalSamplesCount", 5000),
			),
			Unproven,
			"cpu is at the recommender's floor",
		},
		"another container's history": {both("7m", "other"), Unproven, "keeps no history of container proxy"},
		"outputs without containers": {
			service(func(s *contract.Service) { s.VerticalPodAutoscalers[0].Containers = nil }), Unproven,
			"name no container of staging/task-api",
		},
		"outputs without advice": {
			service(func(s *contract.Service) { s.VerticalPodAutoscalers = nil }), Unproven, "size advice is off",
		},
	}.check(t, sizeAdvice)
}

func TestMissingMetricsAreNamedAsTheCause(t *testing.T) {
	report := run(
		t, []Criterion{sizeAdvice}, all(with(autoscalers, "items.0.status", map[string]any{}), answer(metrics, nil)),
	)
	if got := report.Services[0].Criteria[0]; !strings.Contains(got.Next, "serves no metrics.k8s.io") {
		t.Errorf("next step is %q", got.Next)
	}
}

func TestHorizontalScalingOnTheSameTargetIsShown(t *testing.T) {
	scaler := map[string]any{
		"metadata": map[string]any{"name": "spread", "namespace": "staging"},
		"spec": map[string]any{
			"maxReplicas": 5, "scaleTargetRef": map[string]any{"kind": "Deployment", "name": "task-api"},
			"metrics": []any{
				map[string]any{
					"type":     "Resource",
					"resource": map[string]any{"name": "cpu", "target": map[string]any{"type": "Utilization"}},
				},
			}},
	}
	got := run(t, []Criterion{sizeAdvice}, adding(horizontal, "items", scaler)).Services[0].Criteria[0]
	for _, fact := range got.Evidence {
		if strings.Contains(fact.What, "spread") && strings.Contains(fact.Value, "cpu") && got.Verdict == Pass {
			return
		}
	}
	t.Errorf("%s, and nothing says that cpu is scaled on: %v", got.Verdict, got.Evidence)
}
