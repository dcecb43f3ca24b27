package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
	"github.com/opex-project/opex/taskapi/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func open(t *testing.T, s *pgtest.Server, database string) *store.Store {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(
		fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=disable pool_max_conns=5",
			s.Host, s.Port, pgtest.User, pgtest.Password, database),
	)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(cfg, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	return st
}

func migrated(t *testing.T) (*store.Store, *pgtest.Server, string) {
	t.Helper()
	s := pgtest.Shared(t)
	db := s.Database(t)
	st := open(t, s, db)
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st, s, db
}

func create(t *testing.T, st *store.Store, title string) store.Task {
	t.Helper()
	task, created, err := st.Create(t.Context(), store.Task{ID: uuid.New(), Title: title})
	if err != nil || !created {
		t.Fatalf("create: created %v, %v", created, err)
	}
	return task
}

func TestMigrateOf8ReplicasAtOnceIsDoneOnce(t *testing.T) {
	s := pgtest.Shared(t)
	db := s.Database(t)
	var group sync.WaitGroup
	applied := make([]int, 8)
	for i := range applied {
		st := open(t, s, db)
		group.Go(func() {
			n, err := st.Migrate(t.Context())
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
			if err := st.Ready(t.Context()); err != nil {
				t.Errorf("replica %d is not ready after its migration: %v", i, err)
			}
			applied[i] = n
		})
	}
	group.Wait()
	total := 0
	for _, n := range applied {
		total += n
	}
	var rows int
	if err := s.Conn(t, db).QueryRow(t.Context(), `SELECT count(*) FROM schema_migrations`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows == 0 || total != rows {
		t.Errorf("%d migrations recorded, %d applied by all replicas together", rows, total)
	}
}

func TestMigrateLeavesANewerSchemaAlone(t *testing.T) {
	st, s, db := migrated(t)
	if _, err := s.Conn(t, db).Exec(t.Context(), `INSERT INTO schema_migrations (version, name) VALUES (9999, 'of the next release')`); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Migrate(t.Context()); n != 0 || err != nil {
		t.Errorf("applied %d, %v", n, err)
	}
	if err := st.Ready(t.Context()); err != nil {
		t.Errorf("not ready beside the next release: %v", err)
	}
}

func TestReadyRefusesAnEmptyDatabase(t *testing.T) {
	s := pgtest.Shared(t)
	err := open(t, s, s.Database(t)).Ready(t.Context())
	var tooOld store.SchemaTooOld
	if !errors.As(err, &tooOld) || tooOld.Have != 0 || tooOld.Want < 1 {
		t.Errorf("got %v, want SchemaTooOld from 0", err)
	}
}

func TestKeepMigratedWaitsForTheDatabase(t *testing.T) {
	s := pgtest.Start(t)
	db := s.Database(t)
	s.Stop(t)
	st := open(t, s, db)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); st.KeepMigrated(ctx, slog.New(slog.DiscardHandler)) }()
	time.Sleep(300 * time.Millisecond)
	s.Up(t)
	eventually(t, 5*time.Second, func() error { return st.Ready(t.Context()) })
	cancel()
	<-ended
}

// A lost volume: the database comes back without any table, while replicas run on.
func TestKeepMigratedSetsAnEmptiedDatabaseUpAgain(t *testing.T) {
	st, s, db := migrated(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); st.KeepMigrated(ctx, slog.New(slog.DiscardHandler)) }()
	if _, err := s.Conn(t, db).Exec(t.Context(), `DROP TABLE tasks, schema_migrations`); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error { return st.Ready(t.Context()) })
	create(t, st, "after")
	cancel()
	<-ended
}

