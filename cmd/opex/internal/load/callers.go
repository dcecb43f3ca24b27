package load

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// DefaultClients is how many clients take turns.
	DefaultClients = 24
	// keepFor is how long a client keeps a connection: short enough that each finds a new pod within a Game Day.
	keepFor = 4 * time.Second
)

// callers are clients that take turns, each with connections of its own.
//
// A Service chooses a pod for each connection, not for each request, and Go's transport takes the idle connection that
// was used last. So one client asks one or two pods, and a Game Day that kills another would measure nothing.
type callers struct {
	all  []*caller
	keep time.Duration
	next atomic.Uint64
}

type caller struct {
	transport http.RoundTripper
	renew     atomic.Int64 // Unix nanoseconds: from then on its next request is the last one on its connection
}

func newCallers(p Plan, keep time.Duration) *callers {
	dialer := &net.Dialer{Timeout: p.Timeout, KeepAlive: 15 * time.Second}
	c := &callers{keep: keep}
	for i := range p.Clients {
		one := &caller{transport: &http.Transport{
			DialContext:         dialer.DialContext,
			MaxIdleConnsPerHost: 1 + p.Workers/p.Clients,
			IdleConnTimeout:     30 * time.Second,
		}}
		// One after the other, not all at once.
		one.renew.Store(time.Now().Add(keep * time.Duration(i) / time.Duration(p.Clients)).UnixNano())
		c.all = append(c.all, one)
	}
	return c
}

// RoundTrip may change the request: its caller has made a copy.
func (c *callers) RoundTrip(r *http.Request) (*http.Response, error) {
	one := c.all[c.next.Add(1)%uint64(len(c.all))]
	if now := time.Now(); one.renew.Load() < now.UnixNano() {
		one.renew.Store(now.Add(c.keep).UnixNano())
		r.Close = true
	}
	return one.transport.RoundTrip(r)
}
