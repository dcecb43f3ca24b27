package verify

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

func TestAnEmptyWorldPassesNothing(t *testing.T) {
	nothing := outputs()
	nothing.Services = map[string]contract.Service{"task-api": {}}
	off := outputs()
	off.Cost, off.Size = nil, nil
	lists := kubetest.World{}
	for path := range kubetest.Load(t, "testdata/cluster.yaml") {
		lists[path] = map[string]any{"kind": "List", "apiVersion": "v1", "code": 200, "items": []any{}, "data": []any{}}
	}
	for name, c := range map[string]struct {
		world   kubetest.World
		outputs stack.Outputs
	}{
		"nothing is found":              {kubetest.World{}, outputs()},
		"every list is empty":           {lists, outputs()},
		"a service without any outputs": {kubetest.Load(t, "testdata/cluster.yaml"), nothing},
		"nothing is found, all off":     {kubetest.World{}, off},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, _ := c.world.Serve(t)
			report := Run(
				t.Context(), &World{Outputs: c.outputs, Cluster: cluster, Now: noon}, Criteria, c.outputs.Names(),
			)
			for _, got := range report.Services[0].Criteria {
				if got.Verdict == Pass || got.Verdict == NotApplicable || got.Next == "" {
					t.Errorf("%s is %s: %s; next %q", got.ID, got.Verdict, got.Actual, got.Next)
				}
			}
		})
	}
}

// Each of these breaks one criterion and no other.
func TestEveryCriterionCanBeSeenRedAlone(t *testing.T) {
	red := map[string]map[string]change{
		"SC-001": {
			"a label taken from one pod": with(podsOf, "items.1.metadata.labels.team", nil),
			"a label taken from the template": with(
				deployments, "items.0.spec.template.metadata.labels.cost-center", nil,
			),
		},
		"SC-002": {
			"OpenCost scaled to zero":      answer(byTeam, http.StatusServiceUnavailable),
			"OpenCost scaled to zero soon": answer(byController, http.StatusServiceUnavailable),
			"the label lost on the way": with(byController, "data.0.staging/deployment:task-api/__unallocated__",
				map[string]any{"totalCost": 0.03, "minutes": 59}),
		},
		"SC-003": {
			"the mode switched by hand": with(autoscalers, "items.0.spec.updatePolicy.updateMode", "Recreate"),
			"the recommender dead":      with(recommender, "status.readyReplicas", nil),
		},
		"SC-004": {
			"the Schedule paused by hand": scheduled("spec.paused", true),
			"Velero dead":                 with(veleroServer, "status.readyReplicas", nil),
			"the bucket out of reach":     with(location, "status.phase", "Unavailable"),
		},
		"SC-005": {
			"a TTL changed by hand": scheduled("spec.template.ttl", "24h0m0s"),
			"a backup kept shorter": with(backups, "items.1.status.expiration", "2026-11-29T02:00:05Z"),
		},
		"SC-006": {
			"no hook ran": with(backups, "items.1.status.hookStatus", nil),
			"the dump volume is bad": answer(
				inDatabase, map[string]any{"exit": 1, "stderr": "sha256sum: input/output error"},
			),
		},
		"SC-007": {
			"never tried":        with(records, "items", []any{}),
			"an answer too late": drilled(func(r *evidence.Record) { late(r, 31*time.Minute) }),
		},
		"SC-008": {
			"a recovery too slow": gameDay(func(r *evidence.GameDay) {
				r.Recovery, r.Timeline[2].At, r.Load.EndedAt, r.Verdict = 31, 31, r.KilledAt.Add(
					45*time.Second,
				), evidence.Failed
			}),
			"a victim that stays": gameDay(func(r *evidence.GameDay) { r.Timeline[1].Name = "else" }),
		},
		"SC-009": {
			"a 500": gameDay(func(r *evidence.GameDay) { r.During.ServerErrors, r.Verdict = 1, evidence.Failed }),
			"a lost write": gameDay(
				func(r *evidence.GameDay) { r.Writes.Lost, r.Writes.Found = []string{"/tasks/7"}, 1399 },
			),
		},
		"SC-010": {
			"slow answers":         gameDay(func(r *evidence.GameDay) { r.During.P95, r.Verdict = 2, evidence.Failed }),
			"too few to be judged": gameDay(func(r *evidence.GameDay) { r.During.Requests = 12 }),
		},
	}
	for _, criterion := range Criteria {
		if len(red[criterion.ID]) == 0 {
			t.Errorf("nothing shows %s red", criterion.ID)
		}
		for name, c := range red[criterion.ID] {
			t.Run(criterion.ID+" "+name, func(t *testing.T) {
				for _, got := range run(t, Criteria, c).Services[0].Criteria {
					if (got.Verdict == Pass) != (got.ID != criterion.ID) {
						t.Errorf("%s is %s: %s", got.ID, got.Verdict, got.Actual)
					}
				}
			})
		}
	}
}

