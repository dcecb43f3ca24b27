package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/opex-project/opex/taskapi/internal/store"
)

// readyTimeout is shorter than a probe's usual one second, so that the prober sees the reason and not a timeout.
const readyTimeout = 800 * time.Millisecond

// health says that the process can answer. It never asks the database: restarting this process would not mend that.
func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	return nil
}

// ready says whether to send requests here.
func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	if a.draining.Load() {
		return &Error{status: http.StatusServiceUnavailable, Code: "draining", Message: "this replica is shutting down"}
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	err := a.store.Ready(ctx)
	var tooOld store.SchemaTooOld
	switch {
	case errors.As(err, &tooOld):
		return &Error{
			status:     http.StatusServiceUnavailable,
			Code:       "not_migrated",
			Message:    tooOld.Error(),
			retryAfter: 1,
		}
	case err != nil:
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	return nil
}
