package load

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// asked sends requests and counts them by connection. The pause between two lets connections grow old.
func asked(t *testing.T, keep time.Duration, requests int, pause time.Duration) map[string]int {
	t.Helper()
	var lock sync.Mutex
	on := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		on[r.RemoteAddr]++
	}))
	defer server.Close()
	plan := Plan{Clients: 12, Rate: 100}.WithDefaults()
	transport := once{newCallers(plan, keep), plan.Timeout}
	for range requests {
		request, err := http.NewRequest(http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
	}
	return on
}

// A Service sends each connection to a pod of its own, so this is what makes the load reach all pods.
func TestRequestsAreSpreadOverConnections(t *testing.T) {
	on := asked(t, time.Hour, 120, 0)
	// One client more than twelve: the first one renews its connection at once.
	if len(on) < 12 || len(on) > 13 {
		t.Fatalf("120 requests of 12 clients came on %d connections", len(on))
	}
	for address, n := range on {
		if n > 10 {
			t.Errorf("%d requests came on %s, want 10 at most", n, address)
		}
	}
}

// So a pod that is new gets its share of the load.
func TestConnectionsAreRenewed(t *testing.T) {
	if on := asked(t, 50*time.Millisecond, 120, 2*time.Millisecond); len(on) < 36 {
		t.Errorf("in 5 times as long as a connection is kept there were %d connections of 12 clients", len(on))
	}
}
