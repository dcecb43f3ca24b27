package costs

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
)

func TestCoverageCountsKnownTeamsOthersAndNone(t *testing.T) {
	engine := load{"opencost", "deployment:opencost", "platform", 1, 0.1, 0, 0, 0}
	w := newWorld(
		taskAPI, shop, engine, with(coreDNS, func(l *load) { l.team = "typo" }),
		with(coreDNS, func(l *load) { l.controller = "deployment:proxy" }),
	)
	w.bare = []string{"staging/task-api-1", "kube-system/proxy-0"}
	source := w.source(pod("kube-system", "proxy-0", nil))
	c, err := source.NewCoverage(t.Context(), mustLoad(t, w, lastHours(1)))
	if err != nil {
		t.Fatal(err)
	}
	all := 0.0375 + 0.05 + 0.004 + 2*0.0043125
	if !near(c.Known, 0.0915/all) || !near(c.Labelled, 0.0043125/all) || !near(c.Unallocated, 0.0043125/all) ||
		!near(c.Inherited, 0.0125/all) {
		t.Errorf("coverage %+v", c)
	}
	if len(c.Traces) != 1 || c.Traces[0].Pod != "kube-system/proxy-0" ||
		strings.Join(c.InheritedBy, " ") != "staging/task-api-1" {
		t.Errorf("traces %+v, inherited by %v", c.Traces, c.InheritedBy)
	}
	if text := c.String(); !strings.Contains(text, "(typo: not in this stack, and without a budget)") ||
		!strings.Contains(text, "opex verify --only SC-001") {
		t.Error(text)
	}
}

func TestNothingIsTracedWhereAllMoneyIsOnKnownTeams(t *testing.T) {
	w := newWorld(taskAPI, shop)
	c, err := w.source().NewCoverage(t.Context(), mustLoad(t, w, lastHours(1)))
	if err != nil || c.Known != 1 || c.Traces != nil || c.Unallocated != 0 {
		t.Errorf("coverage %+v, error %v", c, err)
	}
}

func TestOnlyThePodsWithMostMoneyAreTraced(t *testing.T) {
	w := newWorld(taskAPI, with(coreDNS, func(l *load) { l.pods = 7 }), with(shop, func(l *load) { l.team = "" }))
	c, err := w.source().NewCoverage(t.Context(), mustLoad(t, w, lastHours(1)))
	if err != nil || len(c.Traces) != mostTraced || c.NotTraced != 4 || !strings.HasPrefix(c.Traces[0].Pod, "shop/") {
		t.Errorf("coverage %+v, error %v", c, err)
	}
}

func TestLineageSaysAtWhichStepTheLabelWasLost(t *testing.T) {
	row := Row{Namespace: "shop", Controller: "deployment:shop", Pod: "shop-0", Money: Money{CPU: 1}}
	team := map[string]string{"team": "commerce"}
	series := func(labels map[string]string) func(*world, *fake.Clientset) {
		return func(w *world, _ *fake.Clientset) { w.series = map[string]map[string]string{"shop-0": labels} }
	}
	cases := map[string]struct {
		row       Row
		label     string
		pod       *corev1.Pod
		change    func(*world, *fake.Clientset)
		step      string
		why, next string
	}{
		"gone": {row, "team", nil, nil, StepGone, "cannot be asked", "deployment:shop"},
		"a volume": {
			Row{Namespace: "shop", Controller: "__unallocated__", Pod: unmounted}, "team", nil, nil, StepVolume,
			"belongs to no pod", "persistentvolumes",
		},
		"no label": {
			row, "team", pod("shop", "shop-0", nil), nil, StepPod, "no label team, nor has its namespace",
			"pod template of deployment:shop, or on the namespace shop",
		},
		"empty label": {
			row, "team", pod("shop", "shop-0", map[string]string{"team": ""}), nil, StepPod, "no label team",
			"pod template",
		},
		"other case": {
			row, "team", pod("shop", "shop-0", map[string]string{"Team": "commerce"}), nil, StepPod, "no label team",
			"pod template",
		},
		"our service": {
			Row{Namespace: "staging", Controller: "deployment:task-api", Pod: "task-api-0"}, "team",
			pod("staging", "task-api-0", nil), nil, StepPod, "no label team",
			"service task-api of this stack declares it",
		},
		"our database": {
			Row{Namespace: "staging", Controller: "statefulset:task-api-db", Pod: "db-0"}, "team",
			pod("staging", "db-0", nil), nil, StepPod, "no label team", "delete pod db-0",
		},
		"the namespace has it": {row, "team", pod("shop", "shop-0", nil), func(_ *world, c *fake.Clientset) {
			_ = c.Tracker().Update(corev1.SchemeGroupVersion.WithResource("namespaces"),
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: team}}, "")
		}, StepOpenCost, "its namespace has team=commerce", "kube_namespace_labels"},
		"two keys in one": {
			row, "cost-center", pod("shop", "shop-0", map[string]string{"cost-center": "a", "cost_center": "b"}), nil,
			StepKey, "cost-center, cost_center are all cost_center in metrics", "keep cost-center only",
		},
		"another key's sake": {
			row, "cost-center", pod("shop", "shop-0", map[string]string{"cost_center": "b"}), nil, StepKey,
			"are all cost_center", "keep cost-center only",
		},
		"not scraped": {
			row, "team", pod("shop", "shop-0", team), nil, StepPrometheus, "no kube_pod_labels of it",
			"target opencost must be up",
		},
		"scraped before": {
			row, "team", pod("shop", "shop-0", team), series(map[string]string{"label_app": "shop"}), StepPrometheus,
			"no label_team=commerce", "ask again",
		},
		"another value": {
			row, "team", pod("shop", "shop-0", team), series(map[string]string{"label_team": "old"}), StepPrometheus,
			"no label_team=commerce", "ask again",
		},
		"not in OpenCost": {
			row, "team", pod("shop", "shop-0", team), series(map[string]string{"label_team": "commerce"}), StepOpenCost,
			"Prometheus knows it", "two minutes",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			source := w.source()
			if c.pod != nil {
				source = w.source(c.pod)
			}
			if c.change != nil {
				c.change(w, source.Client.(*fake.Clientset))
			}
			trace, err := source.trace(t.Context(), c.row, c.label)
			if err != nil || trace.Lost != c.step || !strings.Contains(trace.Why, c.why) ||
				!strings.Contains(trace.Next, c.next) {
				t.Errorf("trace %+v, error %v", trace, err)
			}
		})
	}
}

func TestAPodThatCannotBeReadIsNotCalledGone(t *testing.T) {
	source := newWorld().source()
	source.Client.(*fake.Clientset).PrependReactor("get", "pods", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("forbidden")
	})
	if _, err := source.trace(t.Context(), Row{Namespace: "shop", Pod: "shop-0"}, "team"); err == nil ||
		!strings.Contains(err.Error(), "lineage of pod shop/shop-0: forbidden") {
		t.Errorf("error is %v", err)
	}
}
