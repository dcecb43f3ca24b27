package verify

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// Whoever asks first may run out of time; whoever waits for the same answer has time of its own.
func TestTheTimeoutOfOneIsNoAnswerForOthers(t *testing.T) {
	var m memo[string]
	var asked atomic.Int32
	ask := func(ctx context.Context) (string, error) {
		asked.Add(1)
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
			return "here", nil
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	second := make(chan error, 1)
	go func() {
		for asked.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		found, err := m.get(t.Context(), "pods", ask)
		if err == nil && found != "here" {
			err = errors.New(found)
		}
		second <- err
	}()
	if _, err := m.get(short, "pods", ask); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the first is told %v", err)
	}
	if err := <-second; err != nil || asked.Load() != 1 {
		t.Errorf("the second is told %v, after %d questions", err, asked.Load())
	}
}

func TestAQuestionThatNobodyWaitsForEndsAndIsAskedAnew(t *testing.T) {
	var m memo[string]
	ended := make(chan struct{})
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := m.get(short, "pods", func(ctx context.Context) (string, error) {
		<-ctx.Done()
		close(ended)
		return "", ctx.Err()
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	<-ended
	if found, err := m.get(t.Context(), "pods", func(context.Context) (string, error) { return "here", nil }); err != nil ||
		found != "here" {
		t.Errorf("later it is %q, %v", found, err)
	}
}
