package recovery

import (
	"context"
	"fmt"
	"time"
)

const (
	lookEvery = 500 * time.Millisecond
	sayEvery  = 10 * time.Second
	// deaf is how long the API server may fail to answer before waiting is given up.
	deaf = time.Minute
)

// look says how far something is. With done, an error is why it ended; without, it could not be looked at this time.
type look func(ctx context.Context) (state string, done bool, err error)

// wait looks until it is done, and says each change and, from time to time, that it still waits. The limit is an error.
func (s *Site) wait(ctx context.Context, what string, limit time.Duration, at look) error {
	began := time.Now()
	said, saidAt, heard := "", began, began
	for {
		state, done, err := at(ctx)
		now := time.Now()
		switch {
		case done:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && now.Sub(heard) > deaf:
			return fmt.Errorf("%s: could not be looked at for %s: %w", what, Human(deaf), err)
		case err != nil:
			state = "could not be looked at: " + err.Error()
		default:
			heard = now
		}
		if now.Sub(began) > limit {
			return fmt.Errorf("%s: not done after %s, so it is given up (it is: %s)", what, Human(limit), state)
		}
		if state != said && now.Sub(saidAt) >= time.Second || now.Sub(saidAt) >= sayEvery {
			s.Say("%s: %s (%s)", what, state, Human(now.Sub(began)))
			said, saidAt = state, now
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lookEvery):
		}
	}
}
