package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// serve answers with a server that gives a request 200 ms, and an idle connection a minute.
func serve(t *testing.T, wrap func(net.Listener) net.Listener) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 200 * time.Millisecond,
		ReadTimeout:       200 * time.Millisecond,
		IdleTimeout:       time.Minute,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }),
	}
	go func() { _ = server.Serve(wrap(listener)) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func patient(l net.Listener) net.Listener { return IdleFirst(l, time.Minute) }

// asked sends a request on a connection that was opened some time ago.
func asked(t *testing.T, address string, after time.Duration, request string) (*http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	time.Sleep(after)
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

func TestAConnectionThatWasOpenedAndNotUsedIsKept(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: tasks\r\n\r\n"
	if _, err := asked(t, serve(t, func(l net.Listener) net.Listener { return l }), 600*time.Millisecond, request); err == nil {
		t.Error("net/http keeps it, too: the wrapper is not needed any more")
	}
	answer, err := asked(t, serve(t, patient), 600*time.Millisecond, request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestARequestThatWasBegunHasNoMoreTimeThanBefore(t *testing.T) {
	began := time.Now()
	answer, err := asked(t, serve(t, patient), 300*time.Millisecond, "GET / HTTP/1.1\r\nHo")
	if err == nil && answer.StatusCode == http.StatusOK {
		t.Error("half a request was answered")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("half a request was waited for for %s", took)
	}
}
