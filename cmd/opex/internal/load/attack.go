package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// pings is how often the generator's clock is asked for. The quickest answer counts.
const pings = 8

// replyWithin is how long the generator may take for an answer to a command.
const replyWithin = 2 * time.Minute

// Attack is the commanding side of one generator.
type Attack struct {
	plan    Plan
	talk    io.WriteCloser  // to the generator
	replies <-chan string   // all lines but those on requests
	ended   <-chan struct{} // the generator is gone
	hangUp  context.CancelFunc

	mu      sync.Mutex // of what follows
	totals  Totals
	samples []Sample
	problem error // of the stream
	began   bool
}

// generatorRun runs a generator with these streams until it ends, or the context does.
type generatorRun func(ctx context.Context, in io.Reader, out, said io.Writer) error

// command starts a generator, tells it the plan and measures its clock.
func command(ctx context.Context, plan Plan, run generatorRun) (*Attack, error) {
	if err := plan.check(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	ctx, hangUp := context.WithCancel(ctx)
	in, talk := io.Pipe()
	heard, out := io.Pipe()
	replies, ended := make(chan string, 64), make(chan struct{})
	a := &Attack{plan: plan, talk: talk, replies: replies, ended: ended, hangUp: hangUp}
	go func() {
		var said bytes.Buffer
		err := run(ctx, in, out, &said)
		if err == nil && said.Len() > 0 {
			err = errors.New(strings.TrimSpace(said.String()))
		}
		in.CloseWithError(io.ErrClosedPipe)
		out.CloseWithError(err) // nil is io.EOF
	}()
	go a.read(heard, replies, ended)

	line, err := json.Marshal(plan)
	if err == nil {
		err = a.tell(string(line))
	}
	if err == nil {
		err = a.setClock(ctx)
	}
	if err != nil {
		hangUp()
		return nil, err
	}
	return a, nil
}

func (a *Attack) tell(line string) error {
	if _, err := io.WriteString(a.talk, line+"\n"); err != nil {
		return a.gone(err)
	}
	return nil
}

// gone prefers what the generator said at its end.
func (a *Attack) gone(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem != nil {
		err = a.problem
	}
	return fmt.Errorf("load: the generator is gone: %w", err)
}

// reply waits for the next line that begins with one of the words.
func (a *Attack) reply(ctx context.Context, words ...string) ([]string, error) {
	timer := time.NewTimer(replyWithin)
	defer timer.Stop()
	select {
	case line, open := <-a.replies:
		if !open {
			return nil, a.gone(io.EOF)
		}
		fields := strings.Fields(line)
		for _, word := range words {
			if len(fields) > 0 && fields[0] == word {
				return fields, nil
			}
		}
		return nil, fmt.Errorf("load: the generator says %q, want %s", line, strings.Join(words, " or "))
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("load: the generator did not answer within %s", replyWithin)
	}
}

// setClock measures how far the generator's clock is from one's own, as NTP does.
func (a *Attack) setClock(ctx context.Context) error {
	best := time.Duration(-1)
	for range pings {
		asked := time.Now()
		if err := a.tell("ping"); err != nil {
			return err
		}
		fields, err := a.reply(ctx, "clock")
		if err != nil {
			return err
		}
		took := time.Since(asked)
		var nanoseconds int64
		if _, err := fmt.Sscan(fields[1], &nanoseconds); err != nil {
			return fmt.Errorf("load: the generator's clock: %w", err)
		}
		if best < 0 || took < best {
			best = took
			a.totals.ClockOffset, a.totals.ClockError = time.Unix(0, nanoseconds).Sub(asked.Add(took/2)), took/2
		}
	}
	return nil
}

// Begin starts the requests.
func (a *Attack) Begin(ctx context.Context) error {
	if err := a.tell("start"); err != nil {
		return err
	}
	for { // the first requests may be told before
		a.mu.Lock()
		began := a.began
		a.mu.Unlock()
		if began {
			return nil
		}
		select {
		case <-a.ended:
			return a.gone(io.EOF)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// read takes the generator's lines apart until it ends.
func (a *Attack) read(from io.Reader, replies chan<- string, ended chan<- struct{}) {
	defer close(ended)
	defer close(replies)
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		var nanoseconds int64
		if _, err := fmt.Sscanf(line, "began %d", &nanoseconds); err == nil {
			a.mu.Lock()
			a.totals.Began = time.Unix(0, nanoseconds).Add(-a.totals.ClockOffset)
			a.began = true
			a.mu.Unlock()
			continue
		}
		if line != "" && line[0] >= '0' && line[0] <= '9' {
			if err := a.note(line); err != nil {
				a.fail(fmt.Errorf("the line %q: %w", line, err))
				return
			}
			continue
		}
		replies <- line
	}
	a.fail(lines.Err())
}

func (a *Attack) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem == nil {
		a.problem = err
	}
}

// note takes in what became of one request.
func (a *Attack) note(line string) error {
	var sequence uint64
	var late, latency int64
	var s Sample
	var way string
	if _, err := fmt.Sscan(line, &sequence, &late, &latency, &s.Status, &s.Failure, &way); err != nil {
		return err
	}
	s.Lateness, s.Latency, s.Write = time.Duration(late)*time.Microsecond, time.Duration(latency)*time.Microsecond, way == "w"
	if s.Failure == "-" {
		s.Failure = ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Due = a.totals.Began.Add(a.plan.due(sequence))
	a.samples = append(a.samples, s)
	a.totals.MaxLateness = max(a.totals.MaxLateness, s.Lateness)
	if s.Lateness > LateLimit {
		a.totals.Late++
	}
	return nil
}

// Samples returns what is known by now, in the order in which answers came.
func (a *Attack) Samples() []Sample {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.samples[:len(a.samples):len(a.samples)]
}

// Stop ends the requests, waits for the answers that are due, and returns how it went. A line that was lost on the way is an error.
func (a *Attack) Stop(ctx context.Context) (Totals, error) {
	if err := a.tell("stop"); err != nil {
		return Totals{}, err
	}
	fields, err := a.reply(ctx, "end")
	if err != nil {
		return Totals{}, err
	}
	var sent int
	var lasted int64
	if _, err := fmt.Sscan(strings.Join(fields[1:], " "), &sent, &lasted); err != nil {
		return Totals{}, fmt.Errorf("load: the generator's totals %v: %w", fields, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.totals
	t.Lasted, t.Requests = time.Duration(lasted), sent
	t.Dropped = max(0, a.plan.scheduled(t.Lasted)-1-sent) // the last may have been due as the end came
	if len(a.samples) != sent {
		return t, fmt.Errorf("load: the generator sent %d requests, and told of %d", sent, len(a.samples))
	}
	return t, nil
}

// Check lets the generator look for each acknowledged write, and delete it. Call it after Stop.
func (a *Attack) Check(ctx context.Context) (evidence.Writes, error) {
	var w evidence.Writes
	if err := a.tell("check"); err != nil {
		return w, err
	}
	for {
		fields, err := a.reply(ctx, "lost", "checked")
		if err != nil {
			return w, err
		}
		if fields[0] == "lost" {
			w.Lost = append(w.Lost, strings.Join(fields[1:], " "))
			continue
		}
		_, err = fmt.Sscan(strings.Join(fields[1:], " "), &w.Acknowledged, &w.Found, &w.Unchecked, &w.Left)
		if err == nil && w.Acknowledged != w.Found+w.Unchecked+len(w.Lost) {
			err = errors.New("they do not add up")
		}
		if err != nil {
			return w, fmt.Errorf("load: the generator's count of writes, %v: %w", fields, err)
		}
		return w, nil
	}
}

// Close lets the generator end, which deletes what it wrote, for a while.
func (a *Attack) Close(ctx context.Context) {
	_ = a.talk.Close()
	select {
	case <-a.ended:
	case <-ctx.Done():
	}
	a.hangUp()
}
