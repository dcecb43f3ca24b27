package gameday

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// restarting is an API server whose watches of pods end after one change each; from the second on it is away for some
// time.
type restarting struct {
	watches atomic.Int32
	away    int32 // so many watches are refused after the first
	gone    bool  // what came meanwhile is not kept
}

func (s *restarting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	kind := map[string]string{"pods": "PodList", "endpointslices": "EndpointSliceList", "events": "EventList"}[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
	version := "v1"
	if kind == "EndpointSliceList" {
		version = "discovery.k8s.io/v1"
	}
	if r.URL.Query().Get("watch") != "true" {
		fmt.Fprintf(w, `{"kind":%q,"apiVersion":%q,"metadata":{"resourceVersion":"5"},"items":[]}`, kind, version)
		return
	}
	if kind != "PodList" {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	n := s.watches.Add(1)
	status := func(code int, reason string) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).
			Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason})
	}
	switch {
	case n > 1 && s.gone:
		status(http.StatusGone, "Expired")
	case n > 1 && n <= 1+s.away:
		status(http.StatusServiceUnavailable, "ServiceUnavailable")
	case n > 2+s.away:
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		fmt.Fprintf(
			w,
			`{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p%d","uid":"p%d","resourceVersion":"%d"}}}`+"\n",
			n, n, 5+n,
		)
	}
}

func watched(t *testing.T, s *restarting) *observer {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	o, err := observe(t.Context(), &rest.Config{Host: server.URL}, "staging", "app=shop", "shop")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The API server is started anew in mid Game Day.
func TestAWatchThatIsCutOffGoesOnWhereItEnded(t *testing.T) {
	began := time.Now()
	o := watched(t, &restarting{away: 1})
	seen, _, broken := o.so()
	for ; len(seen) < 2 && broken == nil && time.Since(began) < 20*time.Second; seen, _, broken = o.so() {
		time.Sleep(50 * time.Millisecond)
	}
	if len(seen) != 2 || broken != nil {
		t.Fatalf("%d sightings, %v", len(seen), broken)
	}
	if blind := o.blind(began, time.Now()); blind < time.Second || blind > 10*time.Second {
		t.Errorf("blind for %s", blind)
	}
	if blind := o.blind(began.Add(-time.Minute), began.Add(-time.Second)); blind != 0 {
		t.Errorf("before, it was blind for %s", blind)
	}
}

func TestAWatchThatCannotGoOnSaysSo(t *testing.T) {
	o := watched(t, &restarting{gone: true})
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(50 * time.Millisecond) {
		if _, _, broken := o.so(); broken != nil {
			if !strings.Contains(broken.Error(), "watch of pods: what came meanwhile is not kept any more") {
				t.Error(broken)
			}
			return
		}
	}
	t.Error("nobody says so")
}
