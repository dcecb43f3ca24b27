package generator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
	"github.com/opex-project/opex/cmd/opex/internal/load"
	"github.com/opex-project/opex/internal/contract"
)

var lab = contract.ChaosLab{
	Namespace:      "chaos-mesh",
	ServiceAccount: "opex-load",
	LoadImage:      "ghcr.io/opex-project/opex-load:0.1.0",
}

// node is an API server that runs pods of one name: what they are, by the time that they are asked for.
type node struct {
	mu      sync.Mutex
	states  []corev1.PodStatus // one after another; the last stays
	old     []corev1.Pod
	made    *corev1.Pod
	deleted []string
}

func (n *node) serve(t *testing.T) *kube.Cluster {
	const pods = "/api/v1/namespaces/chaos-mesh/pods"
	world := kubetest.World{
		pods: func(r *http.Request) any {
			n.mu.Lock()
			defer n.mu.Unlock()
			if r.Method == http.MethodGet {
				return corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, Items: n.old}
			}
			body, _ := io.ReadAll(r.Body)
			object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
			if err != nil {
				return http.StatusBadRequest
			}
			n.made = object.(*corev1.Pod)
			n.made.Name = "opex-load-new"
			return n.made
		},
		pods + "/opex-load-new/exec": kubetest.Command(func(in io.Reader, out, said io.Writer) int {
			if err := load.Generate(t.Context(), in, out); err != nil {
				_, _ = io.WriteString(said, err.Error())
				return 1
			}
			return 0
		}),
	}
	for _, name := range []string{"opex-load-new", "opex-load-old", "opex-load-busy"} {
		world[pods+"/"+name] = func(r *http.Request) any {
			n.mu.Lock()
			defer n.mu.Unlock()
			if r.Method == http.MethodDelete {
				n.deleted = append(n.deleted, name)
				return metav1.Status{
					TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
					Status:   metav1.StatusSuccess,
				}
			}
			if slices.Contains(n.deleted, name) || len(n.states) == 0 {
				return nil
			}
			pod := n.made.DeepCopy()
			pod.Status = n.states[0]
			if len(n.states) > 1 {
				n.states = n.states[1:]
			}
			return pod
		}
	}
	cluster, _ := world.Serve(t)
	return cluster
}

var (
	waiting = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{
			Type:    corev1.PodScheduled,
			Status:  corev1.ConditionFalse,
			Message: "0/1 nodes are available: 1 Insufficient cpu.",
		}}}
	pulling = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{
		{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}}}
	running = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
		{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}
	evicted = corev1.PodStatus{
		Phase:   corev1.PodFailed,
		Reason:  "Evicted",
		Message: "The node was low on resource: memory.",
	}
)

func TestAnAttackRunsInAPodThatGoesWithIt(t *testing.T) {
	old := func(name string, phase corev1.PodPhase) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{Phase: phase}}
	}
	n := &node{
		states: []corev1.PodStatus{waiting, pulling, running},
		old:    []corev1.Pod{old("opex-load-old", corev1.PodFailed), old("opex-load-busy", corev1.PodRunning)},
	}
	var notes []string
	g, err := New(
		t.Context(), n.serve(t), lab, map[string]string{"team": "shop"}, 3*time.Minute,
		func(line string) { notes = append(notes, line) },
	)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(notes, "\n"); len(notes) != 2 || !strings.Contains(all, "not scheduled: 0/1 nodes") ||
		!strings.Contains(all, "ContainerCreating") {
		t.Errorf("it was said: %s", all)
	}
	made, err := yaml.Marshal(n.made)
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Golden(t, "pod.yaml", made)

	s := &shop{records: map[string]bool{}}
	server := httptest.NewServer(s)
	defer server.Close()
	a, err := g.Attack(
		t.Context(),
		load.Plan{URL: server.URL, Rate: 100, Limit: time.Minute, Reads: []string{"/records"},
			Write: &load.Write{Path: "/records", Body: json.RawMessage(`{}`)}, WriteShare: 0.5},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	totals, err := a.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	writes, err := a.Check(t.Context())
	if err != nil || totals.Requests < 40 || writes.Acknowledged < 20 || writes.Found != writes.Acknowledged ||
		len(s.records) != 0 {
		t.Errorf("%d requests, %+v, %v, left %v", totals.Requests, writes, err, s.records)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 { // the second time it is gone
		if err := g.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"opex-load-old", "opex-load-new", "opex-load-new"}; !slices.Equal(n.deleted, want) {
		t.Errorf("deleted were %v, want %v", n.deleted, want)
	}
}

func TestAPodThatDoesNotComeToRunIsDeletedAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		states []corev1.PodStatus
		ends   bool // the context, once the pod is made
		says   string
	}{
		"it was evicted":   {[]corev1.PodStatus{pulling, evicted}, false, "it ended: Evicted The node was low on resource: memory."},
		"it was deleted":   {nil, false, "somebody deleted it"},
		"an interrupt":     {[]corev1.PodStatus{waiting}, true, "context canceled"},
		"it ended at once": {[]corev1.PodStatus{{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "StartError", Message: "no such file"}}}}}}, false, "StartError no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := &node{states: c.states}
			_, err := New(ctx, n.serve(t), lab, nil, time.Minute, func(string) {
				if c.ends {
					cancel()
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), "pod chaos-mesh/opex-load-new") {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
			if !slices.Contains(n.deleted, "opex-load-new") {
				t.Errorf("deleted were %v", n.deleted)
			}
		})
	}
}

// shop keeps records.
type shop struct {
	mu      sync.Mutex
	n       int
	records map[string]bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		s.n++
		path := fmt.Sprintf("/records/%d", s.n)
		s.records[path] = true
		w.Header().Set("Location", path)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodDelete:
		delete(s.records, r.URL.Path)
	case r.URL.Path != "/records" && !s.records[r.URL.Path]:
		w.WriteHeader(http.StatusNotFound)
	}
}
