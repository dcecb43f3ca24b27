package api

import (
	"net"
	"sync"
	"time"
)

// idleFirst is a listener whose connections may wait for their first request as long as for any later one.
//
// net/http gives a new connection no more than ReadHeaderTimeout until its first request is there, five seconds here,
// and then closes it. But clients keep connections that they opened and did not need: Go's does whenever another
// connection becomes free first, as in any short stall. Such a client sends a request on it some seconds later, just
// when it is being closed, and gets no answer. As long as the client closes idle connections first, that cannot be.
type idleFirst struct {
	net.Listener
	idle time.Duration
}

// IdleFirst wraps a listener. Idle is how long a connection may stay without a first request.
func IdleFirst(listener net.Listener, idle time.Duration) net.Listener {
	return idleFirst{listener, idle}
}

// Accept is of net.Listener.
func (l idleFirst) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &firstWait{Conn: conn, until: time.Now().Add(l.idle)}, nil
}

// firstWait holds back earlier deadlines for reading until the first byte is there.
type firstWait struct {
	net.Conn
	until time.Time // for the first byte

	mu    sync.Mutex // of what follows
	begun bool
	want  time.Time // the deadline that was asked for meanwhile
}

// SetReadDeadline is of net.Conn. A deadline in the past is kept: it is how a server interrupts a read.
func (c *firstWait) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want = at
	if !c.begun && !at.IsZero() && at.After(time.Now()) && at.Before(c.until) {
		at = c.until
	}
	return c.Conn.SetReadDeadline(at)
}

// SetDeadline is of net.Conn.
func (c *firstWait) SetDeadline(at time.Time) error {
	if err := c.Conn.SetWriteDeadline(at); err != nil {
		return err
	}
	return c.SetReadDeadline(at)
}

// Read is of net.Conn. With the first byte the time for the rest of the request begins.
func (c *firstWait) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && !c.begun {
		c.begun = true
		if !c.want.IsZero() && c.want.After(began) {
			_ = c.Conn.SetReadDeadline(time.Now().Add(c.want.Sub(began)))
		}
	}
	return n, err
}
