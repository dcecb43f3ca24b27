package api

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/opex-project/opex/taskapi/internal/store"
)

// Whatever parseTask accepts must be storable, and mean to encoding/json what it means here.
func FuzzParseTask(f *testing.F) {
	for _, seed := range []string{`{}`, `{"title":"a"}`, `{"title":"a","title":"b"}`, `{"id":null}`, `{"done":true,"description":"\u0000"}`,
		`{"title":"\ud800"}`, `[]`, `{"title":"a"}{}`, "{\"title\":\"\xff\"}", `{"id":"01890a5d-ac96-774b-bcce-b302099a8057"}`} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, withID bool) {
		in, err := parseTask(body, withID)
		if err != nil {
			if e := asError(err); e.status != 400 || e.Message == "" {
				t.Fatalf("refused with %+v", e)
			}
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(body, &plain); err != nil {
			t.Fatalf("accepted what is not JSON: %v", err)
		}
		if in.id != nil && (!withID || *in.id == uuid.Nil || plain["id"] != in.id.String()) {
			t.Fatalf("id %v of %q", in.id, body)
		}
		if in.Title != nil && (plain["title"] != *in.Title || utf8.RuneCountInString(*in.Title) > maxTitle) {
			t.Fatalf("title %q of %q", *in.Title, body)
		}
		if in.Description != nil &&
			(bytes.ContainsRune([]byte(*in.Description), 0) || !utf8.ValidString(*in.Description)) {
			t.Fatalf("description %q cannot be stored", *in.Description)
		}
	})
}

func FuzzParsePage(f *testing.F) {
	f.Add("limit=3&after=" + cursor(store.Task{ID: uuid.Max, CreatedAt: time.Unix(1e9, 0)}))
	f.Add("after=%zz")
	f.Add("limit=1;limit=2")
	f.Fuzz(func(t *testing.T, query string) {
		p, err := parsePage(query)
		if err != nil {
			if e := asError(err); e.status != 400 {
				t.Fatalf("refused with %+v", e)
			}
			return
		}
		if p.limit < 1 || p.limit > maxLimit {
			t.Fatalf("limit %d of %q", p.limit, query)
		}
		if p.after != nil {
			again, ok := parseCursor(cursor(store.Task{ID: p.after.ID, CreatedAt: p.after.CreatedAt}))
			if !ok || again != *p.after {
				t.Fatalf("cursor of %q does not survive a round trip: %v, %v", query, again, p.after)
			}
		}
	})
}

func TestCursorLosesNothing(t *testing.T) {
	task := store.Task{ID: uuid.New(), CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 890123000, time.UTC)}
	got, ok := parseCursor(cursor(task))
	if !ok || got.ID != task.ID || !got.CreatedAt.Equal(task.CreatedAt) {
		t.Errorf("got %v, %v", got, ok)
	}
}
