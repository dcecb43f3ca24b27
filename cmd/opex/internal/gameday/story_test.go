package gameday

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// kill is when the experiment was made, in stories.
var kill = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// at is so many milliseconds after it.
func at(ms int) time.Time { return kill.Add(time.Duration(ms) * time.Millisecond) }

func pod(name string, conditions ...corev1.PodConditionType) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			UID:             types.UID(name),
			OwnerReferences: []metav1.OwnerReference{{UID: "set", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", StartupProbe: &corev1.Probe{}}}},
	}
	for _, c := range conditions {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return p
}

func ready(name string) *corev1.Pod { return pod(name, corev1.PodReady) }

func leaving(name string) *corev1.Pod {
	p := ready(name)
	p.DeletionTimestamp = &metav1.Time{Time: kill}
	return p
}

func endpoints(names ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "shop-x"}}
	for _, name := range names {
		s.Endpoints = append(
			s.Endpoints, discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{UID: types.UID(name)}},
		)
	}
	return s
}

func event(uid, about, reason string, count int32) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{UID: types.UID(uid)},
		InvolvedObject: corev1.ObjectReference{UID: types.UID(about)},
		Reason:         reason,
		Message:        reason + " it",
		Count:          count,
	}
}

// calm is what is seen before anything happens: three pods that serve.
func calm() []sighting {
	return []sighting{
		{at: at(-900), object: ready("a")}, {at: at(-900), object: ready("b")}, {at: at(-900), object: ready("c")},
		{at: at(-900), object: endpoints("a", "b", "c")},
	}
}

func started(p *corev1.Pod, passed bool) *corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: "shop", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, Started: &passed},
	}
	return p
}

