package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// In characters. The schema's CHECKs repeat them.
const (
	maxTitle       = 200
	maxDescription = 4000
)

// Each parser returns a value, or what is wrong with it.

func parseText(raw json.RawMessage, limit int) (*string, string) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return nil, "must be a string"
	}
	if n := utf8.RuneCountInString(*s); n > limit {
		return nil, fmt.Sprintf("has %d characters, at most %d are allowed", n, limit)
	}
	if strings.ContainsRune(*s, 0) {
		return nil, "holds the character U+0000, which PostgreSQL cannot store"
	}
	return s, ""
}

func parseTitle(raw json.RawMessage) (*string, string) {
	s, problem := parseText(raw, maxTitle)
	switch {
	case problem != "":
		return nil, problem
	case strings.TrimSpace(*s) == "":
		return nil, "must not be empty"
	case strings.ContainsFunc(*s, unicode.IsControl):
		return nil, "must be one line without control characters"
	}
	return s, ""
}

func parseBool(raw json.RawMessage) (*bool, string) {
	var b *bool
	if err := json.Unmarshal(raw, &b); err != nil || b == nil {
		return nil, "must be true or false"
	}
	return b, ""
}

func parseID(raw json.RawMessage) (*uuid.UUID, string) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, wantUUID
	}
	id, ok := canonicalUUID(s)
	if !ok {
		return nil, wantUUID
	}
	return &id, ""
}

const wantUUID = "must be a UUID of 36 characters, such as 01890a5d-ac96-774b-bcce-b302099a8057"

// canonicalUUID takes the hyphenated form only: with several spellings, one task would have several addresses.
func canonicalUUID(s string) (uuid.UUID, bool) {
	id, err := uuid.Parse(s)
	return id, err == nil && id.String() == s && id != uuid.Nil
}
