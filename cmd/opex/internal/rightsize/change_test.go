package rightsize

import (
	"maps"
	"testing"

	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

// change makes a world another one.
type change func(t *testing.T, w kubetest.World)

func unchanged(*testing.T, kubetest.World) {}

// with changes one field of an answer; nil removes it.
func with(path, field string, value any) change {
	return func(t *testing.T, w kubetest.World) { t.Helper(); w.Set(t, path, field, value) }
}

// answer replaces a whole answer; nil is not found.
func answer(path string, value any) change {
	return func(_ *testing.T, w kubetest.World) { maps.Copy(w, kubetest.World{path: value}) }
}

// add appends to a list of an answer.
func add(path, field string, value any) change {
	return func(t *testing.T, w kubetest.World) {
		t.Helper()
		w.Set(t, path, field, append(w.Get(t, path, field).([]any), value))
	}
}

func all(changes ...change) change {
	return func(t *testing.T, w kubetest.World) {
		t.Helper()
		for _, c := range changes {
			c(t, w)
		}
	}
}

// rival adds a VerticalPodAutoscaler on the first one's target.
func rival(t *testing.T, w kubetest.World) {
	t.Helper()
	add(autoscalers, "items", object("metadata", object("name", "rival", "namespace", "staging"),
		"spec", object("targetRef", object("kind", "Deployment", "name", "task-api"))))(t, w)
}

// scaling is a metric of a HorizontalPodAutoscaler.
func scaling(kind, field string, metric map[string]any) map[string]any {
	metric["target"] = object("type", "Utilization", "averageUtilization", 60)
	return object("type", kind, field, metric)
}

func scaled(kind string, metric map[string]any) change {
	return with(horizontal, "items", list(object("metadata", object("name", "by-load"), "spec", object(
		"scaleTargetRef", object("kind", kind, "name", "task-api"), "metrics", list(metric)))))
}

func list(values ...any) []any { return values }

func object(pairs ...any) map[string]any {
	o := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

func find(t *testing.T, report Report, container, resource string) Row {
	t.Helper()
	for _, row := range report.Services[0].Rows {
		if row.Container == container && row.Resource == resource {
			return row
		}
	}
	t.Fatalf("no row for %s %s", container, resource)
	return Row{}
}
