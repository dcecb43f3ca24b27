package gameday

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/pods"
)

// story is what sightings tell of a kill.
type story struct {
	before map[types.UID]*corev1.Pod // the ready pods when the experiment was created
	// in the order in which their deletion was seen; those made after the kill, too
	victims     []*corev1.Pod
	replacement *corev1.Pod // as seen last; the first that was made after the kill
	killed      time.Time
	recovered   time.Time // since when all serve, without a break since; zero: they do not
	dips        []dip     // times in which they did not, after they had
	moments     map[string]time.Time
	details     map[string]string
	events      []seenEvent // of the replacement, and of the ReplicaSet that makes it
}

// dip is a time in which too few served. Its end is zero while it lasts.
type dip struct{ from, to time.Time }

// seenEvent is an event when it was seen first, as it was seen last.
type seenEvent struct {
	at    time.Time
	event *corev1.Event
}

// teller makes a story of sightings.
type teller struct {
	story
	created   time.Time          // when the experiment was made
	desired   int                // pods
	container string             // the service's
	known     map[types.UID]bool // that were there when the experiment was made, ready or not
	made      map[types.UID]bool // after the kill
	pods      map[types.UID]*corev1.Pod
	slices    map[string]*discoveryv1.EndpointSlice
	heard     []seenEvent // since the experiment was made, of whatever
}

// tell reads sightings in their order. Created is when the experiment was made; desired is how many pods there are to
// be.
func tell(seen []sighting, created time.Time, desired int, container string) story {
	t := teller{
		story: story{
			before:  map[types.UID]*corev1.Pod{},
			moments: map[string]time.Time{},
			details: map[string]string{},
		},
		created: created, desired: desired, container: container,
		known: map[types.UID]bool{}, made: map[types.UID]bool{}, pods: map[types.UID]*corev1.Pod{}, slices: map[string]*discoveryv1.EndpointSlice{},
	}
	for _, change := range seen {
		switch object := change.object.(type) {
		case *corev1.Pod:
			if change.gone {
				delete(t.pods, object.UID)
			} else {
				t.pods[object.UID] = object
			}
			t.pod(change, object)
		case *discoveryv1.EndpointSlice:
			if change.gone {
				delete(t.slices, object.Name)
			} else {
				t.slices[object.Name] = object
			}
		case *corev1.Event:
			t.hear(change.at, object)
			continue
		}
		t.endpoints(change.at)
	}
	t.sortOut()
	if !t.recovered.IsZero() {
		t.first(evidence.MomentRecovered, t.recovered, fmt.Sprintf("%d of %d replicas", desired, desired))
	}
	return t.story
}

// pod takes in a change of a pod.
func (t *teller) pod(change sighting, pod *corev1.Pod) {
	leaving := change.gone || pod.DeletionTimestamp != nil
	if change.at.Before(t.created) {
		t.known[pod.UID] = true
		delete(t.before, pod.UID)
		if !leaving && pods.Is(pod, corev1.PodReady) {
			t.before[pod.UID] = pod
		}
		return
	}
	if _, served := t.before[pod.UID]; served || t.made[pod.UID] && leaving {
		if !leaving {
			return
		}
		if !slices.ContainsFunc(t.victims, func(v *corev1.Pod) bool { return v.UID == pod.UID }) {
			t.victims = append(t.victims, pod)
			if len(t.victims) == 1 {
				t.killed = change.at
				t.first(evidence.MomentKilled, change.at, "pod "+pod.Name)
			}
		}
		if change.gone && pod.UID == t.victims[0].UID {
			t.first(evidence.MomentVictimGone, change.at, "")
		}
		return
	}
	if t.killed.IsZero() || t.known[pod.UID] || leaving {
		return
	}
	t.made[pod.UID] = true
	if t.replacement == nil || t.replacement.UID == pod.UID {
		t.replacement = pod
		t.first(evidence.MomentCreated, change.at, "pod "+pod.Name)
		t.progress(change.at, pod)
	}
}

// progress notes what the replacement has reached.
func (t *teller) progress(at time.Time, pod *corev1.Pod) {
	for condition, moment := range map[corev1.PodConditionType]string{
		corev1.PodReadyToStartContainers: evidence.MomentSandbox, corev1.PodInitialized: evidence.MomentInitialized, corev1.PodReady: evidence.MomentReady,
	} {
		if pods.Is(pod, condition) {
			t.first(moment, at, "")
		}
	}
	if pods.Is(pod, corev1.PodScheduled) {
		t.first(evidence.MomentScheduled, at, "node "+pod.Spec.NodeName)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != t.container || c.State.Running == nil {
			continue
		}
		t.first(evidence.MomentStarted, at, "")
		if c.Started != nil && *c.Started && probed(pod, t.container) {
			t.first(evidence.MomentStartup, at, "")
		}
	}
}

// probed says whether a container has a startup probe. Without one the kubelet calls it started at once.
func probed(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(
		pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container && c.StartupProbe != nil },
	)
}

