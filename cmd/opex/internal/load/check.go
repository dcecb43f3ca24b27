package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"time"
)

// parallel is how many records are asked for at once.
const parallel = 16

// tries is how often a record is asked for before it counts as unchecked.
const tries = 5

// check reads again every write that was acknowledged, says what became of them, and deletes them.
func (g *generator) check(ctx context.Context) error {
	g.mu.Lock()
	all := g.ack
	g.mu.Unlock()
	var mu sync.Mutex
	found, unchecked := 0, 0
	var lost []string
	each(all, func(a acknowledged) {
		state := g.lookUp(ctx, a)
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case "":
			found++
		case unknown:
			unchecked++
		default:
			lost = append(lost, a.path+" "+state)
		}
	})
	left := g.remove(ctx)
	for _, one := range lost {
		if err := g.say("lost %s", one); err != nil {
			return err
		}
	}
	return g.say("checked %d %d %d %d", len(all), found, unchecked, left)
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

const unknown = "unknown"

// lookUp returns why a record is lost, unknown where nobody said, and nothing where it is there as it was acknowledged.
func (g *generator) lookUp(ctx context.Context, a acknowledged) string {
	for range tries {
		status, body, err := g.ask(ctx, http.MethodGet, a.path)
		switch {
		case err == nil && status == http.StatusNotFound:
			return "(not found)"
		case err == nil && status == http.StatusOK && same(body, a.body):
			return ""
		case err == nil && status == http.StatusOK:
			return "(not as acknowledged)"
		}
		time.Sleep(200 * time.Millisecond) // the service may still be recovering
	}
	return unknown
}

func same(a, b []byte) bool {
	var left, right any
	if json.Unmarshal(a, &left) != nil || json.Unmarshal(b, &right) != nil {
		return bytes.Equal(a, b)
	}
	return reflect.DeepEqual(left, right)
}

// remove deletes what was acknowledged and not deleted before, and returns how many could not be.
func (g *generator) remove(ctx context.Context) int {
	g.mu.Lock()
	all := g.ack
	g.ack = nil
	g.mu.Unlock()
	var mu sync.Mutex
	left := 0
	each(all, func(a acknowledged) {
		for range tries {
			if status, _, err := g.ask(ctx, http.MethodDelete, a.path); err == nil && (status < 300 || status == http.StatusNotFound || status == http.StatusGone) {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		mu.Lock()
		defer mu.Unlock()
		left++
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
