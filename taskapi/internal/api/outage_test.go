package api

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
)

func TestAStoppedDatabaseIsSaidAtOnceAndMissedNoLongerThanItIsGone(t *testing.T) {
	for name, stop := range map[string]func(*pgtest.Server, testing.TB){
		"a rollout": (*pgtest.Server).Stop, "a crash": (*pgtest.Server).Crash,
	} {
		t.Run(name, func(t *testing.T) {
			s := startOn(t, pgtest.Start(t))
			path := s.call(t, "POST", "/tasks", `{"title":"kept"}`).want(t, 201).header.Get("Location")
			s.call(t, "GET", "/ready", "").want(t, 200)
			stop(s.db, t)

			for _, c := range []struct{ method, path, body string }{
				{"GET", path, ""}, {"GET", "/tasks", ""}, {"POST", "/tasks", `{"title":"x"}`},
				{"PATCH", path, `{"done":true}`}, {"DELETE", path, ""}, {"GET", "/ready", ""},
			} {
				begin := time.Now()
				a := s.call(t, c.method, c.path, c.body).want(t, 503)
				took := time.Since(begin)
				if got := into[problem](t, a).Error; got.Code != "database_unavailable" ||
					a.header.Get("Retry-After") != "1" {
					t.Errorf("%s %s: %+v, Retry-After %q", c.method, c.path, got, a.header.Get("Retry-After"))
				}
				if took > time.Second {
					t.Errorf("%s %s: said after %s", c.method, c.path, took)
				}
			}
			s.call(t, "GET", "/health", "").want(t, 200)
			s.call(t, "POST", "/tasks", `{}`).want(t, 400) // a wrong request is wrong all the same

			s.db.Up(t)
			back := time.Now()
			for s.call(t, "GET", path, "").status != 200 {
				if time.Since(back) > 1500*time.Millisecond {
					t.Fatalf("still not served %s after the database's return", time.Since(back))
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("served again %s after the database's return", time.Since(back).Round(time.Millisecond))
			s.call(t, "GET", "/ready", "").want(t, 200)
		})
	}
}

// A pool that was busy holds connections that died with the old server: each may fail once, no more.
func TestABusyPoolRecoversFromARestartWithinASecond(t *testing.T) {
	s := startOn(t, pgtest.Start(t))
	stop := make(chan struct{})
	type sample struct {
		at     time.Time
		status int
	}
	samples := make(chan sample, 100_000)
	const clients = 8
	done := make(chan struct{}, clients)
	for range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := s.Client().Get(s.URL + "/tasks")
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				samples <- sample{time.Now(), resp.StatusCode}
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	time.Sleep(300 * time.Millisecond)
	s.db.Stop(t)
	time.Sleep(300 * time.Millisecond)
	s.db.Up(t)
	back := time.Now()
	time.Sleep(2 * time.Second)
	close(stop)
	for range clients {
		<-done
	}
	close(samples)
	good, late := 0, 0
	for got := range samples {
		switch {
		case got.status != 200 && got.status != 503:
			t.Errorf("status %d", got.status)
		case got.at.After(back.Add(time.Second)) && got.status == 200:
			good++
		case got.at.After(back.Add(time.Second)):
			late++
		}
	}
	if good == 0 || late > 0 {
		t.Errorf("more than a second after the return: %d answers good, %d still 503", good, late)
	}
}

// The way to a database on a dead node: packets are accepted, and nothing ever answers.
func TestASilentDatabaseIsGivenUpWithinTheRequestsTime(t *testing.T) {
	s := startOn(t, pgtest.Start(t))
	s.db.Stop(t)
	l, err := net.Listen("tcp", net.JoinHostPort(s.db.Host, strconv.Itoa(s.db.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, path := range []string{"/tasks", "/ready"} {
		begin := time.Now()
		s.call(t, "GET", path, "").want(t, 503)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("%s: given up after %s", path, took)
		}
	}
}

func TestDrainTurnsReadyAloneAndEndsConnections(t *testing.T) {
	s := start(t)
	if a := s.call(t, "GET", "/tasks", "").want(t, 200); a.header.Get("Connection") == "close" {
		t.Error("connections end before the drain")
	}
	s.api.Drain()
	if got := into[problem](t, s.call(t, "GET", "/ready", "").want(t, 503)).Error; got.Code != "draining" {
		t.Errorf("ready says %+v", got)
	}
	s.call(t, "GET", "/health", "").want(t, 200)
	s.call(t, "POST", "/tasks", `{"title":"late"}`).want(t, 201)
	resp, err := http.Get(s.URL + "/tasks")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if !resp.Close {
		t.Error("a draining server keeps its connections open")
	}
}

func TestReadyRefusesADatabaseWithoutItsMigrations(t *testing.T) {
	s := start(t)
	if _, err := s.db.Conn(t, s.database).Exec(t.Context(), `DROP TABLE tasks, schema_migrations`); err != nil {
		t.Fatal(err)
	}
	got := into[problem](t, s.call(t, "GET", "/ready", "").want(t, 503)).Error
	if got.Code != "not_migrated" || !strings.Contains(got.Message, "version 0") {
		t.Errorf("ready says %+v", got)
	}
	s.call(t, "GET", "/tasks", "").want(t, 503)
}
