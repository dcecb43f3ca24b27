package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/internal/contract"
)

const autoscalers = "/apis/autoscaling.k8s.io/v1/namespaces/staging/verticalpodautoscalers"

// advised is the fix of a pod that no node takes, with what `opex rightsize` proposes in its own tests' cluster.
func advised(t *testing.T, w kubetest.World, record string, outputs stack.Outputs) (Fix, error) {
	t.Helper()
	cluster, _ := w.Serve(t)
	d := explain(t, read(t, record))
	err := d.Advise(t.Context(), cluster, outputs, time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC))
	return d.Findings[0].Fix, err
}

func sized() stack.Outputs {
	o := outputs(3)
	service := o.Services["task-api"]
	service.VerticalPodAutoscalers = []contract.VerticalPodAutoscaler{
		{
			Name:       "task-api",
			TargetKind: "Deployment",
			TargetName: "task-api",
			Containers: []string{"task-api"},
			Setting:    "resources",
		},
		{Name: "task-api-db", TargetKind: "StatefulSet", TargetName: "task-api-db", Containers: []string{"postgres"},
			Setting: "database.resources"}}
	o.Services["task-api"] = service
	o.Size = &contract.SizeAdvisor{
		Namespace:   "vertical-pod-autoscaler",
		Deployment:  "vertical-pod-autoscaler-recommender",
		FloorCPU:    "10m",
		FloorMemory: "10Mi",
	}
	return o
}

func TestAPodWithoutRoomGetsTheRequestsThatAreProposedAndSmaller(t *testing.T) {
	for record, want := range map[string]string{
		"scheduling.no-room": "resources.requests.cpu 250m 145m",
		// the database's is to grow, which is no help here
		"scheduling.then-init-and-pull": "resources.requests.memory 512Mi 128Mi",
	} {
		fix, err := advised(t, kubetest.Load(t, "../rightsize/testdata/cluster.yaml"), record, sized())
		var got []string
		for _, c := range fix.Settings {
			got = append(got, strings.Join(c.Keys, ".")+" "+c.From+" "+c.To)
		}
		if err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%s: error %v, changes %q", record, err, got)
		}
	}
}

func TestWhereNothingSmallerIsProposedTheWordsSaySo(t *testing.T) {
	w := kubetest.Load(t, "../rightsize/testdata/cluster.yaml")
	w.Set(t, autoscalers, "items.0.status.recommendation.containerRecommendations.0.target.cpu", "249m")
	fix, err := advised(t, w, "scheduling.no-room", sized())
	if err != nil || len(fix.Settings) != 0 ||
		!strings.Contains(fix.Words, "proposes no smaller request of cpu: only a node more helps") {
		t.Errorf("error %v, fix %+v", err, fix)
	}
}

func TestWithoutAnAdvisorTheRequestsStayUnknown(t *testing.T) {
	fix, err := advised(t, kubetest.World{}, "scheduling.no-room", outputs(3))
	if err == nil || !strings.Contains(err.Error(), "opex:size.enabled") || len(fix.Settings) != 0 {
		t.Errorf("error %v, fix %+v", err, fix)
	}
}

func TestOtherCausesAskForNoAdvice(t *testing.T) {
	cluster, asked := kubetest.World{}.Serve(t)
	d := explain(t, read(t, "image-pull.slow-registry"))
	if err := d.Advise(t.Context(), cluster, sized(), now); err != nil || asked.Count() != 0 {
		t.Errorf("error %v, %d questions", err, asked.Count())
	}
}
