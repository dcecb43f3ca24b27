package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// pings is how often the generator's clock is asked for. The quickest answer counts.
const pings = 8

// Lines that begin with wroteMark tell the path of an acknowledged write; those with saidMark, the number of a request
// without an answer, and how that came.
const (
	wroteMark = "+"
	saidMark  = "!"
)

// replyWithin is how long the generator may take for an answer to a command: more than it gives itself for the longest,
// check.
const replyWithin = 2 * time.Minute

// Attack is the commanding side of one generator.
type Attack struct {
	plan    Plan
	talk    io.WriteCloser // to the generator
	replies <-chan string  // all lines but those on requests; closed when the generator is gone
	hangUp  context.CancelFunc

	mu      sync.Mutex // of what follows
	totals  Totals
	samples []packed // by number
	known   int      // of them
	said    map[int]string
	written []string // paths of acknowledged writes
	problem error    // of the stream
}

// Run runs a generator with these streams until it ends, or the context does.
type Run func(ctx context.Context, in io.Reader, out, said io.Writer) error

// Command starts a generator, tells it the plan and measures its clock. Begin starts the requests.
func Command(ctx context.Context, plan Plan, run Run) (*Attack, error) {
	plan = plan.WithDefaults()
	if err := plan.Check(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	// An interrupt ends the waiting, not the stream: Close still lets the generator delete what it wrote.
	streaming, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	in, talk := io.Pipe()
	heard, out := io.Pipe()
	replies := make(chan string)
	a := &Attack{
		plan:    plan,
		talk:    talk,
		replies: replies,
		hangUp:  hangUp,
		said:    map[int]string{},
		totals:  Totals{Workers: plan.Workers},
	}
	go func() {
		var said bytes.Buffer
		err := run(streaming, in, out, &said)
		if err == nil && said.Len() > 0 {
			err = errors.New(strings.TrimSpace(said.String()))
		}
		out.CloseWithError(err) // nil is io.EOF
		in.CloseWithError(io.ErrClosedPipe)
	}()
	go a.read(streaming, heard, replies)

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
		return a.gone()
	}
	return nil
}

// gone says why the generator is gone, once all that it said is read.
func (a *Attack) gone() error {
	for range a.replies {
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem == nil {
		return errors.New("load: the generator ended before it was told to")
	}
	return fmt.Errorf("load: the generator is gone: %w", a.problem)
}

// reply waits for the next line, which has to begin with one of the words.
func (a *Attack) reply(ctx context.Context, words ...string) ([]string, error) {
	timer := time.NewTimer(replyWithin)
	defer timer.Stop()
	select {
	case line, open := <-a.replies:
		if !open {
			return nil, a.gone()
		}
		if fields := strings.Fields(line); len(fields) > 0 && slices.Contains(words, fields[0]) {
			return fields, nil
		}
		return nil, fmt.Errorf("load: the generator says %q, want %s", line, strings.Join(words, " or "))
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("load: the generator did not answer within %s", replyWithin)
	}
}

// counts is reply for a line of a word and so many numbers.
func (a *Attack) counts(ctx context.Context, word string, want int) ([]int64, error) {
	fields, err := a.reply(ctx, word)
	if err != nil {
		return nil, err
	}
	return a.counted(fields, want)
}

func (a *Attack) counted(fields []string, want int) ([]int64, error) {
	n, err := numbers(fields[1:], want)
	if err != nil {
		return nil, fmt.Errorf("load: the generator says %q: %w", strings.Join(fields, " "), err)
	}
	return n, nil
}

// setClock measures how far the generator's clock is from one's own, as NTP does.
func (a *Attack) setClock(ctx context.Context) error {
	best := time.Duration(-1)
	for range pings {
		asked := time.Now()
		if err := a.tell("ping"); err != nil {
			return err
		}
		n, err := a.counts(ctx, "clock", 1)
		if err != nil {
			return err
		}
		took := time.Since(asked)
		if best < 0 || took < best {
			best = took
			a.totals.ClockOffset, a.totals.ClockError = time.Unix(0, n[0]).Sub(asked.Add(took/2)), took/2
		}
	}
	return nil
}

// Begin starts the requests, once.
func (a *Attack) Begin(ctx context.Context) error {
	if err := a.tell("start"); err != nil {
		return err
	}
	_, err := a.counts(ctx, "began", 1)
	return err
}

// read takes the generator's lines apart until it ends, or says what cannot be.
func (a *Attack) read(ctx context.Context, from *io.PipeReader, replies chan<- string) {
	defer close(replies)
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		ended := err == io.EOF // and nothing that wraps it: a lost connection does
		if ended && line != "" {
			ended, err = false, fmt.Errorf("its stream breaks off within the line %q", line)
		}
		if err == nil {
			line = strings.TrimSuffix(line, "\n")
			if path, is := strings.CutPrefix(line, wroteMark); is {
				a.mu.Lock()
				a.written = append(a.written, path)
				a.mu.Unlock()
				continue
			}
			if text, is := strings.CutPrefix(line, saidMark); is {
				a.hear(text)
				continue
			}
			if line != "" && line[0] >= '0' && line[0] <= '9' {
				if err = a.note(line); err == nil {
					continue
				}
				err = fmt.Errorf("its line %q: %w", line, err)
			}
		}
		if err != nil {
			if !ended {
				a.mu.Lock()
				a.problem = err
				a.mu.Unlock()
			}
			from.CloseWithError(err) // and nothing waits for a reader
			return
		}
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == "began" {
			if n, err := numbers(fields[1:], 1); err == nil {
				a.mu.Lock()
				a.totals.Began = time.Unix(0, n[0]).Add(-a.totals.ClockOffset) // the samples that follow count from it
				a.mu.Unlock()
			}
		}
		select {
		case replies <- line:
		case <-ctx.Done():
		}
	}
}

