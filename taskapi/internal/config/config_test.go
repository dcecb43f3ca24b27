package config

import (
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// env is a complete environment, changed by pairs; everything else that Load reads is cleared.
func env(t *testing.T, pairs map[string]string) {
	t.Helper()
	base := map[string]string{
		"PORT":              "",
		"LOG_LEVEL":         "",
		"REQUEST_TIMEOUT":   "",
		"DRAIN_DELAY":       "",
		"DRAIN_TIMEOUT":     "",
		"DB_MAX_CONNS":      "",
		"PGPORT":            "",
		"PGCONNECT_TIMEOUT": "",
		"PGSSLMODE":         "",
		"PGHOST":            "db.staging",
		"PGUSER":            "task_api",
		"PGDATABASE":        "tasks",
		"PGPASSWORD":        "hunter2-hunter2",
	}
	for k, v := range pairs {
		base[k] = v
	}
	for k, v := range base {
		t.Setenv(k, v)
	}
}

func TestLoadHasTheDocumentedDefaults(t *testing.T) {
	env(t, nil)
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 8000 || c.LogLevel != slog.LevelInfo || c.RequestTimeout != 3*time.Second ||
		c.DrainDelay != 5*time.Second || c.DrainTimeout != 20*time.Second {
		t.Errorf("defaults are %+v", c)
	}
	d := c.Database
	if d.MaxConns != 5 || d.ConnConfig.Host != "db.staging" || d.ConnConfig.Port != 5432 ||
		d.ConnConfig.User != "task_api" ||
		d.ConnConfig.Database != "tasks" ||
		d.ConnConfig.Password != "hunter2-hunter2" {
		t.Error("the database's settings do not follow the environment")
	}
	if d.MinConns != d.MaxConns {
		t.Errorf("%d of %d connections are opened beforehand: a burst would pay for the others", d.MinConns, d.MaxConns)
	}
	if d.ConnConfig.ConnectTimeout != 2*time.Second {
		t.Errorf("a new connection may take %s, want 2s", d.ConnConfig.ConnectTimeout)
	}
}

func TestLoadLeavesTheConnectTimeoutToLibpqsVariable(t *testing.T) {
	env(t, map[string]string{"PGCONNECT_TIMEOUT": "7"})
	c, err := Load()
	if err != nil || c.Database.ConnConfig.ConnectTimeout != 7*time.Second {
		t.Errorf("got %v, %v; want 7s", c.Database.ConnConfig.ConnectTimeout, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"a port that is no number": {map[string]string{"PORT": "http"}, `PORT is "http": want a whole number from 0 to 65535`},
		"a port out of range":      {map[string]string{"PORT": "65536"}, `PORT is "65536"`},
		"a Service's link as port": {map[string]string{"PGPORT": "tcp://10.0.0.1:5432"}, `PGPORT is "tcp://10.0.0.1:5432"`},
		"an unknown level":         {map[string]string{"LOG_LEVEL": "verbose"}, `LOG_LEVEL is "verbose": want debug, info, warn or error`},
		"a duration without unit":  {map[string]string{"DRAIN_TIMEOUT": "20"}, `DRAIN_TIMEOUT is "20": want a duration from 1s to 10m0s, such as 20s`},
		"a negative delay":         {map[string]string{"DRAIN_DELAY": "-1s"}, `DRAIN_DELAY is "-1s"`},
		"an endless request":       {map[string]string{"REQUEST_TIMEOUT": "1h"}, `REQUEST_TIMEOUT is "1h"`},
		"a pool of none":           {map[string]string{"DB_MAX_CONNS": "0"}, `DB_MAX_CONNS is "0": want a whole number from 1 to 1000`},
		"no host":                  {map[string]string{"PGHOST": ""}, "PGHOST is not set"},
		"no user":                  {map[string]string{"PGUSER": ""}, "PGUSER is not set"},
		"no database":              {map[string]string{"PGDATABASE": ""}, "PGDATABASE is not set"},
		"a mistake only pgx sees":  {map[string]string{"PGSSLMODE": "sometimes"}, "sslmode is invalid"},
		"requests that outlive the drain": {map[string]string{"REQUEST_TIMEOUT": "30s", "DRAIN_TIMEOUT": "10s"},
			"REQUEST_TIMEOUT is 30s, longer than DRAIN_TIMEOUT (10s)"},
	} {
		t.Run(name, func(t *testing.T) {
			env(t, c.env)
			_, err := Load()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in the message: %v", err)
			}
		})
	}
}

func TestLoadReportsAllProblemsAtOnceInOneOrder(t *testing.T) {
	env(t, map[string]string{"PORT": "-1", "LOG_LEVEL": "loud", "DRAIN_DELAY": "soon", "PGHOST": "", "PGPORT": "0"})
	for range 20 {
		_, err := Load()
		var problems Error
		if !errors.As(err, &problems) || len(problems) != 5 {
			t.Fatalf("want 5 problems, got %v", err)
		}
		for i, key := range []string{"PORT", "LOG_LEVEL", "DRAIN_DELAY", "PGHOST", "PGPORT"} {
			if !strings.HasPrefix(problems[i], key+" ") {
				t.Errorf("problem %d is %q, want one of %s", i, problems[i], key)
			}
		}
	}
}

func TestTheReadmeListsEveryVariable(t *testing.T) {
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`"([A-Z][A-Z_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(keys) < 10 {
		t.Fatalf("only %d variables found in the source", len(keys))
	}
	for _, key := range keys {
		if !strings.Contains(string(readme), "`"+key[1]+"`") {
			t.Errorf("%s is not in the README", key[1])
		}
	}
}
