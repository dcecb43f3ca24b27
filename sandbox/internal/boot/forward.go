package boot

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// The host reaches the sandbox through loopback ports only. Their listening sockets are opened before the process
// enters the sandbox's network, and stay in the host's: no route, interface or firewall rule on the host is needed.

// forwardTCP passes connections on to an address of the sandbox.
func forwardTCP(l net.Listener, address string) {
	for {
		connection, err := l.Accept()
		if err != nil {
			log.Printf("forward to %s: %v", address, err)
			return
		}
		go func() {
			defer connection.Close()
			target, err := net.Dial("tcp", address)
			if err != nil {
				log.Printf("forward: %v", err)
				return
			}
			defer target.Close()
			go func() {
				_, _ = io.Copy(target, connection)
				_ = target.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(connection, target)
		}()
	}
}

// forwardHTTP serves the Services of the cluster under http://<port>.<service>.<namespace>.localhost:<host port>.
func forwardHTTP(l net.Listener) error {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(layout.DNSAddress.String(), "53"))
	}}
	transport := &http.Transport{DialContext: (&net.Dialer{Resolver: resolver}).DialContext, MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			target, _ := serviceOf(r.In.Host) // checked before
			r.SetURL(target)
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, fmt.Sprintf("sandbox: %s: %v", r.Host, err), http.StatusBadGateway)
		},
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := serviceOf(r.Host); err != nil {
			http.Error(w, "sandbox: "+err.Error(), http.StatusNotFound)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
}

// serviceOf reads a Service's address from a Host header.
func serviceOf(host string) (*url.URL, error) {
	name, _, _ := strings.Cut(host, ":")
	parts := strings.Split(name, ".")
	if len(parts) != 4 || parts[3] != "localhost" {
		return nil, fmt.Errorf(
			"%q names no Service: use <port>.<service>.<namespace>.localhost, such as 8000.task-api.staging.localhost",
			name,
		)
	}
	return &url.URL{Scheme: "http", Host: fmt.Sprintf("%s.%s.svc.cluster.local:%s", parts[1], parts[2], parts[0])}, nil
}
