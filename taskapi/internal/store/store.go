// Package store keeps tasks in PostgreSQL. Each call is one statement, so nothing is ever half done.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Task is one thing to do.
//
// Its id is a UUID that the client may choose: sending the same creation twice then makes one task, which is what a
// client needs when a server died before its answer arrived. A serial number could only be given by the server.
type Task struct {
	ID          uuid.UUID `json:"id"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Done        bool      `json:"done"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// Change holds the fields to set; nil leaves one as it is.
type Change struct {
	Title       *string
	Description *string
	Done        *bool
}

// Position is a place in the list's order, just after the task that it names.
type Position struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

var (
	// ErrNotFound means that no task has the id.
	ErrNotFound = errors.New("no task has this id")
	// ErrConflict means that another task, with other content, has the id.
	ErrConflict = errors.New("another task already has this id")
	// ErrUnavailable means that the database cannot be used now, and that the same call may succeed later.
	ErrUnavailable = errors.New("database unavailable")
)

// Store is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

// cancelledWithin is how long the server may take to cancel a statement before its connection is closed after all.
const cancelledWithin = 500 * time.Millisecond

// Open makes a pool without connecting: the database may come later. Timeout bounds each statement, waiting for a
// connection included. A statement that nobody waits for any more is cancelled, and its connection is kept.
func Open(cfg *pgxpool.Config, timeout time.Duration) (*Store, error) {
	cfg = cfg.Copy()
	cfg.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelledWithin}
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	return &Store{pool, timeout}, nil
}

// Close waits for the connections in use and closes them all.
func (s *Store) Close() { s.pool.Close() }

const columns = `id, title, description, done, created_at, updated_at`

// Create stores a task under t.ID. When a task with this id and the same content is there already, created is false and
// that task is returned; with other content the answer is ErrConflict.
func (s *Store) Create(ctx context.Context, t Task) (stored Task, created bool, err error) {
	for {
		stored, err = s.one(ctx, `INSERT INTO tasks (id, title, description, done) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO NOTHING RETURNING `+columns, t.ID, t.Title, t.Description, t.Done)
		if !errors.Is(err, ErrNotFound) {
			return stored, err == nil, err
		}
		stored, err = s.Get(ctx, t.ID)
		if errors.Is(err, ErrNotFound) {
			continue // deleted since: its id is free
		}
		if err == nil && (stored.Title != t.Title || stored.Description != t.Description || stored.Done != t.Done) {
			err = ErrConflict
		}
		return stored, false, err
	}
}

// Get returns one task, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (Task, error) {
	return s.one(ctx, `SELECT `+columns+` FROM tasks WHERE id = $1`, id)
}

// List returns up to limit tasks, oldest first, beginning after a position (nil: from the start). A task never changes
// its place, so whoever walks the list meets each task that was there at the beginning, and was not deleted, exactly
// once.
func (s *Store) List(ctx context.Context, after *Position, limit int) ([]Task, error) {
	if after == nil {
		return s.all(ctx, `SELECT `+columns+` FROM tasks ORDER BY created_at, id LIMIT $1`, limit)
	}
	return s.all(ctx, `SELECT `+columns+` FROM tasks WHERE (created_at, id) > ($1, $2)
		ORDER BY created_at, id LIMIT $3`, after.CreatedAt, after.ID, limit)
}

// Update changes one task and returns it, or ErrNotFound. Concurrent changes of different fields are all kept; the
// clock is read once the row is locked, so updatedAt follows the order of the changes.
func (s *Store) Update(ctx context.Context, id uuid.UUID, c Change) (Task, error) {
	return s.one(ctx, `UPDATE tasks SET title = coalesce($2, title), description = coalesce($3, description),
		done = coalesce($4, done), updated_at = clock_timestamp() WHERE id = $1 RETURNING `+columns,
		id, c.Title, c.Description, c.Done)
}

// Delete removes one task, or returns ErrNotFound.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) error {
	_, err := s.one(ctx, `DELETE FROM tasks WHERE id = $1 RETURNING `+columns, id)
	return err
}

func (s *Store) one(ctx context.Context, sql string, args ...any) (Task, error) {
	tasks, err := s.all(ctx, sql, args...)
	if err == nil && len(tasks) == 0 {
		return Task{}, ErrNotFound
	}
	if err != nil {
		return Task{}, err
	}
	return tasks[0], nil // every such statement names one id
}

func (s *Store) all(ctx context.Context, sql string, args ...any) ([]Task, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	rows, _ := s.pool.Query(ctx, sql, args...) // CollectRows gives its error
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Task, error) {
		var t Task
		err := row.Scan(&t.ID, &t.Title, &t.Description, &t.Done, &t.CreatedAt, &t.UpdatedAt)
		t.CreatedAt, t.UpdatedAt = t.CreatedAt.UTC(), t.UpdatedAt.UTC()
		return t, err
	})
	return tasks, explain(err)
}
