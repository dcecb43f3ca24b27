package recovery

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// sentinel is a record that was put into the live service, and what the service says of it.
type sentinel struct {
	path   string
	record []byte
}

// sentinelPatience is for one answer of the live service.
const sentinelPatience = 15 * time.Second

// putSentinel writes the record and reads it back. Done is called as soon as there is something to delete.
func (s *Site) putSentinel(ctx context.Context, done func(path string)) (*sentinel, error) {
	ctx, cancel := context.WithTimeout(ctx, sentinelPatience)
	defer cancel()
	at := s.in(s.Service.Namespace)
	made, err := s.Cluster.Request(ctx, http.MethodPost, at, s.Plan.Sentinel.Path, []byte(s.Plan.Sentinel.Body))
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	if made.Status != http.StatusCreated || made.Location == "" {
		return nil, fmt.Errorf(
			"sentinel: POST %s was answered with %d and Location %q; want 201 and an address: %.200s",
			s.Plan.Sentinel.Path, made.Status, made.Location, made.Body,
		)
	}
	done(made.Location)
	got, err := s.Cluster.Request(ctx, http.MethodGet, at, made.Location, nil)
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	if got.Status != http.StatusOK || !json.Valid(got.Body) {
		return nil, fmt.Errorf(
			"sentinel: GET %s of the live service was answered with %d; want 200 and JSON: %.200s", made.Location,
			got.Status, got.Body,
		)
	}
	return &sentinel{made.Location, got.Body}, nil
}

func (s *Site) deleteSentinel(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, sentinelPatience)
	defer cancel()
	answer, err := s.Cluster.Request(ctx, http.MethodDelete, s.in(s.Service.Namespace), path, nil)
	if err != nil {
		return fmt.Errorf("sentinel: %w", err)
	}
	if answer.Status >= 300 && answer.Status != http.StatusNotFound {
		return fmt.Errorf("sentinel: DELETE %s was answered with %d: %.200s", path, answer.Status, answer.Body)
	}
	return nil
}
