package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
)

func TestStartsBeforeItsDatabaseAndBecomesReady(t *testing.T) {
	db := pgtest.Start(t)
	env := db.Env(db.Database(t))
	db.Stop(t)
	p := launch(t, env...)
	if got := p.status(t, "/health"); got != http.StatusOK {
		t.Errorf("/health is %d without a database", got)
	}
	if got := p.status(t, "/ready"); got != http.StatusServiceUnavailable {
		t.Errorf("/ready is %d without a database", got)
	}
	db.Up(t)
	p.waitReady(t)
	if got := p.status(t, "/tasks"); got != http.StatusOK {
		t.Errorf("/tasks is %d", got)
	}
}

func TestWrongSettingsAreRefusedAllAtOnceWithExit2(t *testing.T) {
	p := launch(t, "PORT=eight", "DRAIN_DELAY=never", "PGPASSWORD="+pgtest.Password)
	p.wantExit(t, 2, time.Second)
	for _, key := range []string{"PORT", "DRAIN_DELAY", "PGHOST", "PGUSER", "PGDATABASE"} {
		if !strings.Contains(p.logs(), "- "+key+" ") {
			t.Errorf("%s is not among the problems:\n%s", key, p.logs())
		}
	}
	if strings.Contains(p.logs(), pgtest.Password) {
		t.Error("the password is in the message")
	}
}

func TestATakenPortIsRefusedWithExit1(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	p := launch(t, fmt.Sprintf("PORT=%d", port), "PGHOST=127.0.0.1", "PGUSER=u", "PGDATABASE=d")
	p.wantExit(t, 1, time.Second)
	if !strings.Contains(p.logs(), "address already in use") {
		t.Errorf("no reason given: %s", p.logs())
	}
}

func TestThePasswordIsNeverLogged(t *testing.T) {
	db := pgtest.Shared(t)
	right := db.Env(db.Database(t))
	const wrong = "wr0ng-Pa55word"
	for name, env := range map[string][]string{
		"right":       right,
		"wrong":       append(right, "PGPASSWORD="+wrong),
		"unreachable": append(right, "PGPORT=1"),
	} {
		p := launch(t, append(env, "DRAIN_DELAY=0s")...)
		ready := p.status(t, "/ready") // its failure is logged, too
		time.Sleep(300 * time.Millisecond)
		p.status(t, "/tasks")
		if name != "right" && ready != http.StatusServiceUnavailable {
			t.Errorf("%s: ready is %d", name, ready)
		}
		p.signal(t, syscall.SIGTERM)
		p.wantExit(t, 0, 5*time.Second)
		if name == "wrong" && !strings.Contains(p.logs(), "password authentication failed") {
			t.Errorf("the log does not say what is wrong:\n%s", p.logs())
		}
		for _, secret := range []string{pgtest.Password, wrong} {
			if strings.Contains(p.logs(), secret) {
				t.Errorf("%s: the password is in the log:\n%s", name, p.logs())
			}
		}
	}
}
