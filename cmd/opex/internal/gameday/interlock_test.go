package gameday

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/refusal"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

const (
	chaos      = "/apis/chaos-mesh.org/v1alpha1/namespaces/staging/"
	scheduleAt = chaos + "schedules/shop"
	podChaos   = chaos + "podchaos"
	admission  = "/apis/admissionregistration.k8s.io/v1/"
	policyAt   = admission + "validatingadmissionpolicies/opex-chaos"
	bindingAt  = admission + "validatingadmissionpolicybindings/opex-chaos"
	namespace  = "/api/v1/namespaces/staging"
	controller = "/apis/apps/v1/namespaces/chaos-mesh/deployments/chaos-controller-manager"
	shopAt     = "/apis/apps/v1/namespaces/staging/deployments/shop"
	budgets    = "/apis/policy/v1/namespaces/staging/poddisruptionbudgets"
)

func shop() stack.Outputs {
	return stack.Outputs{Environment: "staging", Cluster: contract.Cluster{UID: "here"},
		Cost: &contract.CostVisibility{
			Prometheus: contract.Endpoint{Namespace: "prometheus", Service: "prometheus", Port: 80},
		},
		Chaos: &contract.ChaosLab{
			Namespace:  "chaos-mesh",
			Deployment: "chaos-controller-manager",
			Targets:    []string{"staging"},
			Policy:     "opex-chaos",
		},
		Services: map[string]contract.Service{"shop": {
			Namespace: "staging", Deployment: "shop", Container: "shop", Replicas: 3, URL: "http://shop.staging.svc.cluster.local:8000",
			Selector: map[string]string{"app": "shop"},
			Chaos: &contract.ChaosPlan{
				Schedule:   "shop",
				Kind:       "PodChaos",
				Action:     "pod-kill",
				Recovery:   "30s",
				P95:        "500ms",
				Limit:      "5m",
				GameDayAge: "168h",
				Load:       contract.Load{Rate: 200, Reads: []string{"/"}},
			},
		}}}
}