// note takes in what became of one request.
func (a *Attack) note(line string) error {
	sequence, s, err := parseSample(line)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.totals.Began.IsZero() {
		return errors.New("it comes before the beginning")
	}
	if sequence >= MaxRequests {
		return fmt.Errorf("want numbers below %d", MaxRequests)
	}
	if grow := sequence + 1 - len(a.samples); grow > 0 {
		a.samples = append(a.samples, make([]packed, grow)...)
	}
	if a.samples[sequence] != (packed{}) {
		return errors.New("it was told of before")
	}
	a.samples[sequence] = pack(s)
	a.known++
	a.totals.MaxLateness = max(a.totals.MaxLateness, s.Lateness)
	if s.Lateness > LateLimit {
		a.totals.Late++
	}
	return nil
}

// hear keeps how a request came to have no answer.
func (a *Attack) hear(text string) {
	number, said, _ := strings.Cut(text, " ")
	if n, err := strconv.Atoi(number); err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.said[n] = said
	}
}

// Began is when the requests began, by one's own clock; zero before.
func (a *Attack) Began() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.totals.Began
}

// Between is of Samples: what is known by now. A line may take some 100 ms to come.
func (a *Attack) Between(from, to time.Time) iter.Seq[Sample] {
	a.mu.Lock()
	began, said, every := a.totals.Began, maps.Clone(a.said), a.plan.interval()
	number := func(at time.Time) int { // of the first that is due then or later
		return min(max(0, int((at.Sub(began)+every-1)/every)-1), len(a.samples))
	}
	first := number(from)
	some := slices.Clone(a.samples[first:max(first, number(to))])
	a.mu.Unlock()
	return func(yield func(Sample) bool) {
		for i, p := range some {
			if p == (packed{}) {
				continue
			}
			s := p.sample()
			s.Due = began.Add(a.plan.due(first + i))
			if s.Status == 0 {
				s.Said = said[first+i]
			}
			if !yield(s) {
				return
			}
		}
	}
}

// last is when the newest that is known was due.
func (a *Attack) last() time.Duration {
	if len(a.samples) == 0 {
		return 0
	}
	return a.plan.due(len(a.samples) - 1)
}

// Written returns the paths of the writes that were acknowledged. After Close has failed some of them may be left in
// the service.
func (a *Attack) Written() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.written)
}

// Stop ends the requests, waits for the answers that are due, and returns how it went. A line that was lost on the way
// is an error. If the generator is gone, the error comes with what it had told of by then.
func (a *Attack) Stop(ctx context.Context) (Totals, error) {
	n, err := []int64(nil), a.tell("stop")
	if err == nil {
		n, err = a.counts(ctx, "end", 2)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.totals
	if err != nil {
		t.Requests, t.Lasted = a.known, a.last()
		return t, err
	}
	t.Requests, t.Lasted = int(n[0]), time.Duration(n[1])
	t.Dropped = a.plan.dropped(t.Lasted, t.Requests)
	if a.known != t.Requests {
		return t, fmt.Errorf("load: the generator sent %d requests, and told of %d", t.Requests, a.known)
	}
	return t, nil
}

// Check lets the generator look for each acknowledged write, and delete it. Call it after Stop. It takes a minute and a
// half at most; what the service did not answer for by then is unchecked, or left.
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
		n, err := a.counted(fields, 4)
		if err != nil {
			return w, err
		}
		w.Acknowledged, w.Found, w.Unchecked, w.Left = int(n[0]), int(n[1]), int(n[2]), int(n[3])
		if w.Acknowledged != w.Found+w.Unchecked+len(w.Lost) {
			return w, fmt.Errorf("load: the generator's count of writes does not add up: %+v", w)
		}
		return w, nil
	}
}

// Close lets the generator end, for as long as the context lasts: it stops, and deletes what it wrote and did not
// delete before. It is an error if the generator was gone by itself, or left records in the service. Twice is no error.
func (a *Attack) Close(ctx context.Context) error {
	defer a.hangUp()
	_ = a.talk.Close()
	for {
		select {
		case _, open := <-a.replies:
			if open {
				continue
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.problem != nil {
				return fmt.Errorf("load: the generator may have left records in the service: %w", a.problem)
			}
			return nil
		case <-ctx.Done():
			return fmt.Errorf(
				"load: the generator did not end in time, and may have left records in the service: %w", ctx.Err(),
			)
		}
	}
}
