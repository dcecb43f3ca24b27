package api

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/opex-project/opex/taskapi/internal/store"
)

const (
	defaultLimit = 50
	maxLimit     = 200
)

// page is what a list request asks for.
type page struct {
	limit int
	after *store.Position
}

// parsePage refuses unknown parameters: a client that misspells "after" would otherwise read page one for ever.
func parsePage(rawQuery string) (page, error) {
	p := page{limit: defaultLimit}
	wrong := map[string]string{}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return page{}, &Error{
			status:  http.StatusBadRequest,
			Code:    "invalid_query",
			Message: "the query is not well-formed",
		}
	}
	for name, values := range query {
		switch {
		case name != "limit" && name != "after":
			wrong[name] = "is not a parameter of this list"
		case len(values) > 1:
			wrong[name] = "is given more than once"
		case name == "limit":
			n, err := strconv.Atoi(values[0])
			if err != nil || n < 1 || n > maxLimit {
				wrong[name] = fmt.Sprintf("must be a whole number from 1 to %d", maxLimit)
			}
			p.limit = n
		case name == "after":
			position, ok := parseCursor(values[0])
			if !ok {
				wrong[name] = `must be the "next" of an earlier page`
			}
			p.after = &position
		}
	}
	if len(wrong) > 0 {
		return page{}, &Error{
			status:  http.StatusBadRequest,
			Code:    "invalid_query",
			Message: "the list cannot be given",
			Fields:  wrong,
		}
	}
	return p, nil
}

// cursor writes a position as opaque text: 8 bytes of microseconds (PostgreSQL's own resolution, so nothing is lost)
// and the 16 bytes of the id.
func cursor(t store.Task) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.CreatedAt.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(b, t.ID[:]...))
}

var cursorEncoding = base64.RawURLEncoding.Strict()

func parseCursor(s string) (store.Position, bool) {
	b, err := cursorEncoding.DecodeString(s)
	if err != nil || len(b) != 8+16 || len(s) != cursorEncoding.EncodedLen(len(b)) {
		return store.Position{}, false
	}
	micros := binary.BigEndian.Uint64(b)
	if micros > 253_402_300_800_000_000 { // the year 10000: PostgreSQL's own limit lies beyond
		return store.Position{}, false
	}
	return store.Position{CreatedAt: time.UnixMicro(int64(micros)).UTC(), ID: uuid.UUID(b[8:])}, true
}