func TestCreateTwiceMakesOneTask(t *testing.T) {
	st, _, _ := migrated(t)
	want := store.Task{ID: uuid.New(), Title: "pay the bill", Description: "the big one"}
	var group sync.WaitGroup
	var mu sync.Mutex
	news := 0
	for range 10 {
		group.Go(func() {
			got, created, err := st.Create(t.Context(), want)
			if err != nil || got.ID != want.ID || got.Title != want.Title {
				t.Errorf("got %+v, %v", got, err)
			}
			if created {
				mu.Lock()
				news++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if news != 1 {
		t.Errorf("%d of 10 equal creations made a task, want 1", news)
	}
	other := want
	other.Title = "something else"
	if _, _, err := st.Create(t.Context(), other); !errors.Is(err, store.ErrConflict) {
		t.Errorf("other content under the same id: %v, want ErrConflict", err)
	}
}

func TestListMeetsEachOldTaskOnceWhileOthersAreInsertedAndChanged(t *testing.T) {
	st, _, _ := migrated(t)
	old := map[uuid.UUID]int{}
	var first store.Task
	for i := range 120 {
		first = create(t, st, fmt.Sprint("old ", i))
		old[first.ID] = 0
	}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for ctx.Err() == nil {
				done := true
				if _, _, err := st.Create(t.Context(), store.Task{ID: uuid.New(), Title: "new"}); err != nil {
					t.Error(err)
				}
				if _, err := st.Update(t.Context(), first.ID, store.Change{Done: &done}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var after *store.Position
	var last time.Time
	seen, pages := 0, 0
	for seen < len(old) && pages < 1000 {
		tasks, err := st.List(t.Context(), after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			if task.CreatedAt.Before(last) {
				t.Fatalf("task of %s listed after one of %s", task.CreatedAt, last)
			}
			last = task.CreatedAt
			if n, ok := old[task.ID]; ok {
				if n != 0 {
					t.Fatalf("task %s listed twice", task.ID)
				}
				old[task.ID]++
				seen++
			}
			after = &store.Position{CreatedAt: task.CreatedAt, ID: task.ID}
		}
		pages++
	}
	stop()
	group.Wait()
	if seen != len(old) {
		t.Errorf("%d of %d old tasks met in %d pages", seen, len(old), pages)
	}
}

func TestUpdateKeepsConcurrentChangesOfDifferentFields(t *testing.T) {
	st, _, _ := migrated(t)
	for i := range 30 {
		task := create(t, st, "draft")
		title, description, done := fmt.Sprint("title ", i), fmt.Sprint("description ", i), true
		var group sync.WaitGroup
		for _, c := range []store.Change{{Title: &title}, {Description: &description}, {Done: &done}} {
			group.Go(func() {
				if _, err := st.Update(t.Context(), task.ID, c); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		got, err := st.Get(t.Context(), task.ID)
		if err != nil || got.Title != title || got.Description != description || !got.Done {
			t.Fatalf("a change was lost: %+v, %v", got, err)
		}
		if !got.UpdatedAt.After(task.UpdatedAt) || !got.CreatedAt.Equal(task.CreatedAt) {
			t.Fatalf("times are wrong: before %+v, after %+v", task, got)
		}
	}
}

// What a restore drill does: the dump is loaded while replicas, started beside the database, already made their tables.
func TestServesADumpRestoredUnderIt(t *testing.T) {
	st, s, db := migrated(t)
	kept := create(t, st, "in the dump")
	dump := s.Path("tasks.dump")
	s.Run(t, "pg_dump", "-Fc", "-f", dump, db)
	lost := create(t, st, "after the dump")

	s.Run(t, "pg_restore", "--clean", "--if-exists", "--single-transaction", "-d", db, dump)
	got, err := st.Get(t.Context(), kept.ID)
	if err != nil || got != kept {
		t.Errorf("got %+v, %v; want %+v", got, err, kept)
	}
	if _, err := st.Get(t.Context(), lost.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a task newer than the dump: %v, want ErrNotFound", err)
	}
	if err := st.Ready(t.Context()); err != nil {
		t.Errorf("not ready after the restore: %v", err)
	}
}

func TestSchemaRefusesWhatTheAPICouldNotReturn(t *testing.T) {
	_, s, db := migrated(t)
	c := s.Conn(t, db)
	long := string(bytes.Repeat([]byte("x"), 4001))
	for name, args := range map[string][2]string{
		"an empty title": {"", ""}, "a long title": {long[:201], ""}, "a long description": {"ok", long},
	} {
		if _, err := c.Exec(t.Context(), `INSERT INTO tasks (id, title, description) VALUES (gen_random_uuid(), $1, $2)`,
			args[0], args[1]); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
}

func TestAStuckRowIsUnavailableInTimeAndStaysUnchanged(t *testing.T) {
	st, s, db := migrated(t)
	task := create(t, st, "held")
	conn := s.Conn(t, db)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hold(t, tx, task.ID)
	title := "changed"
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = st.Update(ctx, task.ID, store.Change{Title: &title})
	if took := time.Since(start); !errors.Is(err, store.ErrUnavailable) || took > 2*time.Second {
		t.Errorf("got %v after %s, want ErrUnavailable after 300ms", err, took)
	}
	eventually(t, 5*time.Second, func() error {
		var waiting int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).
			Scan(&waiting)
		if err == nil && waiting > 0 {
			err = fmt.Errorf("%d statements that nobody waits for are still waiting for the row", waiting)
		}
		return err
	})
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Get(t.Context(), task.ID); err != nil || got != task {
		t.Errorf("got %+v, %v; want the task unchanged", got, err)
	}
}

// TestAClientThatHangsUpCostsNoConnection: a new one costs the database more than any request, so a burst of clients
// that lose their patience would keep the service from ever answering in time again.
func TestAClientThatHangsUpCostsNoConnection(t *testing.T) {
	st, s, db := migrated(t)
	task := create(t, st, "held")
	conn := s.Conn(t, db)
	opened := func() (backends []int) {
		rows, err := conn.Query(t.Context(), `SELECT pid FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid`)
		if err != nil {
			t.Fatal(err)
		}
		if backends, err = pgx.CollectRows(rows, pgx.RowTo[int]); err != nil {
			t.Fatal(err)
		}
		return backends
	}
	before := opened()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hold(t, tx, task.ID)
	title := "changed"
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := st.Update(ctx, task.ID, store.Change{Title: &title}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := st.Get(t.Context(), task.ID); err != nil {
			t.Fatal(err)
		}
	}
	if after := opened(); !slices.Equal(before, after) {
		t.Errorf("the connections were %v, and now are %v", before, after)
	}
}

func hold(t *testing.T, tx pgx.Tx, id uuid.UUID) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE`, id); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, within time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", within, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
