package recovery

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/samejson"
)

// question is what the restored service has to answer: every path with 200 and, where a record is known, with that
// record.
type question struct {
	paths  []string
	record []byte // of the last path; nil: any
}

// answers are those to a question, until it is answered correctly.
type answers struct {
	mu   sync.Mutex
	at   time.Time
	last string
}

// state returns when the correct answer came, zero before, and what the last one was.
func (a *answers) state() (time.Time, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at, a.last
}

func (a *answers) note(at time.Time, last string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at, a.last = at, last
}

const (
	askEvery    = 200 * time.Millisecond
	askPatience = 5 * time.Second
)

// ask goes on in the background until the answer is right or the context ends.
func (q question) ask(ctx context.Context, s *Site, namespace string) *answers {
	a := &answers{}
	go func() {
		for ctx.Err() == nil {
			wrong := q.once(ctx, s, namespace)
			if wrong == "" {
				a.note(time.Now(), "answered")
				return
			}
			a.note(time.Time{}, wrong)
			select {
			case <-ctx.Done():
			case <-time.After(askEvery):
			}
		}
	}()
	return a
}

// once says what is wrong with the answer.
func (q question) once(ctx context.Context, s *Site, namespace string) string {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	for i, path := range q.paths {
		answer, err := s.Cluster.Request(ctx, http.MethodGet, s.in(namespace), path, nil)
		switch {
		case err != nil:
			return "no answer yet"
		case answer.Status != http.StatusOK:
			return fmt.Sprintf("GET %s answers %d", path, answer.Status)
		case i == len(q.paths)-1 && q.record != nil && !samejson.Equal(answer.Body, q.record):
			return fmt.Sprintf("GET %s is another record: %.100s", path, answer.Body)
		}
	}
	return ""
}

// plainQuestion is for a backup of which no record is known: the service is ready and, where it has records, lists
// them.
func (s *Site) plainQuestion() question {
	q := question{paths: []string{s.Plan.ReadyPath}}
	if s.Plan.Sentinel != nil {
		q.paths = append(q.paths, s.Plan.Sentinel.Path)
	}
	return q
}
