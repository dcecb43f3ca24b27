// Package load asks a service at a constant rate from inside its cluster, as an open model: requests come at their times, whether the
// service answers or not, and a latency counts from the time at which its request was due. A generator in a pod (the program opex-load)
// is talked with over exec: it says what became of each request, and stops when nobody listens any more.
package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// LateLimit is how long after its time a request may be sent before it counts as late.
const LateLimit = 50 * time.Millisecond

// Plan is what the generator is told.
type Plan struct {
	URL        string        `json:"url"`   // of the service, inside the cluster
	Rate       int           `json:"rate"`  // requests per second
	Limit      time.Duration `json:"limit"` // it stops by itself then, in nanoseconds
	Timeout    time.Duration `json:"timeout"`
	Reads      []string      `json:"reads"` // paths, in turn
	Write      *Write        `json:"write,omitempty"`
	WriteShare float64       `json:"writeShare"` // of all requests
}

// Write is what is posted. A success is a status below 300 with a header Location.
type Write struct {
	Path string          `json:"path"`
	Body json.RawMessage `json:"body"`
}

func (p Plan) check() error {
	var wrong []error
	add := func(format string, arguments ...any) { wrong = append(wrong, fmt.Errorf(format, arguments...)) }
	if !strings.HasPrefix(p.URL, "http://") && !strings.HasPrefix(p.URL, "https://") {
		add("url %q is no HTTP address", p.URL)
	}
	if p.Rate < 1 {
		add("rate %d: want 1 or more per second", p.Rate)
	}
	if p.Limit <= 0 || p.Timeout <= 0 {
		add("limit %s, timeout %s: want more than 0", p.Limit, p.Timeout)
	}
	if p.WriteShare < 0 || p.WriteShare > 1 || p.WriteShare > 0 && p.Write == nil {
		add("write share %g: want 0 to 1, and 0 without a write", p.WriteShare)
	}
	if len(p.Reads) == 0 && p.WriteShare < 1 {
		add("no path to read")
	}
	return errors.Join(wrong...)
}

// due is when a request is to be sent, from the beginning of the attack: the first when one interval is over (vegeta's constant pace).
func (p Plan) due(sequence uint64) time.Duration {
	return time.Duration(float64(sequence+1) / float64(p.Rate) * float64(time.Second))
}

// scheduled is how many requests are due within a time.
func (p Plan) scheduled(within time.Duration) int {
	return int(within.Seconds() * float64(p.Rate))
}

// Sample is what became of one request.
type Sample struct {
	Due      time.Time     // by the clock of whoever reads it
	Lateness time.Duration // from Due until it was sent
	Latency  time.Duration // from Due until the whole answer was there, or until it was given up
	Status   int           // 0: no answer
	Failure  string        // why there was none: one of the Failure constants
	Write    bool
}

// Kinds of transport errors.
const (
	FailureRefused     = "refused"     // nobody listens there
	FailureReset       = "reset"       // the connection was cut off
	FailureEOF         = "eof"         // it was closed before the answer was whole
	FailureTimeout     = "timeout"     // no answer in the plan's time
	FailureUnreachable = "unreachable" // no way to that address
	FailureName        = "name"        // the service's name was not resolved
	FailureOther       = "other"
)

// Totals is how the attack went.
type Totals struct {
	Began       time.Time // by the clock of whoever reads it
	Lasted      time.Duration
	Requests    int
	Dropped     int // were due, and never sent
	Late        int
	MaxLateness time.Duration
	ClockOffset time.Duration // the generator's clock less one's own
	ClockError  time.Duration // by which the offset may be wrong
}