func TestAKillIsToldMomentByMoment(t *testing.T) {
	seen := append(
		calm(),
		sighting{at: at(100), gone: true, object: ready("b")},
		sighting{at: at(105), object: event("e0", "d", "Scheduled", 1)}, // before the pod itself
		sighting{at: at(110), object: pod("d")},
		sighting{at: at(120), object: endpoints("a", "c")},
		sighting{at: at(130), object: pod("d", corev1.PodScheduled)},
		sighting{at: at(300), object: event("e1", "d", "Pulled", 1)},
		sighting{at: at(310), object: event("e2", "set", "FailedCreate", 1)},
		sighting{at: at(320), object: event("e2", "set", "FailedCreate", 4)},
		sighting{at: at(330), object: event("e3", "a", "Unhealthy", 1)}, // another pod's
		sighting{
			at: at(400),
			object: started(
				pod("d", corev1.PodScheduled, corev1.PodReadyToStartContainers, corev1.PodInitialized), false,
			),
		},
		sighting{
			at: at(1400),
			object: started(
				pod("d", corev1.PodScheduled, corev1.PodReadyToStartContainers, corev1.PodInitialized), true,
			),
		},
		sighting{at: at(1500), object: started(ready("d"), true)},
		sighting{at: at(1600), object: endpoints("a", "c", "d")},
		sighting{at: at(9000), object: endpoints("a", "c", "d")},
	)
	s := tell(seen, kill, 3, "shop")
	var told []string
	for _, m := range s.timeline() {
		told = append(told, fmt.Sprintf("%s %.3f", m.Name, float64(m.At)))
	}
	want := []string{
		"deletion seen 0.000", "victim gone 0.000", "replacement created 0.010", "endpoint out 0.020",
		"scheduled 0.030", "image present 0.200", "sandbox created 0.300", "initialized 0.300",
		"container started 0.300", "startup passed 1.300", "ready 1.400", "endpoint in 1.500", "recovered 1.500",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if len(s.victims) != 1 || s.victims[0].Name != "b" || s.replacement.Name != "d" || !s.recovered.Equal(at(1600)) {
		t.Errorf("victims %v, replacement %v, recovered %v", s.victims, s.replacement, s.recovered)
	}
	var events []string
	for _, e := range s.events {
		events = append(events, fmt.Sprintf("%s %d %d", e.event.Reason, e.event.Count, e.at.Sub(kill).Milliseconds()))
	}
	if want := []string{"Scheduled 1 105", "Pulled 1 300", "FailedCreate 4 310"}; !slices.Equal(events, want) {
		t.Errorf("events are %v, want %v", events, want)
	}
}

// However many changes are seen at once, whoever looks on misses none, and no line is taken back.
func TestEachLineOfAKillIsSaidWhateverIsSeenAtOnce(t *testing.T) {
	seen := append(calm(),
		sighting{at: at(100), gone: true, object: ready("b")},
		sighting{at: at(110), object: pod("d")},
		sighting{at: at(120), object: endpoints("a", "c")},
		sighting{at: at(130), object: pod("d", corev1.PodScheduled)},
		sighting{at: at(400), object: started(pod("d", corev1.PodScheduled, corev1.PodReadyToStartContainers), false)},
		sighting{at: at(1500), object: started(ready("d"), true)},
		sighting{at: at(1600), object: endpoints("a", "c", "d")},
	)
	want := []string{
		"pod b is killed", "pod d: replacement created after 0.0 s", "pod d: scheduled after 0.0 s",
		"pod d: sandbox created after 0.3 s", "pod d: container started after 0.3 s", "pod d: ready after 1.4 s",
		"pod d: endpoint in after 1.5 s", "back after 1.5 s: all 3 replicas serve",
	}
	if all := tell(seen, kill, 3, "shop").lines(); !slices.Equal(all, want) {
		t.Errorf("lines are\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
	for n := range seen {
		sofar := tell(seen[:n], kill, 3, "shop").lines()
		if len(sofar) > len(want) || !slices.Equal(sofar, want[:len(sofar)]) {
			t.Errorf("after %d sightings: %q", n, sofar)
		}
	}
}

func TestWhatIsNoRecovery(t *testing.T) {
	gone := sighting{at: at(100), gone: true, object: ready("b")}
	for name, c := range map[string]struct {
		seen    []sighting
		killed  bool
		victims int
	}{
		"nothing happened":                        {nil, false, 0},
		"a pod that was not ready before goes":    {[]sighting{{at: at(-10), object: pod("x")}, {at: at(10), gone: true, object: pod("x")}}, false, 0},
		"a pod that went before the kill":         {[]sighting{{at: at(-10), object: leaving("b")}, {at: at(10), gone: true, object: leaving("b")}}, false, 0},
		"killed, and nobody comes":                {[]sighting{gone, {at: at(120), object: endpoints("a", "c")}}, true, 1},
		"ready, and in no endpoint":               {[]sighting{gone, {at: at(200), object: ready("d")}, {at: at(210), object: endpoints("a", "c")}}, true, 1},
		"in the endpoints, and not ready":         {[]sighting{gone, {at: at(200), object: pod("d")}, {at: at(210), object: endpoints("a", "c", "d")}}, true, 1},
		"back, and another one gone":              {[]sighting{gone, {at: at(150), gone: true, object: ready("c")}, {at: at(200), object: ready("d")}, {at: at(210), object: endpoints("a", "d")}}, true, 2},
		"the endpoints are those of the dead":     {[]sighting{gone, {at: at(200), object: ready("d")}}, true, 1},
		"the victim is only asked to go":          {[]sighting{{at: at(100), object: leaving("b")}, {at: at(130), object: endpoints("a", "b", "c")}}, true, 1},
		"an endpoint slice that goes with all it": {[]sighting{gone, {at: at(200), object: ready("d")}, {at: at(210), gone: true, object: endpoints("a", "c", "d")}}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(append(calm(), c.seen...), kill, 3, "shop")
			if !s.recovered.IsZero() || s.killed.IsZero() == c.killed || len(s.victims) != c.victims {
				t.Errorf("recovered %v, killed %v, victims %d", s.recovered, s.killed, len(s.victims))
			}
			if _, is := s.moments[evidence.MomentRecovered]; is {
				t.Error("the timeline says that it recovered")
			}
		})
	}
}

func TestAReplacementThatGoesTooIsOneMoreAndAPodThatWasGoingBeforeIsNone(t *testing.T) {
	s := tell(append(calm(),
		sighting{at: at(-800), object: leaving("old")},
		sighting{at: at(100), gone: true, object: ready("b")},
		sighting{at: at(110), object: leaving("old")},
		sighting{at: at(120), object: pod("d")},
		sighting{at: at(130), gone: true, object: leaving("old")},
		sighting{at: at(600), object: leaving("d")},
		sighting{at: at(610), gone: true, object: leaving("d")},
		sighting{at: at(800), object: ready("e")},
		sighting{at: at(810), object: endpoints("a", "c", "e")},
	), kill, 3, "shop")
	var gone []string
	for _, v := range s.victims {
		gone = append(gone, v.Name)
	}
	if !slices.Equal(gone, []string{"b", "d"}) || s.replacement.Name != "d" || !s.recovered.Equal(at(810)) {
		t.Errorf("gone are %v, the replacement is %s, recovered %v", gone, s.replacement.Name, s.recovered)
	}
}

func TestAGracefulEndBeginsWithItsDeletionAndEndsWithItsObject(t *testing.T) {
	s := tell(append(calm(),
		sighting{at: at(100), object: leaving("b")},
		sighting{at: at(150), object: endpoints("a", "c")},
		sighting{at: at(200), object: ready("d")},
		sighting{at: at(250), object: endpoints("a", "c", "d")},
		sighting{at: at(5100), gone: true, object: leaving("b")},
	), kill, 3, "shop")
	if !s.killed.Equal(at(100)) || !s.recovered.Equal(at(250)) ||
		!s.moments[evidence.MomentVictimGone].Equal(at(5100)) ||
		len(s.victims) != 1 {
		t.Errorf("killed %v, recovered %v, moments %v, victims %d", s.killed, s.recovered, s.moments, len(s.victims))
	}
}

func TestARecoveryThatDoesNotHoldIsNone(t *testing.T) {
	back := append(calm(),
		sighting{at: at(100), gone: true, object: ready("b")},
		sighting{at: at(120), object: endpoints("a", "c")},
		sighting{at: at(200), object: ready("d")},
		sighting{at: at(210), object: endpoints("a", "c", "d")},
	)
	away := append(
		slices.Clone(back), sighting{at: at(610), object: pod("d")}, sighting{at: at(620), object: endpoints("a", "c")},
	)
	again := append(
		slices.Clone(away), sighting{at: at(3000), object: ready("d")},
		sighting{at: at(3010), object: endpoints("a", "c", "d")},
	)
	for name, c := range map[string]struct {
		seen      []sighting
		recovered time.Time
		dips      []dip
		lines     int // the last of the first seen stays
	}{
		"it holds":              {back, at(210), nil, 5},
		"away to the end":       {away, time.Time{}, []dip{{from: at(610)}}, 6},
		"and back":              {again, at(3010), []dip{{at(610), at(3010)}}, 7},
		"another one goes away": {append(slices.Clone(back), sighting{at: at(700), object: pod("a")}), time.Time{}, []dip{{from: at(700)}}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(c.seen, kill, 3, "shop")
			if !s.recovered.Equal(c.recovered) || !slices.Equal(s.dips, c.dips) {
				t.Errorf("recovered %v, dips %v", s.recovered, s.dips)
			}
			if at, is := s.moments[evidence.MomentRecovered]; is == c.recovered.IsZero() ||
				is && !at.Equal(c.recovered) {
				t.Errorf("the timeline says recovered at %v", at)
			}
			early := tell(back, kill, 3, "shop").lines()
			if lines := s.lines(); len(lines) != c.lines || !slices.Equal(lines[:len(early)], early) {
				t.Errorf("lines are %q", lines)
			}
		})
	}
}
