package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Files are named NNNN_what.sql, numbered from 0001 without gaps. They only go forward, and each must leave the schema
// usable by the release before it: during a rollout both run.
//
//go:embed migrations/*.sql
var files embed.FS

// lockKey is the advisory lock that one migrating replica holds at a time ("taskapi" in ASCII).
const lockKey int64 = 0x7461736b617069

// SchemaTooOld says that the database lacks migrations that this release needs.
type SchemaTooOld struct{ Have, Want int }

func (e SchemaTooOld) Error() string {
	return fmt.Sprintf("the database's schema has version %d, this release needs %d", e.Have, e.Want)
}

// Ready reports whether the database answers and has every migration. A newer schema is fine: it is the next release's,
// and this replica is about to be replaced.
func (s *Store) Ready(ctx context.Context) error {
	have, err := schemaVersion(ctx, s.pool)
	if err != nil {
		return err
	}
	if want := len(migrations()); have < want {
		return SchemaTooOld{have, want}
	}
	return nil
}

// Migrate brings the schema up to date, all of it or nothing. Any number of replicas may call it at once: the first
// does the work, the others wait for it and find nothing to do. The lock belongs to the transaction, so a replica that
// dies leaves it free.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
			version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`); err != nil {
			return err
		}
		have, err := schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		for i, name := range migrations() {
			version := i + 1
			if version <= have {
				continue
			}
			sql, err := files.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, string(sql)); err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO schema_migrations (version, name) VALUES ($1, $2)`, version, name); err != nil {
				return err
			}
			applied++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return applied, nil
}

// KeepMigrated makes the schema up to date and keeps it so until ctx ends: a database that is not there yet is waited
// for, and one that comes back empty (a lost volume) is set up again. Failures are logged when they change, not each
// time.
func (s *Store) KeepMigrated(ctx context.Context, log *slog.Logger) {
	const first, most, steady = 100 * time.Millisecond, 2 * time.Second, 5 * time.Second
	pause, last := first, ""
	for ctx.Err() == nil {
		err := s.ensure(ctx, log)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if err.Error() != last {
				log.Warn("database not usable, trying again", "error", err.Error())
			}
			last = err.Error()
		case last != "":
			log.Info("database usable again")
			last = ""
		}
		wait := steady
		if err != nil {
			wait = pause
			pause = min(2*pause, most)
		} else {
			pause = first
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (s *Store) ensure(ctx context.Context, log *slog.Logger) error {
	// Bounds the wait for another replica's lock, and for a database that stopped answering.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := s.Ready(ctx)
	if !errors.As(err, new(SchemaTooOld)) {
		return err
	}
	applied, err := s.Migrate(ctx)
	if err == nil && applied > 0 {
		log.Info("schema migrated", "applied", applied, "version", len(migrations()))
	}
	return err
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schemaVersion is 0 in a database without the versions table.
func schemaVersion(ctx context.Context, q querier) (int, error) {
	var version int
	err := q.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM schema_migrations`).Scan(&version)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P01" { // undefined_table
		return 0, nil
	}
	return version, explain(err)
}

// migrations lists the files in order; the position plus one is the version.
func migrations() []string {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return names
}
