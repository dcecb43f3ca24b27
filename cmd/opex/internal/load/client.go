package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"time"
)

// client follows no redirects and takes no proxy.
func client(p Plan) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     once{newCallers(p, keepFor), p.Timeout},
	}
}

// once sends each request once, and names why there was no answer.
//
// Go's transport sends a request that changes nothing again where a kept connection breaks before the answer, and tells
// nobody: a pod that was killed would cost such a client no error, and other clients do not do so. It cannot with a
// body that it cannot get anew.
type once struct {
	transport http.RoundTripper
	timeout   time.Duration
}

// RoundTrip reads the whole answer, within the time: one that breaks off is none.
func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), o.timeout)
	defer cancel()
	way := &way{}
	r = r.WithContext(httptrace.WithClientTrace(ctx, way.trace())) // a copy: the caller's is not ours to change
	r.GetBody = nil
	if r.Body == nil || r.Body == http.NoBody {
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	answer, err := o.transport.RoundTrip(r)
	if err != nil {
		return nil, way.named(err)
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, way.named(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// way is the connection that a request took.
type way struct {
	mu    sync.Mutex // a request that was given up may still be dialing
	conn  httptrace.GotConnInfo
	wrote bool
}

func (w *way) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.conn = c
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.wrote = true
		},
	}
}

// named puts the kind of a failure and its connection before its text, since vegeta hands on the text alone.
func (w *way) named(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	on := "no connection"
	if c := w.conn; c.Conn != nil {
		on = fmt.Sprintf("connection %s to %s, ", c.Conn.LocalAddr(), c.Conn.RemoteAddr())
		switch {
		case c.WasIdle:
			on += fmt.Sprintf("kept for %s", c.IdleTime.Round(time.Millisecond))
		case c.Reused:
			on += "kept"
		default:
			on += "new"
		}
		if !w.wrote {
			on += ", request not written"
		}
	}
	return fmt.Errorf("<%s> %s: %w", failure(err), on, err)
}

// kind finds both again in a text of vegeta's.
func kind(text string) (kind, said string) {
	text = strings.Join(strings.Fields(text), " ")
	for _, one := range failures {
		if _, said, is := strings.Cut(text, "<"+one+"> "); is {
			return one, said
		}
	}
	return FailureOther, text
}

func failure(err error) string {
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &name):
		return FailureName
	case errors.Is(err, syscall.ECONNREFUSED):
		return FailureRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return FailureReset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return FailureUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return FailureTimeout
	case errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(err.Error(), "server closed idle connection"):
		return FailureEOF
	}
	return FailureOther
}
