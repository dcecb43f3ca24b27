package rightsize

import (
	"fmt"
	"strings"
	"testing"
)

func TestSettingsAreTheChangesOfTheStacksOwnContainers(t *testing.T) {
	w := newWorld(t)
	all(
		add(deployment, containers, object("name", "sidecar", "resources", object("requests", object("cpu", "1")))),
		add(
			autoscalers, advice,
			object("containerName", "sidecar", "target", object("cpu", "50m"), "uncappedTarget", object("cpu", "50m")),
		),
	)(t, w)
	settings, notes := advise(t, w, newOutputs()).Settings()
	var got []string
	for _, s := range settings {
		got = append(got, fmt.Sprintf("%s %s %s->%s", s.Service, strings.Join(s.Keys, "."), s.From, s.To))
	}
	want := `task-api resources.requests.cpu 250m->145m
task-api resources.requests.memory 512Mi->128Mi
task-api database.resources.requests.memory 256Mi->576Mi
task-api database.resources.limits.memory 512Mi->576Mi`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "no setting for this container") ||
		!strings.Contains(notes[1], "the limit of 512Mi is raised to 576Mi") {
		t.Errorf("notes are %q", notes)
	}
}

func TestSettingsLeaveOutWhatIsKeptOrUnknown(t *testing.T) {
	w := newWorld(t)
	w.Set(t, autoscalers, "items.0.status", nil)
	w.Set(t, statefulSet, requests+".memory", "576Mi")
	if settings, notes := advise(t, w, newOutputs()).Settings(); len(settings)+len(notes) > 0 {
		t.Errorf("settings are %v, notes %q", settings, notes)
	}
}

func TestSummarySaysWhatIsSavedOrAddedAndForWhom(t *testing.T) {
	w := newWorld(t)
	w.Set(t, autoscalers, advice+".0.target", object("cpu", "1", "memory", "1Gi"))
	w.Set(t, autoscalers, advice+".0.uncappedTarget", object("cpu", "1", "memory", "1Gi"))
	if got := advise(t, w, newOutputs()).Summary(); got != "3 requests to change, a month: 72.32 USD added for product-team" {
		t.Errorf("got %q", got)
	}
	w = newWorld(t)
	w.Set(t, autoscalers, "items.0.status", nil)
	w.Set(t, statefulSet, requests+".memory", "576Mi")
	if got := advise(t, w, newOutputs()).Summary(); got != "Of 4 requests, 2 could be judged: none is 10% or more away from what is recommended" {
		t.Errorf("got %q", got)
	}
	w.Set(t, autoscalers, "items", list())
	if got := advise(t, w, newOutputs()); got.Services[0].SavedPerMonth != nil {
		t.Errorf("nothing was judged, and %g is saved", *got.Services[0].SavedPerMonth)
	}
	if got := advise(t, w, newOutputs()).Summary(); got != "No request could be judged" {
		t.Errorf("got %q", got)
	}
}
