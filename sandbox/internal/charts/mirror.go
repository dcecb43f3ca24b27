// Package charts answers for the official chart repositories on a machine that cannot reach them. It is an HTTPS proxy:
// what is asked of a repository that it holds, it answers itself, with a certificate of the sandbox; all else it passes
// on. Programs need nothing but the usual HTTPS_PROXY and SSL_CERT_FILE, so the official Pulumi plugin finds charts
// here too.
package charts

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/opex-project/opex/sandbox/internal/pki"
)

// Mirror is a running proxy.
type Mirror struct {
	// URL is its address, for HTTPS_PROXY.
	URL string

	listener net.Listener
	ca       *pki.Authority
	// upstream is the proxy that this process itself was told to use, or nil.
	upstream func(*http.Request) (*url.URL, error)
	sites    map[string]*site

	mu    sync.Mutex
	certs map[string]*tls.Certificate
}

// site is one mirrored repository's host.
type site struct {
	// path is the repository's path on the host.
	path string
	// load packs its charts, at the first request.
	load func() ([]archive, error)

	once   sync.Once
	charts []archive
	err    error
}

// Start serves repositories until Close.
func Start(ca *pki.Authority, repositories []Repository) (*Mirror, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &Mirror{
		URL: "http://" + listener.Addr().String(), listener: listener, ca: ca,
		upstream: http.ProxyFromEnvironment, sites: map[string]*site{}, certs: map[string]*tls.Certificate{},
	}
	for _, r := range repositories {
		address, err := url.Parse(r.URL)
		if err != nil {
			return nil, err
		}
		m.sites[address.Hostname()] = &site{path: path.Clean("/" + address.Path), load: r.pack}
	}
	go func() {
		_ = (&http.Server{Handler: http.HandlerFunc(m.serve), ReadHeaderTimeout: 10 * time.Second}).Serve(listener)
	}()
	return m, nil
}

// Close stops it.
func (m *Mirror) Close() error { return m.listener.Close() }

// serve handles one proxy request. Only tunnels: HTTPS_PROXY asks for nothing else.
func (m *Mirror) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "this proxy is for HTTPS only", http.StatusMethodNotAllowed)
		return
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "no tunnel over this protocol", http.StatusInternalServerError)
		return
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if s, mirrored := m.sites[host]; mirrored {
		if client := accept(hijacker); client != nil {
			m.answer(client, host, s)
		}
		return
	}
	target, err := m.dial(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if client := accept(hijacker); client != nil {
		go func() { defer target.Close(); _, _ = io.Copy(target, client) }()
		defer client.Close()
		_, _ = io.Copy(client, target)
	}
}

// accept takes over the client's connection and tells it that the tunnel stands.
func accept(hijacker http.Hijacker) net.Conn {
	client, _, err := hijacker.Hijack()
	if err != nil {
		return nil
	}
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		client.Close()
		return nil
	}
	return client
}

// dial opens the way to a host that is not mirrored, through this process's own proxy where it has one.
func (m *Mirror) dial(r *http.Request) (net.Conn, error) {
	proxy, err := m.upstream(&http.Request{URL: &url.URL{Scheme: "https", Host: r.Host}})
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return net.DialTimeout("tcp", r.Host, 10*time.Second)
	}
	connection, err := net.DialTimeout("tcp", proxy.Host, 10*time.Second)
	if err != nil {
		return nil, err
	}
	request := &http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: r.Host},
		Host:   r.Host,
		Header: http.Header{},
	}
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		account := base64.StdEncoding.EncodeToString([]byte(proxy.User.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+account)
	}
	if err := request.Write(connection); err != nil {
		connection.Close()
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), request)
	if err != nil {
		connection.Close()
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		connection.Close()
		return nil, fmt.Errorf("proxy %s: %s", proxy.Host, answer.Status)
	}
	return connection, nil
}

// answer speaks for a mirrored host.
func (m *Mirror) answer(client net.Conn, host string, s *site) {
	cert, err := m.certificate(host)
	if err != nil {
		log.Printf("chart mirror: %v", err)
		client.Close()
		return
	}
	secure := tls.Server(client, &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12})
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	_ = server.Serve(&oneConnection{connection: secure})
}

func (m *Mirror) certificate(host string) (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cert, known := m.certs[host]; known {
		return cert, nil
	}
	certPEM, keyPEM, err := m.ca.Issue(pki.Leaf{CommonName: host, Names: []string{host}})
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	m.certs[host] = &cert
	return &cert, nil
}

// ServeHTTP serves the repository's index and archives.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(func() { s.charts, s.err = s.load() })
	if s.err != nil {
		http.Error(w, "chart mirror: "+s.err.Error(), http.StatusInternalServerError)
		return
	}
	file := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, s.path), "/")
	if file == "index.yaml" {
		content, err := index(s.charts)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(content)
		return
	}
	for _, c := range s.charts {
		if c.file() == file {
			_, _ = w.Write(c.data)
			return
		}
	}
	http.Error(w, "chart mirror: it holds no "+r.URL.Path, http.StatusNotFound)
}

// oneConnection is a listener that hands out one connection and no more; the server goes on with that one.
type oneConnection struct {
	connection net.Conn
	given      bool
}

func (l *oneConnection) Accept() (net.Conn, error) {
	if l.given {
		return nil, net.ErrClosed
	}
	l.given = true
	return l.connection, nil
}

func (l *oneConnection) Close() error   { return nil }
func (l *oneConnection) Addr() net.Addr { return l.connection.LocalAddr() }