// endpoints notes who is in and out, and when all is as it should be.
func (t *teller) endpoints(at time.Time) {
	if t.killed.IsZero() {
		return
	}
	serving := map[types.UID]bool{}
	for _, slice := range t.slices {
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				serving[e.TargetRef.UID] = true
			}
		}
	}
	if !serving[t.victims[0].UID] {
		t.first(evidence.MomentEndpointOut, at, "")
	}
	if t.replacement != nil && serving[t.replacement.UID] {
		t.first(evidence.MomentEndpointIn, at, "")
	}
	ready := 0
	for uid, pod := range t.pods {
		if pods.Ready(pod) && serving[uid] {
			ready++
		}
	}
	t.serve(at, ready)
}

// serve notes how many replicas serve. They are back once all do, and only for as long as they all do.
func (t *teller) serve(at time.Time, ready int) {
	switch back := ready >= t.desired && t.replacement != nil; {
	case back && t.recovered.IsZero():
		t.recovered = at
		if n := len(t.dips); n > 0 {
			t.dips[n-1].to = at
		}
	case !back && !t.recovered.IsZero():
		t.first(evidence.MomentBack, t.recovered, "")
		t.dips = append(t.dips, dip{from: at})
		t.recovered = time.Time{}
	}
}

// hear keeps an event. One that is repeated keeps the time at which it was heard first.
func (t *teller) hear(at time.Time, event *corev1.Event) {
	if at.Before(t.created) {
		return
	}
	if i := slices.IndexFunc(t.heard, func(s seenEvent) bool { return s.event.UID == event.UID }); i >= 0 {
		t.heard[i].event = event
		return
	}
	t.heard = append(t.heard, seenEvent{at, event})
}

// sortOut chooses the events that tell of the replacement: it may have been heard of before it was seen.
func (t *teller) sortOut() {
	if len(t.victims) == 0 {
		return
	}
	maker := metav1.GetControllerOf(t.victims[0])
	for _, s := range t.heard {
		about := s.event.InvolvedObject.UID
		switch {
		case t.replacement != nil && about == t.replacement.UID:
			switch s.event.Reason {
			case "Pulled":
				t.first(evidence.MomentImage, s.at, s.event.Message)
			case "SuccessfulAttachVolume", "SuccessfulMountVolume":
				t.first(evidence.MomentVolumes, s.at, s.event.Message)
			}
		case maker != nil && about == maker.UID && s.event.Reason == "FailedCreate":
		default:
			continue
		}
		t.events = append(t.events, s)
	}
}

func (t *teller) first(moment string, at time.Time, detail string) {
	if _, is := t.moments[moment]; is {
		return
	}
	t.moments[moment] = at
	if detail != "" {
		t.details[moment] = detail
	}
}

// order is that of moments which were seen at one time.
var order = []string{
	evidence.MomentInjected,
	evidence.MomentKilled,
	evidence.MomentVictimGone,
	evidence.MomentEndpointOut,
	evidence.MomentFirstAnswer,
	evidence.MomentCreated,
	evidence.MomentScheduled,
	evidence.MomentVolumes,
	evidence.MomentSandbox,
	evidence.MomentImage,
	evidence.MomentInitialized,
	evidence.MomentStarted,
	evidence.MomentStartup,
	evidence.MomentReady,
	evidence.MomentEndpointIn,
	evidence.MomentBack,
	evidence.MomentRecovered,
}

// timeline is the moments in order of time, from the kill.
func (s story) timeline() []evidence.Moment {
	var all []evidence.Moment
	for name, at := range s.moments {
		all = append(
			all, evidence.Moment{Name: name, At: evidence.InSeconds(at.Sub(s.killed)), Detail: s.details[name]},
		)
	}
	slices.SortFunc(all, func(a, b evidence.Moment) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name)))
	})
	return all
}

// lines are what there is to say of it so far, in order. A story that goes on keeps the lines that it has: what two
// sightings tell at once is said in full all the same.
func (s story) lines() []string {
	if s.killed.IsZero() {
		return nil
	}
	all := []string{"pod " + s.victims[0].Name + " is killed"}
	if s.replacement == nil {
		return all
	}
	for _, moment := range []string{evidence.MomentCreated, evidence.MomentScheduled, evidence.MomentSandbox, evidence.MomentStarted, evidence.MomentReady,
		evidence.MomentEndpointIn} {
		if at, is := s.moments[moment]; is {
			all = append(
				all, fmt.Sprintf("pod %s: %s after %.1f s", s.replacement.Name, moment, at.Sub(s.killed).Seconds()),
			)
		}
	}
	for i, d := range s.dips {
		if i == 0 {
			all = append(all, s.back(s.moments[evidence.MomentBack]))
		}
		all = append(
			all, fmt.Sprintf("not all replicas serve any more, %.1f s after the kill", d.from.Sub(s.killed).Seconds()),
		)
		if !d.to.IsZero() {
			all = append(all, s.back(d.to))
		}
	}
	if !s.recovered.IsZero() && len(s.dips) == 0 {
		all = append(all, s.back(s.recovered))
	}
	return all
}

func (s story) back(at time.Time) string {
	return fmt.Sprintf("back after %.1f s: all %d replicas serve", at.Sub(s.killed).Seconds(), len(s.before))
}
