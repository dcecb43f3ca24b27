// Package load asks a service at a constant rate from inside its cluster, as an open model: requests come at their
// times, whether the service answers or not, and a latency counts from the time at which its request was due. A
// generator in a pod (the program opex-load) is talked with over exec: it says what became of each request, and stops
// when nobody listens any more.
package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"
)

const (
	// LateLimit is how long after its time a request may be sent before it counts as late: little of the quickest
	// recovery. Its latency counts from its time all the same.
	LateLimit = 200 * time.Millisecond
	// DefaultTimeout is how long an answer is waited for.
	DefaultTimeout = 2 * time.Second
	// MaxRate is the highest rate that a plan may have, per second.
	MaxRate = 100_000
	// maxWorkers keeps a generator within the memory of its pod: a request under way takes some 40 KiB.
	maxWorkers = 4096
	// MaxRequests and maxWrites keep both sides within their memory: 8 bytes for each request, some 200 for each
	// acknowledged write.
	MaxRequests = 8_000_000
	maxWrites   = 500_000
)

// Plan is what the generator is told.
type Plan struct {
	URL        string        `json:"url"`     // of the service, inside the cluster
	Rate       int           `json:"rate"`    // requests per second, 1 to MaxRate
	Limit      time.Duration `json:"limit"`   // it stops by itself then, in nanoseconds
	Timeout    time.Duration `json:"timeout"` // default: DefaultTimeout
	Reads      []string      `json:"reads"`   // paths, in turn
	Write      *Write        `json:"write,omitempty"`
	WriteShare float64       `json:"writeShare"` // of all requests, 0 to 1
	// Workers is how many requests may be under way at once; what is due beyond that waits, is late, and at the end is
	// dropped. Default: as many as wait when nobody answers, and half as many again, but not more than 4096.
	Workers int `json:"workers"`
	// Clients is how many clients take turns, each with connections of its own. Default: DefaultClients.
	Clients int `json:"clients"`
}

// Write is what is posted. A success is a status of 200 to 299 with a header Location, where the record is read and
// deleted.
type Write struct {
	Path string          `json:"path"`
	Body json.RawMessage `json:"body"` // a JSON object
}

// WithDefaults fills in what is unset: Check wants a whole plan.
func (p Plan) WithDefaults() Plan {
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.Clients == 0 {
		p.Clients = DefaultClients
	}
	if p.Workers == 0 {
		p.Workers = min(int(math.Ceil(float64(p.Rate)*p.Timeout.Seconds()*1.5))+100, maxWorkers)
	}
	return p
}

// Check finds everything that is wrong with a plan.
func (p Plan) Check() error {
	var wrong []error
	add := func(format string, arguments ...any) { wrong = append(wrong, fmt.Errorf(format, arguments...)) }
	if u, err := url.Parse(p.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		add("url %q is no HTTP address", p.URL)
	}
	if p.Rate < 1 || p.Rate > MaxRate {
		add("rate %d: want 1 to %d per second", p.Rate, MaxRate)
	}
	if p.Limit <= 0 || p.Timeout <= 0 || p.Workers <= 0 || p.Clients <= 0 {
		add("limit %s, timeout %s, workers %d, clients %d: want more than 0", p.Limit, p.Timeout, p.Workers, p.Clients)
	}
	if !(p.WriteShare >= 0 && p.WriteShare <= 1) || p.WriteShare > 0 && p.Write == nil {
		add("write share %g: want 0 to 1, and 0 without a write", p.WriteShare)
	}
	if all := float64(p.Rate) * p.Limit.Seconds(); all > MaxRequests {
		add(
			"%d requests per second for up to %s are %.0f: want %d at most, so a lower rate or a shorter time", p.Rate,
			p.Limit, all, MaxRequests,
		)
	} else if writes := all * p.WriteShare; writes > maxWrites {
		add("%d requests per second for up to %s, of which %.0f%% write, are %.0f writes: want %d at most, so a lower rate or a shorter time", p.Rate, p.Limit,
			100*p.WriteShare, writes, maxWrites)
	}
	if len(p.Reads) == 0 && p.WriteShare < 1 {
		add("no path to read")
	}
	for _, path := range p.Reads {
		if !strings.HasPrefix(path, "/") {
			add("path %q: want one that begins with /", path)
		}
	}
	if w := p.Write; w != nil {
		var object map[string]any
		if !strings.HasPrefix(w.Path, "/") || json.Unmarshal(w.Body, &object) != nil || object == nil {
			add("write of %q to %q: want a JSON object, and a path that begins with /", w.Body, w.Path)
		}
	}
	return errors.Join(wrong...)
}

// parsePlan reads a plan as the generator gets it. A field that it does not know is an error: it is of another version
// then.
func parsePlan(line []byte) (Plan, error) {
	var plan Plan
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return Plan{}, fmt.Errorf("the plan is not the expected JSON: %w", err)
	}
	if err := plan.Check(); err != nil {
		return Plan{}, fmt.Errorf("the plan: %w", err)
	}
	return plan, nil
}

// interval is the time from one request to the next.
func (p Plan) interval() time.Duration { return time.Second / time.Duration(p.Rate) }

// due is when a request is to be sent, from the beginning of the attack: the first when one interval is over (vegeta's
// constant pace).
func (p Plan) due(sequence int) time.Duration { return time.Duration(sequence+1) * p.interval() }

// dropped is how many of the requests that were due LateLimit before the end, or earlier, were not sent. Requests are
// sent in their order, so that a generator that cannot keep up is short of the last.
func (p Plan) dropped(lasted time.Duration, sent int) int {
	return max(0, int((lasted-LateLimit)/p.interval())-sent)
}

// Sample is what became of one request.
type Sample struct {
	Due      time.Time     // by the clock of whoever reads it
	Lateness time.Duration // from Due until it was sent
	Latency  time.Duration // from Due until the whole answer was there, or until it was given up
	Status   int           // 0: no answer
	Failure  string        // why there was none: one of the Failure constants
	Said     string        // of a failure: on which connection, and in which words; of the first few only
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

var failures = []string{
	FailureRefused,
	FailureReset,
	FailureEOF,
	FailureTimeout,
	FailureUnreachable,
	FailureName,
	FailureOther,
}

// Totals is how the attack went.
type Totals struct {
	Began       time.Time // by the clock of whoever reads it
	Lasted      time.Duration
	Requests    int
	Dropped     int // were due LateLimit before the end, or earlier, and never sent
	Late        int // sent more than LateLimit after their time
	MaxLateness time.Duration
	Workers     int           // that many requests could be under way at once
	ClockOffset time.Duration // the generator's clock less one's own
	ClockError  time.Duration // by which the offset may be wrong
}