func experiments(items ...any) map[string]any {
	return map[string]any{"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "List", "items": append([]any{}, items...)}
}

// orderly is a cluster in which a Game Day may begin.
func orderly() kubetest.World {
	experiment := map[string]any{
		"apiVersion": "chaos-mesh.org/v1alpha1",
		"kind":       "PodChaos",
		"metadata":   map[string]any{"name": "x"},
	}
	return kubetest.World{
		scheduleAt: map[string]any{"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "Schedule",
			"metadata": map[string]any{
				"name":        "shop",
				"annotations": map[string]any{"experiment.chaos-mesh.org/pause": "true"},
			},
			"spec": map[string]any{"type": "PodChaos", "podChaos": map[string]any{"action": "pod-kill", "mode": "one",
				"selector": map[string]any{
					"namespaces":     []any{"staging"},
					"labelSelectors": map[string]any{"app": "shop"},
				}}}},
		podChaos: func(r *http.Request) any {
			if r.Method == http.MethodPost {
				return experiment
			}
			return experiments()
		},
		chaos + "networkchaos": experiments(), chaos + "stresschaos": experiments(),
		policyAt: map[string]any{"metadata": map[string]any{"name": "opex-chaos"}},
		bindingAt: map[string]any{
			"metadata": map[string]any{"name": "opex-chaos"},
			"spec":     map[string]any{"policyName": "opex-chaos", "validationActions": []any{"Deny"}},
		},
		namespace: map[string]any{
			"metadata": map[string]any{
				"name":        "staging",
				"annotations": map[string]any{"chaos-mesh.org/inject": "enabled"},
			},
		},
		controller: map[string]any{"status": map[string]any{"availableReplicas": 1}},
		shopAt: map[string]any{
			"metadata": map[string]any{"name": "shop", "generation": 2},
			"spec":     map[string]any{"replicas": 3},
			"status": map[string]any{
				"observedGeneration": 2,
				"replicas":           3,
				"readyReplicas":      3,
				"updatedReplicas":    3,
			},
		},
		budgets: map[string]any{
			"items": []any{
				map[string]any{
					"metadata": map[string]any{"name": "shop"},
					"spec": map[string]any{"selector": map[string]any{
						"matchLabels": map[string]any{"app": "shop"}}},
					"status": map[string]any{"disruptionsAllowed": 1},
				},
			},
		},
	}
}

func TestAGameDayBeginsOnlyWhereAllIsInOrder(t *testing.T) {
	set := func(path, field string, value any) func(*testing.T, kubetest.World) {
		return func(t *testing.T, w kubetest.World) { t.Helper(); w.Set(t, path, field, value) }
	}
	answer := func(path string, value any) func(*testing.T, kubetest.World) {
		return func(_ *testing.T, w kubetest.World) { w[path] = value }
	}
	refusing := func(r *http.Request) any {
		if r.Method == http.MethodPost {
			return http.StatusForbidden
		}
		return experiments()
	}
	failed := func(share string) func(*testing.T, kubetest.World) {
		return answer(
			"/api/v1/namespaces/prometheus/services/http:prometheus:80/proxy/api/v1/query",
			map[string]any{"status": "success",
				"data": map[string]any{"result": []any{map[string]any{"value": []any{0, share}}}}},
		)
	}
	budget := func(s *contract.Service) {
		s.Chaos.ErrorBudget = &contract.ErrorBudget{Query: "failed", Availability: 0.999}
	}
	data := func(s *contract.Service) { s.Database = &contract.Database{} }
	for name, c := range map[string]struct {
		change  func(*testing.T, kubetest.World)
		service func(*contract.Service)
		says    string // empty: it may begin
	}{
		"all in order":                 {nil, nil, ""},
		"another experiment runs":      {answer(podChaos, experiments(map[string]any{"kind": "PodChaos", "apiVersion": "chaos-mesh.org/v1alpha1", "metadata": map[string]any{"name": "other"}})), nil, "nothing else is broken: PodChaos staging/other is there"},
		"a network is broken":          {answer(chaos+"networkchaos", experiments(map[string]any{"kind": "NetworkChaos", "apiVersion": "chaos-mesh.org/v1alpha1", "metadata": map[string]any{"name": "other"}})), nil, "NetworkChaos staging/other is there"},
		"nothing is declared":          {answer(scheduleAt, nil), nil, "experiment: Schedule shop in namespace staging"},
		"the Schedule may fire":        {set(scheduleAt, "metadata.annotations", nil), nil, "it is not paused, and may fire by itself: either"},
		"its pause was taken away":     {set(scheduleAt, "metadata.annotations", nil), nil, "or the pause was taken away by hand. `pulumi refresh` and `pulumi up` put right what was changed by hand"},
		"the stack lets it fire":       {set(scheduleAt, "metadata.annotations", nil), nil, "chaos.schedule, at whose times it does (to hold a Game Day, unset that and `pulumi up`)"},
		"it aims at all pods":          {set(scheduleAt, "spec.podChaos.mode", "all"), nil, "its mode is all, want one"},
		"it aims elsewhere":            {set(scheduleAt, "spec.podChaos.selector.labelSelectors", map[string]any{"app": "bank"}), nil, "it selects map[app:bank] in [staging], the service's pods are map[app:shop] in staging. `pulumi refresh` and `pulumi up` put right"},
		"it aims at another space":     {set(scheduleAt, "spec.podChaos.selector.namespaces", []any{"staging", "prod"}), nil, "in [staging prod]"},
		"it does something else":       {set(scheduleAt, "spec.podChaos.action", "pod-failure"), nil, "it is PodChaos pod-failure, the stack says PodChaos pod-kill"},
		"the policy is gone":           {answer(policyAt, nil), nil, "admission policy:"},
		"the policy only warns":        {set(bindingAt, "spec.validationActions", []any{"Warn"}), nil, "does not deny"},
		"the namespace is closed":      {set(namespace, "metadata.annotations", nil), nil, "has no annotation chaos-mesh.org/inject"},
		"Chaos Mesh is down":           {set(controller, "status.availableReplicas", 0), nil, "has no pod that is ready"},
		"Chaos Mesh is not there":      {answer(controller, nil), nil, "Chaos Mesh:"},
		"Chaos Mesh would not take it": {answer(podChaos, refusing), nil, "it would not take the experiment"},
		"a pod is not ready":           {set(shopAt, "status.readyReplicas", 2), nil, "of 3 pods 2 are ready"},
		"a rollout goes on":            {set(shopAt, "status.updatedReplicas", 1), nil, "1 up to date"},
		"it was scaled by hand":        {set(shopAt, "spec.replicas", 2), nil, "deployment shop wants 2, the stack says 3"},
		"no room for a disruption":     {set(budgets, "items.0.status.disruptionsAllowed", 0), nil, "shop allows none now"},
		"no disruption budget":         {set(budgets, "items", []any{}), nil, "the service's pods have none"},
		"some requests failed":         {failed("0.0009"), budget, ""},
		"too many requests failed":     {failed("0.0011"), budget, "error budget: it is spent: 0.11% of the requests failed, 0.1% may"},
		"nobody knows what failed":     {failed("NaN"), budget, "error budget: Prometheus: the series map[] has the value NaN"},
		"no Prometheus":                {nil, budget, "error budget: "},
		"no backup of its data":        {nil, data, "SC-006 is UNPROVEN"},
		"data that nobody backs up":    {nil, func(s *contract.Service) { data(s); s.NoBackup = "a cache" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, outputs := orderly(), shop()
			if c.change != nil {
				c.change(t, w)
			}
			if c.service != nil {
				service := outputs.Services["shop"]
				c.service(&service)
				outputs.Services["shop"] = service
			}
			cluster, _ := w.Serve(t)
			cluster.UID = outputs.Cluster.UID
			site, err := Open(cluster, outputs, "shop", io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			good, err := site.May(t.Context())
			if c.says == "" {
				if err != nil || len(good) != 10 {
					t.Errorf("%d checks are good, error %v", len(good), err)
				}
				return
			}
			if !errors.As(err, &refusal.Refused{}) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	cluster, _ := kubetest.World{}.Serve(t)
	site, err := Open(cluster, shop(), "shop", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, err = site.May(t.Context())
	refused := refusal.Refused{}
	if !errors.As(err, &refused) || len(refused.Problems) != 7 { // all but the cluster, the budget and the data
		t.Errorf("%d problems: %v", len(refused.Problems), err)
	}
}

func TestServicesThatHaveNoGameDay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*stack.Outputs, *contract.Service)
		says   string
	}{
		"production":                           {func(o *stack.Outputs, _ *contract.Service) { o.Environment = Production }, "is production, where nothing is broken on purpose"},
		"production, whatever the outputs say": {func(o *stack.Outputs, s *contract.Service) { o.Environment, s.NoChaos = Production, "" }, "production"},
		"chaos off":                            {func(o *stack.Outputs, _ *contract.Service) { o.Chaos = nil }, "chaos is off in this stack"},
		"waived":                               {func(_ *stack.Outputs, s *contract.Service) { s.Chaos, s.NoChaos = nil, "one replica" }, "never tried: one replica"},
		"outputs of before":                    {func(_ *stack.Outputs, s *contract.Service) { s.Chaos = nil }, "`pulumi up` declares one"},
		"another experiment": {func(_ *stack.Outputs, s *contract.Service) {
			s.Chaos.Kind, s.Chaos.Action = "NetworkChaos", "partition"
		}, "a Game Day measures PodChaos pod-kill"},
		"an odd duration": {func(_ *stack.Outputs, s *contract.Service) { s.Chaos.Limit = "long" }, `invalid duration "long"`},
		"no address":      {func(_ *stack.Outputs, s *contract.Service) { s.URL = "" }, `url "" names no service`},
	} {
		t.Run(name, func(t *testing.T) {
			outputs := shop()
			service := outputs.Services["shop"]
			c.change(&outputs, &service)
			outputs.Services["shop"] = service
			if _, err := Open(&kube.Cluster{}, outputs, "shop", io.Discard); err == nil ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
