package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/opex-project/opex/taskapi/internal/store"
)

// maxBody is in bytes; the longest valid task, all escaped, fits.
const maxBody = 64 << 10

// input is a task as a client sends it; nil means that the field is not there.
type input struct {
	id *uuid.UUID
	store.Change
}

// readTask reads a request's body. Every wrong field is reported at once.
func readTask(w http.ResponseWriter, r *http.Request, withID bool) (input, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return input{}, &Error{status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
			Message: "the body's Content-Type must be application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return input{}, &Error{status: http.StatusRequestEntityTooLarge, Code: "body_too_large",
			Message: fmt.Sprintf("the body is longer than %d bytes", maxBody)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return input{}, &Error{status: http.StatusRequestTimeout, Code: "body_too_slow",
			Message: fmt.Sprintf("the body did not arrive within %s", readTimeout)}
	case err != nil:
		return input{}, &Error{status: http.StatusBadRequest, Code: "invalid_json", Message: "the body ended early"}
	}
	return parseTask(body, withID)
}

// parseTask is stricter than encoding/json: unknown, repeated and differently cased names, null, and text that is not
// UTF-8 are refused, because each would otherwise be dropped or changed in silence.
func parseTask(body []byte, withID bool) (input, error) {
	members, err := parseObject(body)
	if err != nil {
		return input{}, &Error{status: http.StatusBadRequest, Code: "invalid_json", Message: err.Error()}
	}
	var in input
	wrong := map[string]string{}
	for name, raw := range members {
		var problem string
		switch {
		case name == "id" && withID:
			in.id, problem = parseID(raw)
		case name == "title":
			in.Title, problem = parseTitle(raw)
		case name == "description":
			in.Description, problem = parseText(raw, maxDescription)
		case name == "done":
			in.Done, problem = parseBool(raw)
		case name == "id" || name == "createdAt" || name == "updatedAt":
			problem = "cannot be set"
		default:
			problem = "is not a field of a task"
		}
		if problem != "" {
			wrong[name] = problem
		}
	}
	if len(wrong) > 0 {
		return input{}, invalidFields(wrong)
	}
	return in, nil
}

func invalidFields(wrong map[string]string) *Error {
	return &Error{
		status:  http.StatusBadRequest,
		Code:    "invalid_fields",
		Message: "nothing was changed: the task is not valid",
		Fields:  wrong,
	}
}

func parseObject(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the body is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("the body is not valid JSON")
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the body has %q twice", name)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, errors.New("the body is not valid JSON")
		}
		members[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("the body is not valid JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the body goes on after its JSON object")
	}
	return members, nil
}
