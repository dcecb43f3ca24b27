package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
	"github.com/opex-project/opex/taskapi/internal/store"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// service is the API over a real socket and a real database.
type service struct {
	*httptest.Server
	api      *API
	db       *pgtest.Server
	database string
	log      *lockedBuffer
}

func start(t *testing.T) *service {
	t.Helper()
	return startOn(t, pgtest.Shared(t))
}

func startOn(t *testing.T, db *pgtest.Server) *service {
	t.Helper()
	s := &service{db: db, log: &lockedBuffer{}}
	s.database = s.db.Database(t)
	cfg, err := pgxpool.ParseConfig(
		strings.Join([]string{"host=" + s.db.Host, fmt.Sprint("port=", s.db.Port), "user=" + pgtest.User,
			"password=" + pgtest.Password, "dbname=" + s.database, "sslmode=disable", "connect_timeout=2"}, " "),
	)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(cfg, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.api = New(st, slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	s.Server = httptest.NewUnstartedServer(nil)
	s.Config = s.api.Server(time.Second)
	s.Config.ReadTimeout = 500 * time.Millisecond // the real one, sooner
	s.Server.Start()
	t.Cleanup(s.Server.Close)
	return s
}

type answer struct {
	status int
	header http.Header
	body   string
}

// call sends one request; a body that is not empty goes as JSON. Headers are pairs.
func (s *service) call(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func into[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Fatalf("Content-Type %q", got)
	}
	return v
}

type problem struct {
	Error struct {
		Code, Message string
		Fields        map[string]string
	}
}

type list struct {
	Tasks []store.Task
	Next  string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestATaskLivesFromCreationToDeletion(t *testing.T) {
	s := start(t)
	a := s.call(t, "POST", "/tasks", `{"title":"Tâche 1 ✓","description":"two\nlines"}`).want(t, 201)
	made := into[store.Task](t, a)
	if made.Title != "Tâche 1 ✓" || made.Description != "two\nlines" || made.Done ||
		time.Since(made.CreatedAt) > time.Minute {
		t.Errorf("made %+v", made)
	}
	path := a.header.Get("Location")
	if path != "/tasks/"+made.ID.String() {
		t.Errorf("Location %q", path)
	}
	if got := into[store.Task](t, s.call(t, "GET", path, "").want(t, 200)); got != made {
		t.Errorf("read %+v, made %+v", got, made)
	}
	got := into[store.Task](t, s.call(t, "PATCH", path, `{"done":true}`).want(t, 200))
	if !got.Done || got.Title != made.Title || got.Description != made.Description ||
		!got.UpdatedAt.After(made.UpdatedAt) {
		t.Errorf("changed to %+v", got)
	}
	s.call(t, "PATCH", path, `{"description":""}`).want(t, 200)
	if got := into[list](t, s.call(t, "GET", "/tasks", "").want(t, 200)); len(got.Tasks) != 1 ||
		got.Tasks[0].Description != "" ||
		got.Next != "" {
		t.Errorf("list %+v", got)
	}
	if a := s.call(t, "DELETE", path, "").want(t, 204); a.body != "" {
		t.Errorf("204 with a body: %q", a.body)
	}
	s.call(t, "GET", path, "").want(t, 404)
	if a := s.call(t, "GET", "/tasks", "").want(t, 200); a.body != `{"tasks":[]}`+"\n" {
		t.Errorf("empty list is %q", a.body)
	}
}

func TestARepeatedCreationIsAnsweredAndNotDoubled(t *testing.T) {
	s := start(t)
	body := fmt.Sprintf(`{"id":%q,"title":"once"}`, uuid.New())
	first := into[store.Task](t, s.call(t, "POST", "/tasks", body).want(t, 201))
	again := into[store.Task](t, s.call(t, "POST", "/tasks", body).want(t, 200))
	if first != again {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if got := into[list](t, s.call(t, "GET", "/tasks", "")); len(got.Tasks) != 1 {
		t.Errorf("%d tasks, want 1", len(got.Tasks))
	}
}

func TestPagesAreFullDisjointAndComplete(t *testing.T) {
	s := start(t)
	want := map[uuid.UUID]bool{}
	for i := range 23 {
		want[into[store.Task](t, s.call(t, "POST", "/tasks", fmt.Sprintf(`{"title":"t%d"}`, i)).want(t, 201)).ID] = true
	}
	query, sizes := "?limit=10", []int{}
	for query != "" {
		page := into[list](t, s.call(t, "GET", "/tasks"+query, "").want(t, 200))
		sizes = append(sizes, len(page.Tasks))
		for _, task := range page.Tasks {
			if !want[task.ID] {
				t.Errorf("%s listed twice, or never made", task.ID)
			}
			delete(want, task.ID)
		}
		query = ""
		if page.Next != "" {
			query = "?limit=10&after=" + page.Next
		}
	}
	if fmt.Sprint(sizes) != "[10 10 3]" || len(want) != 0 {
		t.Errorf("pages of %v, %d tasks never listed", sizes, len(want))
	}
}

func TestTheLongestTaskIsAccepted(t *testing.T) {
	s := start(t)
	// Each character takes 12 bytes when escaped, the most that JSON can need.
	body := fmt.Sprintf(
		`{"title":"%s","description":"%s"}`, strings.Repeat(`\ud83d\ude00`, maxTitle),
		strings.Repeat(`\ud83d\ude00`, maxDescription),
	)
	got := into[store.Task](t, s.call(t, "POST", "/tasks", body).want(t, 201))
	if got.Description != strings.Repeat("😀", maxDescription) {
		t.Error("the description was changed")
	}
}
