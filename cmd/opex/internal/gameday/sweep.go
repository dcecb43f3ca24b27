package gameday

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// Of sweeping up after a generator that died.
const (
	sweepLimit    = 2 * time.Minute
	sweepParallel = 8
)

// sweep deletes the writes of a generator that could not do so itself, by way of the API server (right: delete on
// services/proxy). None of them was looked for.
func (s *Site) sweep(ctx context.Context, paths []string) evidence.Writes {
	w := evidence.Writes{Acknowledged: len(paths), Unchecked: len(paths)}
	if len(paths) == 0 {
		return w
	}
	s.Say("the load generator is gone: deleting the %d records that it wrote", len(paths))
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	next := make(chan string)
	var wait sync.WaitGroup
	var mu sync.Mutex
	for range sweepParallel {
		wait.Go(func() {
			for path := range next {
				answer, err := s.Cluster.Request(ctx, http.MethodDelete, s.endpoint, path, nil)
				if path == "" || err != nil ||
					answer.Status >= 300 && answer.Status != http.StatusNotFound && answer.Status != http.StatusGone {
					mu.Lock()
					w.Left++
					mu.Unlock()
				}
			}
		})
	}
	for _, path := range paths {
		next <- path
	}
	close(next)
	wait.Wait()
	return w
}
