package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/opex-project/opex/taskapi/internal/store"
)

// Error is the one shape of every answer that is not a success: {"error":{"code","message","fields"}}.
type Error struct {
	Code    string            `json:"code"`             // for programs; never changes
	Message string            `json:"message"`          // for people
	Fields  map[string]string `json:"fields,omitempty"` // what is wrong with each field or parameter

	status     int
	retryAfter int // seconds; 0 sends no Retry-After
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// statusClientGone is nginx's number for a client that hung up before its answer. Nobody receives it: it keeps the
// metrics from blaming the server.
const statusClientGone = 499

// asError turns any error into an answer. Only those meant for clients carry their own text.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrNotFound):
		return &Error{status: http.StatusNotFound, Code: "not_found", Message: "no task has this id"}
	case errors.Is(err, store.ErrConflict):
		return &Error{status: http.StatusConflict, Code: "conflict",
			Message: "another task already has this id: choose a new one, or leave id out"}
	case errors.Is(err, context.Canceled):
		return &Error{status: statusClientGone, Code: "client_gone", Message: "the client hung up"}
	case errors.Is(err, store.ErrUnavailable):
		return &Error{status: http.StatusServiceUnavailable, Code: "database_unavailable", retryAfter: 1,
			Message: "the database cannot be used now: send the same request again"}
	}
	return &Error{
		status:  http.StatusInternalServerError,
		Code:    "internal",
		Message: "the service failed; its log says why",
	}
}

func writeError(w http.ResponseWriter, e *Error) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	writeJSON(w, e.status, map[string]*Error{"error": e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // fails only when the client has gone
}
