// Package config reads the service's settings from the environment.
//
// The database's address comes from libpq's own variables, which pgx reads; three of them are demanded here, because
// their ambient defaults (a local socket, the operating system's user) are never right in a container.
package config

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Config is everything the service can be told.
type Config struct {
	Port           int           // PORT: TCP port, 8000; 0 takes any free one
	LogLevel       slog.Level    // LOG_LEVEL: debug, info (the default), warn, error
	RequestTimeout time.Duration // REQUEST_TIMEOUT: for the database work of one request, 3s
	DrainDelay     time.Duration // DRAIN_DELAY: still serving after SIGTERM, while endpoints forget this pod, 5s
	DrainTimeout   time.Duration // DRAIN_TIMEOUT: then, for requests in flight to end, 20s
	Database       *pgxpool.Config
}

// Error lists everything that is wrong with the environment.
type Error []string

func (e Error) Error() string {
	return fmt.Sprintf(
		"task-api: not started: %d wrong setting(s) in the environment:\n  - %s", len(e), strings.Join(e, "\n  - "),
	)
}

// Load reads the settings. It reports all problems at once, as an Error; values of secrets are never part of it. An
// empty variable counts as unset.
func Load() (Config, error) {
	var r reader
	c := Config{
		Port:           r.number("PORT", 8000, 0, 65535),
		LogLevel:       r.level("LOG_LEVEL"),
		RequestTimeout: r.duration("REQUEST_TIMEOUT", 3*time.Second, 100*time.Millisecond, time.Minute),
		DrainDelay:     r.duration("DRAIN_DELAY", 5*time.Second, 0, 10*time.Minute),
		DrainTimeout:   r.duration("DRAIN_TIMEOUT", 20*time.Second, time.Second, 10*time.Minute),
	}
	maxConns := r.number("DB_MAX_CONNS", 5, 1, 1000)
	for _, key := range []string{"PGHOST", "PGUSER", "PGDATABASE"} {
		if os.Getenv(key) == "" {
			r.wrong(key, "is not set: the service has no default database")
		}
	}
	r.number("PGPORT", 5432, 1, 65535)
	if c.RequestTimeout > c.DrainTimeout && len(r.problems) == 0 {
		r.wrong(
			"REQUEST_TIMEOUT",
			"is %s, longer than DRAIN_TIMEOUT (%s): a request accepted before a shutdown could be cut off",
			c.RequestTimeout, c.DrainTimeout,
		)
	}
	if len(r.problems) > 0 {
		return Config{}, r.problems
	}
	// Without this, a database that swallows packets would hold each new connection for two minutes.
	defaults := "connect_timeout=2"
	if os.Getenv("PGCONNECT_TIMEOUT") != "" {
		defaults = ""
	}
	pool, err := pgxpool.ParseConfig(defaults)
	if err != nil {
		return Config{}, Error{"the database's settings (PG*): " + err.Error()}
	}
	pool.MaxConns = int32(maxConns)
	// A new connection costs the database more than many requests. Opened when a burst wants them, they would be late,
	// and all clients with them.
	pool.MinConns = pool.MaxConns
	pool.MaxConnLifetimeJitter = 10 * time.Minute // nor are all of them renewed at the same time
	pool.PingTimeout = 500 * time.Millisecond     // tells a dead pooled connection from a live one
	pool.HealthCheckPeriod = 5 * time.Second      // MinConns are back this soon after a restart of the database
	pool.ConnConfig.RuntimeParams["application_name"] = "task-api"
	c.Database = pool
	return c, nil
}

type reader struct {
	problems Error
}

func (r *reader) wrong(key, format string, args ...any) {
	r.problems = append(r.problems, key+" "+fmt.Sprintf(format, args...))
}

func (r *reader) number(key string, def, low, high int) int {
	v := os.Getenv(key)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		r.wrong(key, "is %q: want a whole number from %d to %d", v, low, high)
	}
	return n
}

func (r *reader) duration(key string, def, low, high time.Duration) time.Duration {
	v := os.Getenv(key)
	if v == "" {
		return def
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < low || d > high {
		r.wrong(key, "is %q: want a duration from %s to %s, such as %s", v, low, high, def)
	}
	return d
}

func (r *reader) level(key string) slog.Level {
	levels := map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError}
	l, ok := levels[os.Getenv(key)]
	if !ok {
		r.wrong(key, "is %q: want debug, info, warn or error", os.Getenv(key))
	}
	return l
}
