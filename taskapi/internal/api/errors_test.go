package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestEveryRefusalIsJSONThatSaysWhatIsWrong(t *testing.T) {
	s := start(t)
	taken := uuid.NewString()
	s.call(t, "POST", "/tasks", fmt.Sprintf(`{"id":%q,"title":"taken"}`, taken)).want(t, 201)
	task, missing := "/tasks/"+taken, "/tasks/"+uuid.NewString()
	before := s.call(t, "GET", "/tasks", "").body
	type fields = map[string]string

	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code               string
		fields             fields // name to a part of its message
	}{
		"no body":              {method: "POST", path: "/tasks", status: 415, code: "unsupported_media_type"},
		"a form":               {method: "POST", path: "/tasks", body: "title=x", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "unsupported_media_type"},
		"a broken media type":  {method: "PATCH", path: task, body: "{}", headers: []string{"Content-Type", ";"}, status: 415, code: "unsupported_media_type"},
		"an empty body":        {method: "POST", path: "/tasks", headers: []string{"Content-Type", "application/json"}, status: 400, code: "invalid_json"},
		"half a body":          {method: "POST", path: "/tasks", body: `{"title":"x"`, status: 400, code: "invalid_json"},
		"an array":             {method: "POST", path: "/tasks", body: `[]`, status: 400, code: "invalid_json"},
		"null":                 {method: "POST", path: "/tasks", body: `null`, status: 400, code: "invalid_json"},
		"two objects":          {method: "POST", path: "/tasks", body: `{"title":"x"}{}`, status: 400, code: "invalid_json"},
		"a field twice":        {method: "POST", path: "/tasks", body: `{"title":"x","title":"y"}`, status: 400, code: "invalid_json"},
		"not UTF-8":            {method: "POST", path: "/tasks", body: "{\"title\":\"\xff\"}", status: 400, code: "invalid_json"},
		"a body too large":     {method: "POST", path: "/tasks", body: `{"title":"` + strings.Repeat("x", maxBody) + `"}`, status: 413, code: "body_too_large"},
		"no title":             {method: "POST", path: "/tasks", body: `{}`, status: 400, code: "invalid_fields", fields: fields{"title": "required"}},
		"a blank title":        {method: "POST", path: "/tasks", body: `{"title":" \t"}`, status: 400, code: "invalid_fields", fields: fields{"title": "must not be empty"}},
		"a title of two lines": {method: "POST", path: "/tasks", body: `{"title":"a\nb"}`, status: 400, code: "invalid_fields", fields: fields{"title": "one line"}},
		"a null title":         {method: "PATCH", path: task, body: `{"title":null}`, status: 400, code: "invalid_fields", fields: fields{"title": "must be a string"}},
		"a long title":         {method: "PATCH", path: task, body: `{"title":"` + strings.Repeat("é", 201) + `"}`, status: 400, code: "invalid_fields", fields: fields{"title": "has 201 characters, at most 200"}},
		"a NUL":                {method: "PATCH", path: task, body: `{"description":"a\u0000b"}`, status: 400, code: "invalid_fields", fields: fields{"description": "U+0000"}},
		"an id that is none":   {method: "POST", path: "/tasks", body: `{"id":7,"title":"x"}`, status: 400, code: "invalid_fields", fields: fields{"id": "UUID"}},
		"an id of zeros":       {method: "POST", path: "/tasks", body: `{"id":"00000000-0000-0000-0000-000000000000","title":"x"}`, status: 400, code: "invalid_fields", fields: fields{"id": "UUID"}},
		"an id in capitals":    {method: "POST", path: "/tasks", body: `{"id":"01890A5D-AC96-774B-BCCE-B302099A8057","title":"x"}`, status: 400, code: "invalid_fields", fields: fields{"id": "UUID"}},
		"all at once": {method: "POST", path: "/tasks", body: `{"Title":"x","title":1,"done":"yes","createdAt":"now"}`, status: 400, code: "invalid_fields",
			fields: fields{"Title": "not a field", "title": "must be a string", "done": "true or false", "createdAt": "cannot be set"}},
		"a taken id":            {method: "POST", path: "/tasks", body: fmt.Sprintf(`{"id":%q,"title":"other"}`, taken), status: 409, code: "conflict"},
		"a changed id":          {method: "PATCH", path: task, body: fmt.Sprintf(`{"id":%q}`, uuid.NewString()), status: 400, code: "invalid_fields", fields: fields{"id": "cannot be set"}},
		"nothing to change":     {method: "PATCH", path: task, body: `{}`, status: 400, code: "invalid_fields"},
		"no such task to read":  {method: "GET", path: missing, status: 404, code: "not_found"},
		"no such task to set":   {method: "PATCH", path: missing, body: `{"done":true}`, status: 404, code: "not_found"},
		"no such task to end":   {method: "DELETE", path: missing, status: 404, code: "not_found"},
		"a path that is no id":  {method: "GET", path: "/tasks/1", status: 400, code: "invalid_id", fields: fields{"id": "UUID"}},
		"limit 0":               {method: "GET", path: "/tasks?limit=0", status: 400, code: "invalid_query", fields: fields{"limit": "from 1 to 200"}},
		"limit 201":             {method: "GET", path: "/tasks?limit=201", status: 400, code: "invalid_query", fields: fields{"limit": "from 1 to 200"}},
		"a cursor made up":      {method: "GET", path: "/tasks?after=abc", status: 400, code: "invalid_query", fields: fields{"after": "earlier page"}},
		"a parameter misspelt":  {method: "GET", path: "/tasks?limt=5&after=x", status: 400, code: "invalid_query", fields: fields{"limt": "not a parameter", "after": "earlier page"}},
		"a parameter twice":     {method: "GET", path: "/tasks?limit=5&limit=6", status: 400, code: "invalid_query", fields: fields{"limit": "more than once"}},
		"a broken query":        {method: "GET", path: "/tasks?limit=%zz", status: 400, code: "invalid_query"},
		"an unknown path":       {method: "GET", path: "/task", status: 404, code: "route_not_found"},
		"a path too deep":       {method: "GET", path: task + "/x", status: 404, code: "route_not_found"},
		"the root":              {method: "GET", path: "/", status: 404, code: "route_not_found"},
		"PUT to a task":         {method: "PUT", path: task, body: `{}`, status: 405, code: "method_not_allowed"},
		"DELETE of all":         {method: "DELETE", path: "/tasks", status: 405, code: "method_not_allowed"},
		"POST to a probe":       {method: "POST", path: "/health", body: `{}`, status: 405, code: "method_not_allowed"},
		"a method of one's own": {method: "BREW", path: "/tasks", status: 405, code: "method_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.call(t, c.method, c.path, c.body, c.headers...).want(t, c.status)
			got := into[problem](t, a).Error
			if got.Code != c.code || got.Message == "" || len(got.Fields) != len(c.fields) {
				t.Errorf("got %+v, want code %s and %d fields", got, c.code, len(c.fields))
			}
			for field, part := range c.fields {
				if !strings.Contains(got.Fields[field], part) {
					t.Errorf("field %s: %q, want %q in it", field, got.Fields[field], part)
				}
			}
			if allow := a.header.Get("Allow"); (c.status == 405) != (allow != "") {
				t.Errorf("status %d with Allow %q", c.status, allow)
			}
		})
	}
	if after := s.call(t, "GET", "/tasks", "").body; after != before {
		t.Errorf("a refused request changed something:\n%s%s", before, after)
	}
}

func TestABodyThatNeverArrivesIsRefusedInTime(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprint(
		conn, "POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got problem
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 408 ||
		got.Error.Code != "body_too_slow" {
		t.Errorf("status %d, %+v, %v", resp.StatusCode, got, err)
	}
}

func TestAPanicIsAnsweredAndLoggedAndNotShown(t *testing.T) {
	s := start(t)
	s.api.mux.HandleFunc(
		"GET /boom", s.api.wrap(func(http.ResponseWriter, *http.Request) error { panic("a secret detail") }),
	)
	a := s.call(t, "GET", "/boom", "").want(t, 500)
	if got := into[problem](t, a).Error; got.Code != "internal" || strings.Contains(a.body, "secret") {
		t.Errorf("answered %s", a.body)
	}
	if log := s.log.String(); !strings.Contains(log, "a secret detail") || !strings.Contains(log, "errors_test.go") {
		t.Errorf("no panic with its stack in the log: %s", log)
	}
}