func TestACheckThatBreaksIsUnprovenAndTheOthersGoOn(t *testing.T) {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	check := func(id string, run func(context.Context) Result) Criterion {
		return Criterion{
			ID:    id,
			Check: func(ctx context.Context, _ *World, _ string, _ contract.Service) Result { return run(ctx) },
		}
	}
	criteria := []Criterion{
		check("panics", func(context.Context) Result { panic("no such\nthing") }),
		check("says nothing", func(context.Context) Result { return Result{Actual: "all is well"} }),
		check("makes a verdict up", func(context.Context) Result { return Result{Verdict: "GREEN"} }),
		check(
			"waits its time out",
			func(ctx context.Context) Result { <-ctx.Done(); return unproven("waited for pods", "wait") },
		),
		check("never ends", func(context.Context) Result { <-forever; return pass("too late") }),
		check("is in order", func(context.Context) Result { return pass("fine") }),
	}
	want := []struct {
		verdict Verdict
		says    string
	}{
		{Unproven, "the check itself broke: no such thing"},
		{Unproven, `the check came to no verdict ("")`},
		{Unproven, `the check came to no verdict ("GREEN")`},
		{Unproven, "waited for pods"},
		{Unproven, "the check did not end in its time"},
		{Pass, "fine"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	report := Run(ctx, &World{Outputs: outputs(), Now: noon}, criteria, []string{"task-api"})
	for i, got := range report.Services[0].Criteria {
		if got.ID != criteria[i].ID || got.Verdict != want[i].verdict || !strings.Contains(got.Actual, want[i].says) ||
			got.Evidence == nil {
			t.Errorf(
				"%s is %s: %s; want %s and %q", criteria[i].ID, got.Verdict, got.Actual, want[i].verdict, want[i].says,
			)
		}
	}
	var people strings.Builder
	if err := report.Write(&people, "table"); err != nil || strings.Contains(people.String(), "goroutine") {
		t.Errorf("people are shown a stack trace (%v):\n%s", err, people.String())
	}
}

// TestAnAPIServerThatAnswersHalfProvesNothing: not that something is wrong, either.
func TestAnAPIServerThatAnswersHalfProvesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		next   string // what each criterion advises
	}{
		"the connection breaks within an answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte(`{"kind":"List","apiVersion":"v1","items":[{"metadata":{"name":"a"`))
		}, "Look whether the API server is up: kubectl --context staging get --raw /readyz"},
		"an answer that is no JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"kind":"List","items":[{`))
		}, "kubectl --context staging "},
		"it is overloaded": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }, "kubectl --context staging "},
		"credentials end":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "Sign in again"},
		"rights are taken": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "A right is missing: "},
		"it is gone":       {nil, "kubectl --context staging get --raw /readyz"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			if c.answer == nil {
				server.Close()
			}
			cluster, err := kube.On(&rest.Config{Host: server.URL, QPS: -1})
			if err != nil {
				t.Fatal(err)
			}
			report := Run(
				t.Context(), &World{Outputs: outputs(), Cluster: cluster, Now: noon}, Criteria, []string{"task-api"},
			)
			for _, got := range report.Services[0].Criteria {
				if got.Verdict != Unproven || !strings.Contains(got.Next, c.next) {
					t.Errorf("%s is %s: %s; next: %s, want %q", got.ID, got.Verdict, got.Actual, got.Next, c.next)
				}
			}
		})
	}
}

func TestARightThatOpenCostTakesIsNamed(t *testing.T) {
	report := run(t, []Criterion{costByTeam}, answer(byTeam, http.StatusForbidden))
	if got := report.Services[0].Criteria[0]; got.Verdict != Unproven ||
		!strings.Contains(got.Next, "A right is missing: get services/proxy in namespace opencost") {
		t.Errorf("%s; next: %s", got.Verdict, got.Next)
	}
}

func TestAnOpenCostThatNeverAnswersIsUnproven(t *testing.T) {
	server := httptest.NewServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
	)
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	report := Run(
		ctx, &World{Outputs: outputs(), Cluster: &kube.Cluster{Client: client}, Now: noon}, []Criterion{costByTeam},
		[]string{"task-api"},
	)
	if got := report.Services[0].Criteria[0]; got.Verdict != Unproven || !strings.Contains(got.Actual, "no answer") {
		t.Errorf("%s: %s", got.Verdict, got.Actual)
	}
}

// TestQuestionsDoNotGrowWithServices: what does is one command in the pod of each database, and no more than one.
func TestQuestionsDoNotGrowWithServices(t *testing.T) {
	asked := func(services int) int {
		scene, o := several(t, services)
		cluster, asked := scene.Serve(t)
		world := &World{Outputs: o, Cluster: cluster, Now: noon}
		report := Run(t.Context(), world, Criteria, o.Names())
		if n := report.Count(Pass); n != services*len(Criteria) {
			t.Fatalf("%d of %d passed: %s", n, services*len(Criteria), report.reasons(false))
		}
		for _, name := range o.Names() {
			if ages := world.Ages(t.Context(), name); len(ages) != 3 {
				t.Errorf("the evidence of %s is %v old", name, ages)
			}
		}
		if asked.Execs() != services {
			t.Errorf("%d commands in the databases of %d services", asked.Execs(), services)
		}
		return asked.Count()
	}
	if one, twenty := asked(1), asked(20); one == 0 || one != twenty {
		t.Errorf("%d requests for one service, %d for twenty", one, twenty)
	}
}

func TestCriteriaAreWhole(t *testing.T) {
	last := ""
	for _, c := range Criteria {
		if c.Title == "" || c.Target == "" || c.Why == "" || c.Check == nil {
			t.Errorf("%s lacks a part", c.ID)
		}
		if c.ID <= last {
			t.Errorf("%s comes after %s", c.ID, last)
		}
		last = c.ID
	}
}
