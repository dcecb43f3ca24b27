package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
)

// endpoints does what a Service does: it sends requests to the replicas whose last probe was good. Like there, the news
// of a replica's end travels slowly.
type endpoints struct {
	replicas []*process
	ready    []atomic.Bool
	next     atomic.Uint64
}

func (e *endpoints) probe(ctx context.Context, every time.Duration) {
	for ctx.Err() == nil {
		for i, p := range e.replicas {
			resp, err := http.Get(p.url + "/ready")
			e.ready[i].Store(err == nil && resp.StatusCode == http.StatusOK)
			if err == nil {
				_ = resp.Body.Close()
			}
		}
		time.Sleep(every)
	}
}

func (e *endpoints) pick() string {
	for {
		i := int(e.next.Add(1)) % len(e.replicas)
		if e.ready[i].Load() {
			return e.replicas[i].url
		}
		time.Sleep(time.Millisecond)
	}
}

func TestDrainLosesNoRequest(t *testing.T) {
	db := pgtest.Shared(t)
	name := db.Database(t)
	env := append(db.Env(name), "DRAIN_DELAY=1s", "DRAIN_TIMEOUT=5s")
	e := &endpoints{replicas: []*process{launch(t, env...), launch(t, env...)}, ready: make([]atomic.Bool, 2)}
	for i, p := range e.replicas {
		p.waitReady(t)
		e.ready[i].Store(true)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var probing, load sync.WaitGroup
	probing.Go(func() { e.probe(ctx, 300*time.Millisecond) })

	// POST is what net/http never sends twice on its own, so that every loss is seen.
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: 5 * time.Second}
	var sent, toDraining atomic.Int64
	var draining atomic.Bool
	for range 20 {
		load.Go(func() {
			for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
				url := e.pick()
				req, _ := http.NewRequest(
					"POST", url+"/tasks", strings.NewReader(fmt.Sprintf(`{"id":%q,"title":"load"}`, uuid.New())),
				)
				req.GetBody = nil
				req.Header.Set("Content-Type", "application/json")
				before := draining.Load()
				resp, err := client.Do(req)
				if err != nil {
					t.Errorf("lost: %v", err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusCreated {
					t.Errorf("status %d", resp.StatusCode)
					continue
				}
				sent.Add(1)
				if before && url == e.replicas[0].url {
					toDraining.Add(1)
				}
			}
		})
	}
	time.Sleep(time.Second)
	e.replicas[0].signal(t, syscall.SIGTERM)
	draining.Store(true)
	e.replicas[0].wantExit(t, 0, 8*time.Second)
	time.Sleep(500 * time.Millisecond)
	stop()
	load.Wait()
	probing.Wait()

	var stored int64
	if err := db.Conn(t, name).QueryRow(t.Context(), `SELECT count(*) FROM tasks`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if stored != sent.Load() {
		t.Errorf("%d tasks stored, %d creations answered", stored, sent.Load())
	}
	if toDraining.Load() == 0 {
		t.Error("no request reached the draining replica: the test proves nothing")
	}
	t.Logf("%d requests, %d of them to the draining replica", sent.Load(), toDraining.Load())
}

func TestDrainWaitsForARequestInFlight(t *testing.T) {
	db := pgtest.Shared(t)
	name := db.Database(t)
	p := launch(t, append(db.Env(name), "DRAIN_DELAY=0s", "DRAIN_TIMEOUT=10s", "REQUEST_TIMEOUT=8s")...)
	p.waitReady(t)
	id := uuid.NewString()
	if status, err := send(t, "POST", p.url+"/tasks", fmt.Sprintf(`{"id":%q,"title":"held"}`, id)); err != nil ||
		status != http.StatusCreated {
		t.Fatal(status, err)
	}
	conn := db.Conn(t, name)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE`, id); err != nil {
		t.Fatal(err)
	}
	type result struct {
		status int
		err    error
	}
	answered := make(chan result, 1)
	go func() {
		status, err := send(t, "PATCH", p.url+"/tasks/"+id, `{"done":true}`)
		answered <- result{status, err}
	}()
	for waiting := 0; waiting == 0; time.Sleep(10 * time.Millisecond) {
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(t, syscall.SIGTERM)
	time.Sleep(time.Second) // the listener has been closed for most of it
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), time.Second); err == nil {
		t.Error("a drained listener takes new connections")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got.err != nil || got.status != http.StatusOK {
		t.Errorf("the request in flight got %d, %v", got.status, got.err)
	}
	p.wantExit(t, 0, 5*time.Second)
}

func TestDrainThatTakesTooLongEndsWithExit1(t *testing.T) {
	for name, c := range map[string]struct {
		env    []string
		second bool
		want   string
	}{
		"the timeout": {[]string{"DRAIN_DELAY=0s", "DRAIN_TIMEOUT=1s"}, false, "not done 1s after the listener closed"},
		"a second signal while requests end": {[]string{"DRAIN_DELAY=0s", "DRAIN_TIMEOUT=1m"}, true,
			"terminated while draining: requests in flight were cut off"},
		"a second signal in the delay": {[]string{"DRAIN_DELAY=1m", "DRAIN_TIMEOUT=1m"}, true,
			"terminated while draining: requests in flight were cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			// No database: only the way that a process ends matters here.
			p := launch(
				t,
				append(c.env, "REQUEST_TIMEOUT=500ms", "PGHOST=127.0.0.1", "PGPORT=1", "PGUSER=u", "PGDATABASE=d")...)
			conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = fmt.Fprint(
				conn,
				"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
			)
			time.Sleep(200 * time.Millisecond)
			p.signal(t, syscall.SIGTERM)
			if c.second {
				for until := time.Now().Add(10 * time.Second); !strings.Contains(p.logs(), "draining") && time.Now().Before(until); {
					time.Sleep(10 * time.Millisecond) // two signals at once are one
				}
				p.signal(t, syscall.SIGTERM)
			}
			p.wantExit(t, 1, 4*time.Second)
			if !strings.Contains(p.logs(), c.want) {
				t.Errorf("the log does not say %q:\n%s", c.want, p.logs())
			}
		})
	}
}

func send(t *testing.T, method, url, body string) (int, error) {
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
