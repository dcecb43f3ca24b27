package rightsize

import (
	"strings"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

func TestVerdicts(t *testing.T) {
	onCPU := scaling("Resource", "resource", object("name", "cpu"))
	inContainer := func(name string) map[string]any {
		return scaling("ContainerResource", "containerResource", object("name", "cpu", "container", name))
	}
	onRequests := scaling("Pods", "pods", object("metric", object("name", "requests")))
	ofThree := func(need string) change {
		return with(autoscalers, advice, list(
			object("containerName", "b"),
			object("containerName", "c"),
			object("containerName", "task-api", "target", object("cpu", "100m"), "uncappedTarget", object("cpu", need)),
		))
	}
	young := func(c change) change { // half a day of samples
		return func(t *testing.T, w kubetest.World) {
			t.Helper()
			c(t, w)
			w.Set(t, checkpoints, "items.0.status.firstSampleStart", "2026-11-11T12:00:00Z")
		}
	}
	cases := map[string]struct {
		change   change
		resource string
		verdict  Verdict
		why      string
	}{
		"more requested than used":  {unchanged, cpu, Lower, "more is set aside than is used"},
		"held by the least allowed": {unchanged, memory, Lower, "the least allowed, use alone would take 32Mi"},
		"held by the most allowed": {
			with(autoscalers, advice+".0.uncappedTarget.cpu", "3"), cpu, Lower,
			"the most allowed, use alone would take 3000m",
		},
		"less requested than needed": {
			with(deployment, requests+".memory", "64Mi"), memory, Raise, "costs money and buys safety",
		},
		"less cpu than needed": {
			with(deployment, requests+".cpu", "100m"), cpu, Raise, "costs money and buys speed",
		},
		"as recommended":         {with(deployment, requests+".cpu", "145m"), cpu, Keep, "as recommended"},
		"below the threshold":    {with(deployment, requests+".cpu", "160m"), cpu, Keep, "less than 10% apart"},
		"below it the other way": {with(deployment, requests+".cpu", "135m"), cpu, Keep, "less than 10% apart"},
		"only limited":           {with(deployment, requests, nil), cpu, Lower, "more is set aside"},
		"nothing requested at all": {
			with(deployment, containers+".0.resources", nil), cpu, Raise, "nothing is requested today",
		},

		"at the floor": {
			young(with(autoscalers, advice+".0.uncappedTarget.cpu", "10m")), cpu, NoInformation,
			"at the recommender's floor of 10m",
		},
		"at the floor of memory": {
			young(with(autoscalers, advice+".0.uncappedTarget.memory", "10Mi")), memory, NoInformation, "floor of 10Mi",
		},
		"at the floor of three": {young(ofThree("3m")), cpu, NoInformation, "floor of 3m"},
		"at the floor for days": {
			with(autoscalers, advice+".0.uncappedTarget.cpu", "10m"), cpu, Lower, "use alone would take 10m",
		},
		"above the floor of three": {ofThree("4m"), cpu, Lower, "the least allowed"},
		"no recommendation": {
			with(autoscalers, "items.0.status", nil), cpu, NoInformation, "no recommendation yet",
		},
		"none for this resource": {with(autoscalers, advice+".0.target.cpu", nil), cpu, NoInformation, "no target"},
		"no target without bounds": {
			with(autoscalers, advice+".0.uncappedTarget", nil), cpu, Lower, "more is set aside",
		},
		"a policy that is off": {
			with(autoscalers, policies+".0.mode", "Off"), cpu, NoInformation, "turns recommendations off",
		},
		"a policy that leaves it": {
			with(autoscalers, policies+".0.controlledResources", list("memory")), cpu, NoInformation,
			"leaves this resource out",
		},
		"a policy with the other": {
			with(autoscalers, policies+".0.controlledResources", list("memory")), memory, Lower, "",
		},
		"scaled by it": {
			scaled("Deployment", onCPU), cpu, NoInformation, "HorizontalPodAutoscaler by-load scales by cpu",
		},
		"scaled by the other":       {scaled("Deployment", onCPU), memory, Lower, ""},
		"another kind scaled by it": {scaled("StatefulSet", onCPU), cpu, Lower, ""},
		"a container scaled by it":  {scaled("Deployment", inContainer("task-api")), cpu, NoInformation, "by-load"},
		"another container":         {scaled("Deployment", inContainer("sidecar")), cpu, Lower, ""},
		"scaled by its requests":    {scaled("Deployment", onRequests), cpu, Lower, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.change(t, w)
			row := find(t, advise(t, w, newOutputs()), "task-api", c.resource)
			if row.Verdict != c.verdict || !strings.Contains(row.Why, c.why) {
				t.Errorf("verdict is %q because %q, want %q because %q", row.Verdict, row.Why, c.verdict, c.why)
			}
			if row.changes() != (row.SavedPerMonth != nil) {
				t.Errorf("a %s saves %v", row.Verdict, row.SavedPerMonth)
			}
		})
	}
}
