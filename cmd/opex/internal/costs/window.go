// Package costs says who spent what, what drove a change, and how much of the money has an owner.
package costs

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/opencost"
)

// Window is a span of time, to the second.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Hours is the window's length.
func (w Window) Hours() float64 { return w.End.Sub(w.Start).Hours() }

// Previous is the window of the same length that ends where this one starts.
func (w Window) Previous() Window { return Window{w.Start.Add(w.Start.Sub(w.End)), w.Start} }

func (w Window) String() string {
	const form = "2006-01-02 15:04"
	return w.Start.UTC().Format(form) + " to " + w.End.UTC().Format(form) + " UTC"
}

var spanForm = regexp.MustCompile(`^([0-9]+d)?(([0-9]+(\.[0-9]+)?(h|m|s))*)$`)

// ParseWindow reads a duration that ends now (60m, 24h, 7d, 1d12h) or START,END in RFC 3339. The error tells all that
// is wrong.
func ParseWindow(text string, now time.Time) (Window, error) {
	now = now.UTC().Truncate(time.Second)
	if first, last, is := strings.Cut(text, ","); is {
		return parsePair(text, first, last, now)
	}
	span, err := parseSpan(text)
	if err != nil {
		return Window{}, err
	}
	w := Window{now.Add(-span), now}
	return w, errors.Join(w.problems(text, now)...)
}

func parseSpan(text string) (time.Duration, error) {
	wrong := fmt.Errorf("window %q: want a duration such as 60m, 24h or 7d, or START,END in RFC 3339 such as "+
		"2026-01-31T00:00:00Z,2026-02-01T00:00:00Z", text)
	parts := spanForm.FindStringSubmatch(text)
	if text == "" || parts == nil {
		return 0, wrong
	}
	var span time.Duration
	if days := strings.TrimSuffix(parts[1], "d"); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n > 3650 {
			return 0, fmt.Errorf("window %q: more than ten years", text)
		}
		span = time.Duration(n) * 24 * time.Hour
	}
	if parts[2] != "" {
		rest, err := time.ParseDuration(parts[2])
		if err != nil {
			return 0, wrong
		}
		span += rest
	}
	return span, nil
}

func parsePair(text, first, last string, now time.Time) (Window, error) {
	var wrong []error
	parse := func(which, part string) time.Time {
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(part))
		if err != nil {
			wrong = append(
				wrong,
				fmt.Errorf(
					"window %q: its %s %q is no time in RFC 3339 such as 2026-01-31T00:00:00Z", text, which, part,
				),
			)
		}
		return at.UTC()
	}
	w := Window{parse("start", first), parse("end", last)}
	if len(wrong) == 0 {
		wrong = w.problems(text, now)
	}
	return w, errors.Join(wrong...)
}

func (w Window) problems(text string, now time.Time) []error {
	var wrong []error
	add := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("window %q: "+format, append([]any{text}, args...)...))
	}
	length := w.End.Sub(w.Start)
	switch {
	case length < 0:
		add("it ends before it starts; want START,END")
	case length < opencost.Resolution:
		add("it is %s long, want at least the resolution of %s", length, opencost.Resolution)
	}
	if w.Start.After(now) {
		add("it starts in the future: now is %s", now.Format(time.RFC3339))
	}
	if w.End.After(now) {
		add("it ends in the future: now is %s", now.Format(time.RFC3339))
	}
	return wrong
}
