package load

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/samejson"
)

const (
	// parallel is how many records are asked for at once.
	parallel = 16
	// tries is how often one record is asked for, so long after one another: the service may still be recovering.
	tries    = 5
	tryAgain = 200 * time.Millisecond
	// checkLimit is how long all may be looked for; and as long again, deleted.
	checkLimit = 45 * time.Second
)

// fate is what became of an acknowledged write. Any other text says how it was lost.
const (
	fateFound   = ""
	fateUnknown = "unknown"
)

// check reads again every write that was acknowledged, deletes them, and says what became of them.
func (g *generator) check(ctx context.Context) {
	g.mu.Lock()
	all := g.ack
	g.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	var mu sync.Mutex
	found, unchecked := 0, 0
	each(all, func(a acknowledged) {
		fate := g.lookUp(within, a)
		mu.Lock()
		defer mu.Unlock()
		switch fate {
		case fateFound:
			found++
		case fateUnknown:
			unchecked++
		default:
			g.out.say("lost %s (%s)", a.path, fate)
		}
	})
	left := g.remove(ctx)
	g.out.say("checked %d %d %d %d", len(all), found, unchecked, left)
}

// each calls for every record, several at once.
func each(all []acknowledged, call func(acknowledged)) {
	var wait sync.WaitGroup
	next := make(chan acknowledged)
	for range parallel {
		wait.Go(func() {
			for a := range next {
				call(a)
			}
		})
	}
	for _, a := range all {
		next <- a
	}
	close(next)
	wait.Wait()
}

// again calls until it is done, the tries are used up, or the context ends.
func again(ctx context.Context, call func() (done bool)) {
	for range tries {
		if ctx.Err() != nil || call() {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(tryAgain):
		}
	}
}

func (g *generator) lookUp(ctx context.Context, a acknowledged) (fate string) {
	fate = fateUnknown
	if a.path == "" {
		return fate
	}
	again(ctx, func() bool {
		status, body, err := g.ask(ctx, http.MethodGet, a.path)
		switch {
		case err == nil && (status == http.StatusNotFound || status == http.StatusGone):
			fate = "not found"
		case err == nil && status == http.StatusOK && content(body) == a.content:
			fate = fateFound
		case err == nil && status == http.StatusOK:
			fate = "not as acknowledged"
		default:
			return false
		}
		return true
	})
	return fate
}

// content tells a record from another by what it means, where it is JSON, and byte by byte else. It is a digest: the
// records themselves would fill the generator's memory.
func content(body []byte) [16]byte {
	if canonical, err := samejson.Canonical(body); err == nil {
		body = canonical
	}
	sum := sha256.Sum256(body)
	return [16]byte(sum[:16])
}

// remove deletes what was acknowledged and not deleted before, and returns how many could not be.
func (g *generator) remove(ctx context.Context) (left int) {
	g.mu.Lock()
	all := g.ack
	g.ack = nil
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	var mu sync.Mutex
	each(all, func(a acknowledged) {
		gone := false
		if a.path != "" {
			again(ctx, func() bool {
				status, _, err := g.ask(ctx, http.MethodDelete, a.path)
				gone = err == nil &&
					(status >= 200 && status < 300 || status == http.StatusNotFound || status == http.StatusGone)
				return gone
			})
		}
		if !gone {
			mu.Lock()
			defer mu.Unlock()
			left++
		}
	})
	return left
}

func (g *generator) ask(ctx context.Context, method, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, g.plan.URL+path, nil)
	if err != nil {
		return 0, nil, err
	}
	answer, err := g.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return answer.StatusCode, body, nil
}
