package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

const (
	podsOf = "/api/v1/namespaces/staging/pods"
	events = "/api/v1/namespaces/staging/events"
	sets   = "/apis/apps/v1/namespaces/staging/replicasets"
)

var now = time.Date(2026, 11, 23, 12, 1, 0, 0, time.UTC)

func outputs(replicas int) stack.Outputs {
	return stack.Outputs{
		Environment: "staging",
		Services: map[string]contract.Service{"task-api": {Namespace: "staging",
			Container: "task-api",
			Replicas:  replicas, Selector: map[string]string{"app": "task-api"}, Chaos: &contract.ChaosPlan{Recovery: "30s"}}},
	}
}

func live(t *testing.T, w kubetest.World, replicas int) []Diagnosis {
	t.Helper()
	cluster, _ := w.Serve(t)
	records, err := Live(t.Context(), cluster, outputs(replicas), "task-api", now)
	if err != nil {
		t.Fatal(err)
	}
	var all []Diagnosis
	for _, r := range records {
		d := explain(t, r)
		checkSums(t, d)
		all = append(all, d)
	}
	return all
}

func TestASlowPodIsExplainedFromItsStatusAndEvents(t *testing.T) {
	w := kubetest.Load(t, "testdata/live.yaml")
	all := live(t, w, 7)
	want := map[string]string{
		"pulls":       ImagePull,
		"waits":       Scheduling,
		"initializes": InitContainer,
		"unready":     Database,
		"crashes":     CrashLoop,
		"delayed":     ProbeSettings,
	}
	if len(all) != len(want) {
		t.Errorf(
			"%d pods are explained, want %d: neither the ready one nor the one that is being deleted", len(all),
			len(want),
		)
	}
	for _, d := range all {
		name := strings.TrimPrefix(d.About, "pod ")
		if len(d.Findings) == 0 || d.Findings[0].Cause != want[name] || d.Recovered || d.Took != 60 ||
			d.Objective != 30 {
			t.Errorf("%s: %s\n%+v", name, d.Headline(), d)
		}
	}
}

func TestAPodThatIsNotMadeIsExplainedByItsReplicaSet(t *testing.T) {
	w := kubetest.Load(t, "testdata/live.yaml")
	w[podsOf] = map[string]any{"items": []any{}}
	all := live(t, w, 1)
	if len(all) != 1 || all[0].Findings[0].Cause != NotCreated || all[0].Took != 55 ||
		!strings.Contains(all[0].Findings[0].Evidence[0], "exceeded quota") ||
		!strings.Contains(all[0].Headline(), "pod that is missing: NOT back after 55.0 s") {
		t.Errorf("got %+v", all)
	}
}

func TestAReadyServiceHasNothingToExplain(t *testing.T) {
	w := kubetest.Load(t, "testdata/live.yaml")
	w[podsOf].(map[string]any)["items"] = w[podsOf].(map[string]any)["items"].([]any)[:1]
	if all := live(t, w, 1); len(all) != 0 {
		t.Errorf("got %+v", all)
	}
}

func TestWhatCannotBeReadIsNoHealthyService(t *testing.T) {
	for path, says := range map[string]string{
		podsOf: "pods of task-api in namespace staging",
		events: "events in namespace staging",
		sets:   "replicasets of task-api in namespace staging",
	} {
		w := kubetest.Load(t, "testdata/live.yaml")
		w[path] = 403
		cluster, _ := w.Serve(t)
		_, err := Live(t.Context(), cluster, outputs(9), "task-api", now)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "403") {
			t.Errorf("error is %v", err)
		}
	}
}
