package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// firstID is more than a float64 can tell from its neighbours.
const firstID = 9007199254740992

// service keeps records, as Task API does.
type service struct {
	mu      sync.Mutex
	records map[string]string
	n       int
	before  func(http.ResponseWriter, *http.Request) bool // true: answered
	asked   []string                                      // the numbers that vegeta gives to requests
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Header.Get("X-Vegeta-Seq"))
	s.mu.Unlock()
	if s.before != nil && s.before(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		s.n++
		path := fmt.Sprintf("/records/%d", s.n)
		s.records[path] = fmt.Sprintf(`{"id": %d}`, firstID+s.n)
		w.Header().Set("Location", path)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, s.records[path])
	case r.URL.Path == "/records":
		fmt.Fprint(w, "[]")
	case s.records[r.URL.Path] == "":
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(s.records, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		fmt.Fprint(w, s.records[r.URL.Path])
	}
}

func (s *service) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}

// silent answers nothing.
func silent(_ http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client has gone
	<-r.Context().Done()
	return true
}

// here runs the generator in this process.
func here(ctx context.Context, in io.Reader, out, _ io.Writer) error { return Generate(ctx, in, out) }

// attack begins an attack on a service.
func attack(t *testing.T, s *service, change func(*Plan), run Run) *Attack {
	t.Helper()
	s.records = map[string]string{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	plan := Plan{URL: server.URL, Rate: 200, Limit: time.Minute, Timeout: time.Second, Reads: []string{"/records"},
		Write: &Write{Path: "/records", Body: json.RawMessage(`{}`)}, WriteShare: 0.25}
	if change != nil {
		change(&plan)
	}
	a, err := Command(t.Context(), plan, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(context.WithoutCancel(t.Context())) })
	return a
}

func ended(t *testing.T, a *Attack) ([]Sample, Totals) {
	t.Helper()
	totals, err := a.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return told(a), totals
}

// told are all requests that are known.
func told(a *Attack) []Sample {
	return slices.Collect(a.Between(a.Began(), a.Began().Add(time.Hour)))
}

func TestEveryRequestIsToldOfAtItsRateAndShare(t *testing.T) {
	a := attack(t, &service{}, nil, here)
	time.Sleep(time.Second)
	samples, totals := ended(t, a)
	writes := 0
	for _, s := range samples {
		if s.Status != http.StatusOK && s.Status != http.StatusCreated || s.Latency <= 0 {
			t.Fatalf("%+v", s)
		}
		if s.Write {
			writes++
		}
	}
	due := int(totals.Lasted / (5 * time.Millisecond)) // at 200 per second
	if n := len(samples); n < due*9/10 || n > due+3 || n != totals.Requests || writes < n/5 || writes > n/3 ||
		totals.Dropped > 0 {
		t.Errorf("%d requests, %d of them writes, in %s: %+v", n, writes, totals.Lasted, totals)
	}
}

// TestAStalledServiceIsMeasuredByWhatWasDue: requests that were due while it stalled count with their full time, though
// a client that waited for answers would not have sent them.
func TestAStalledServiceIsMeasuredByWhatWasDue(t *testing.T) {
	var until atomic.Int64
	s := &service{before: func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(time.Until(time.Unix(0, until.Load())))
		return false
	}}
	a := attack(t, s, func(p *Plan) { p.Timeout = 3 * time.Second }, here)
	time.Sleep(200 * time.Millisecond)
	stalled := time.Now()
	until.Store(stalled.Add(time.Second).UnixNano())
	time.Sleep(1200 * time.Millisecond)
	samples, _ := ended(t, a)
	w := Window(List(samples), stalled, stalled.Add(time.Second), stalled, time.Second)
	if w.Requests < 190 || w.Requests > 210 || w.P50 < 0.45 || w.P95 < 0.9 || w.Max < 0.95 {
		t.Errorf("while the service stalled: %+v", w)
	}
}

func TestWhatWasDueAndNotSentIsLateThenDropped(t *testing.T) {
	a := attack(
		t, &service{before: silent}, func(p *Plan) { p.Timeout, p.WriteShare, p.Workers = 200*time.Millisecond, 0, 5 },
		here,
	)
	time.Sleep(time.Second)
	samples, totals := ended(t, a)
	// Five workers wait 200 ms for each answer: 25 of 200 a second can be sent.
	most := 5 * (int(totals.Lasted/(200*time.Millisecond)) + 2)
	if len(samples) < 15 || len(samples) > most || totals.Dropped < 130 || totals.Late < len(samples)/2 ||
		totals.MaxLateness < 500*time.Millisecond ||
		totals.Workers != 5 {
		t.Errorf("%d requests were sent: %+v", len(samples), totals)
	}
	for _, s := range samples {
		if s.Latency < s.Lateness+190*time.Millisecond {
			t.Errorf("a latency that does not count from the time at which the request was due: %+v", s)
		}
	}
}

func TestAReaderThatIsSlowHoldsUpNoRequest(t *testing.T) {
	a := attack(t, &service{}, nil, func(ctx context.Context, in io.Reader, out, _ io.Writer) error {
		return Generate(ctx, in, slow{out})
	})
	time.Sleep(time.Second)
	samples, totals := ended(t, a)
	if len(samples) < 180 || totals.Dropped > 0 || totals.Late > len(samples)/10 {
		t.Errorf("%d requests: %+v", len(samples), totals)
	}
}

// slow holds up who writes.
type slow struct{ io.Writer }

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(300 * time.Millisecond)
	return s.Writer.Write(b)
}

// TestNoRequestIsSentTwice: Go's own client would send reads again whose kept connection is cut off, and count no
// error.
func TestNoRequestIsSentTwice(t *testing.T) {
	var n atomic.Int64
	s := &service{before: func(w http.ResponseWriter, _ *http.Request) bool {
		if n.Add(1)%5 != 0 {
			return false
		}
		connection, _, _ := w.(http.Hijacker).Hijack()
		connection.Close()
		return true
	}}
	a := attack(t, s, nil, here)
	time.Sleep(time.Second)
	samples, _ := ended(t, a)
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.asked)
	if once := slices.Compact(slices.Clone(s.asked)); len(once) != len(s.asked) {
		t.Errorf("%d requests came, %d different ones", len(s.asked), len(once))
	}
	failed := 0
	for _, s := range samples {
		if s.Status == 0 {
			failed++
		}
	}
	if failed != len(s.asked)/5 || len(samples) != len(s.asked) {
		t.Errorf("%d of %d samples have no answer; the service saw %d", failed, len(samples), len(s.asked))
	}
}

func TestTransportErrorsHaveTheirKind(t *testing.T) {
	for kind, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		FailureTimeout: silent,
		FailureReset: func(w http.ResponseWriter, _ *http.Request) bool {
			connection, _, _ := w.(http.Hijacker).Hijack()
			_ = connection.(*net.TCPConn).SetLinger(0)
			connection.Close()
			return true
		},
		FailureEOF: func(w http.ResponseWriter, _ *http.Request) bool {
			connection, _, _ := w.(http.Hijacker).Hijack()
			connection.Close()
			return true
		},
	} {
		t.Run(kind, func(t *testing.T) {
			a := attack(
				t, &service{before: before}, func(p *Plan) { p.Rate, p.Timeout = 50, 200*time.Millisecond }, here,
			)
			time.Sleep(300 * time.Millisecond)
			samples, _ := ended(t, a)
			i := slices.IndexFunc(samples, func(s Sample) bool { return s.Status == 0 })
			if i < 0 || samples[i].Failure != kind ||
				kind == FailureTimeout && samples[i].Latency < 200*time.Millisecond {
				t.Errorf("%+v", samples)
			}
		})
	}
	t.Run(FailureRefused, func(t *testing.T) {
		a := attack(t, &service{}, func(p *Plan) { p.URL = "http://127.0.0.1:1" }, here)
		time.Sleep(200 * time.Millisecond)
		if samples, _ := ended(t, a); len(samples) == 0 || samples[0].Failure != FailureRefused {
			t.Errorf("%+v", samples)
		}
	})
}

func TestAnAnswerThatBreaksOffIsNone(t *testing.T) {
	a := attack(t, &service{before: func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "half")
		return true
	}}, func(p *Plan) { p.Rate = 50 }, here)
	time.Sleep(200 * time.Millisecond)
	if samples, _ := ended(t, a); len(samples) == 0 || samples[0].Status != 0 || samples[0].Failure != FailureEOF ||
		!strings.HasPrefix(samples[0].Said, "connection 127.0.0.1:") {
		t.Errorf("%+v", samples)
	}
}

func TestFailuresAreNamedByTheirCause(t *testing.T) {
	on := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for want, errs := range map[string][]error{
		FailureUnreachable: {on(syscall.EHOSTUNREACH), on(syscall.ENETUNREACH)},
		FailureRefused:     {on(syscall.ECONNREFUSED)},
		FailureReset:       {on(syscall.ECONNRESET), on(syscall.EPIPE)},
		FailureName:        {on(&net.DNSError{IsNotFound: true}), on(&net.DNSError{IsTimeout: true})},
		FailureTimeout:     {context.DeadlineExceeded, on(os.ErrDeadlineExceeded)},
		FailureEOF:         {io.EOF, io.ErrUnexpectedEOF},
		FailureOther:       {errors.New("malformed HTTP response")},
	} {
		for _, err := range errs {
			got, said := kind(fmt.Sprintf("Get %q: %s", "http://task-api", (&way{}).named(err)))
			if got != want || !strings.HasPrefix(said, "no connection: ") {
				t.Errorf("%v is %s (%s), want %s", err, got, said, want)
			}
		}
	}
}

func TestALostOrChangedWriteIsFound(t *testing.T) {
	s := &service{}
	a := attack(t, s, nil, here)
	time.Sleep(500 * time.Millisecond)
	ended(t, a)
	s.mu.Lock()
	delete(s.records, "/records/3")
	s.records["/records/5"] = fmt.Sprintf(`{"id": %d}`, firstID+4)
	s.mu.Unlock()
	writes, err := a.Check(t.Context())
	slices.Sort(writes.Lost)
	if err != nil || writes.Acknowledged < 10 || strings.Join(writes.Lost, ", ") != "/records/3 (not found), /records/5 (not as acknowledged)" ||
		writes.Found != writes.Acknowledged-2 ||
		writes.Left != 0 ||
		s.left() != 0 {
		t.Errorf("%+v, %v; %d records are left", writes, err, s.left())
	}
}

func TestAWriteThatNobodyAnswersForIsUncheckedAndLeft(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"no Location": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusCreated)
			}
			return r.Method == http.MethodPost
		},
		"down by then": func(w http.ResponseWriter, r *http.Request) bool {
			down := strings.HasPrefix(r.URL.Path, "/records/")
			if down {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return down
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := attack(t, &service{before: before}, func(p *Plan) { p.Rate = 50 }, here)
			time.Sleep(300 * time.Millisecond)
			ended(t, a)
			w, err := a.Check(t.Context())
			if err != nil || w.Acknowledged == 0 || w.Unchecked != w.Acknowledged || w.Left != w.Acknowledged ||
				w.Found+len(w.Lost) != 0 {
				t.Errorf("%+v, %v", w, err)
			}
		})
	}
}

func TestALocationMayBeAWholeURL(t *testing.T) {
	for location, want := range map[string]string{
		"/tasks/1": "/tasks/1", "http://elsewhere/tasks/1?x=y": "/tasks/1?x=y", "": "", "tasks/1": "", "http://elsewhere": "", "%": "",
	} {
		if got := path(location); got != want {
			t.Errorf("%q leads to %q, want %q", location, got, want)
		}
	}
}

func TestAnAttackThatIsLeftTakesItsWritesAlong(t *testing.T) {
	s := &service{}
	a := attack(t, s, nil, here)
	time.Sleep(300 * time.Millisecond)
	for range 2 { // the second time there is nothing to do
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s.left() != 0 || s.n == 0 {
		t.Errorf("%d of %d records are left", s.left(), s.n)
	}
}

// TestAnInterruptLeavesTheGeneratorTimeToCleanUp: the context that an interrupt ends is not the stream's.
func TestAnInterruptLeavesTheGeneratorTimeToCleanUp(t *testing.T) {
	s := &service{records: map[string]string{}}
	server := httptest.NewServer(s)
	defer server.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	a, err := Command(
		ctx,
		Plan{
			URL:        server.URL,
			Rate:       200,
			Limit:      time.Minute,
			Write:      &Write{Path: "/records", Body: json.RawMessage(`{}`)},
			WriteShare: 1,
		},
		func(ctx context.Context, in io.Reader, out, said io.Writer) error {
			err := here(ctx, in, out, said)
			if ctx.Err() != nil {
				return errors.New("the stream was cut off before the generator ended")
			}
			return err
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	interrupt()
	if _, err := a.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted Stop says %v", err)
	}
	if err := a.Close(t.Context()); err != nil || s.left() != 0 || s.n == 0 {
		t.Errorf("%v; %d of %d records are left", err, s.left(), s.n)
	}
}

func TestRecordsThatStayAreAnErrorAtTheEnd(t *testing.T) {
	a := attack(t, &service{before: func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusForbidden)
		}
		return r.Method == http.MethodDelete
	}}, func(p *Plan) { p.Rate = 50 }, here)
	time.Sleep(300 * time.Millisecond)
	if err := a.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "could not be deleted") {
		t.Errorf("error is %v", err)
	}
}

func TestALineThatIsLostIsAnError(t *testing.T) {
	a := attack(t, &service{}, nil, func(ctx context.Context, in io.Reader, out, _ io.Writer) error {
		return Generate(ctx, in, &without{to: out, line: "7 "})
	})
	time.Sleep(300 * time.Millisecond)
	if _, err := a.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "requests, and told of") {
		t.Errorf("error is %v", err)
	}
}

// without leaves out the line that begins so.
type without struct {
	to   io.Writer
	line string
}

func (w *without) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, w.line) {
			if _, err := io.WriteString(w.to, line); err != nil {
				return 0, err
			}
		}
	}
	return len(b), nil
}

// TestAStreamThatIsNotWholeIsAnError: whatever a generator says after it began, and however it ends.
func TestAStreamThatIsNotWholeIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ end, says string }{
		"cut off within a line":    {"0 10 900 200 - r\n1 10 9", `breaks off within the line "1 10 9"`},
		"cut off between lines":    {"0 10 900 200 - r\n", "ended before it was told to"},
		"cut off within the end":   {"0 10 900 200 - r\nend 1 50", "breaks off within the line"},
		"a field too few":          {"0 10 900 200 -\n", "it has 5 fields, want 6"},
		"a negative number":        {"0 -10 900 200 - r\n", `"-10" is no number`},
		"no status and no failure": {"0 10 900 0 - r\n", "want a status"},
		"a status and a failure":   {"0 10 900 200 reset r\n", "want a status"},
		"an unknown failure":       {"0 10 900 0 tired r\n", `"tired" is no kind of failure`},
		"neither read nor write":   {"0 10 900 200 - x\n", "want r or w"},
		"something else":           {"panic: out of memory\n", `says "panic: out of memory"`},
		"an end without numbers":   {"end 1\n", "1 numbers, want 2"},
		"too few requests":         {"0 10 900 200 - r\nend 2 500000000\n", "sent 2 requests, and told of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			a := attack(t, &service{}, nil, func(_ context.Context, in io.Reader, out, _ io.Writer) error {
				lines := bufio.NewScanner(in)
				for lines.Scan() {
					switch lines.Text() {
					case "ping":
						fmt.Fprintf(out, "clock %d\n", time.Now().UnixNano())
					case "start":
						fmt.Fprintf(out, "began %d\n", time.Now().UnixNano())
					case "stop":
						_, _ = io.WriteString(out, c.end)
						return nil
					}
				}
				return lines.Err()
			})
			if _, err := a.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestAGeneratorThatDiesIsAnErrorThatComesWithWhatItToldOf(t *testing.T) {
	ctx, kill := context.WithCancel(t.Context())
	a := attack(t, &service{}, nil, func(_ context.Context, in io.Reader, out, _ io.Writer) error {
		go func() { _ = Generate(ctx, in, out) }()
		<-ctx.Done()
		return fmt.Errorf("the pod was deleted")
	})
	for began := time.Now(); len(told(a)) < 5 && time.Since(began) < 10*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	kill()
	totals, err := a.Stop(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the generator is gone") {
		t.Errorf("error is %v", err)
	}
	if age := time.Since(totals.Began); totals.Requests < 5 || totals.Requests != len(told(a)) || age > time.Minute ||
		totals.Lasted < 20*time.Millisecond ||
		totals.Lasted > age {
		t.Errorf("it told of %d requests, and the totals are %+v", len(told(a)), totals)
	}
}

func TestAGeneratorThatIsToldToEndDeletesWhatItWrote(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	shop := &service{}
	ended := make(chan error, 1)
	a := attack(t, shop, nil, func(_ context.Context, in io.Reader, out, _ io.Writer) error {
		err := Generate(ctx, in, out)
		ended <- err
		return err
	})
	for began := time.Now(); len(a.Written()) < 5 && time.Since(began) < 10*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	end()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "it was ended") {
		t.Errorf("error is %v", err)
	}
	shop.mu.Lock()
	defer shop.mu.Unlock()
	if len(shop.records) > 0 || len(a.Written()) < 5 {
		t.Errorf("left are %v of %d", shop.records, len(a.Written()))
	}
}

func TestWhatADeadGeneratorWroteIsKnown(t *testing.T) {
	ctx, kill := context.WithCancel(t.Context())
	shop := &service{}
	a := attack(t, shop, nil, func(_ context.Context, in io.Reader, out, _ io.Writer) error {
		go func() { _ = Generate(ctx, in, out) }()
		<-ctx.Done()
		return fmt.Errorf("the pod was deleted")
	})
	for began := time.Now(); len(a.Written()) < 5 && time.Since(began) < 10*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	kill()
	if err := a.Close(t.Context()); err == nil {
		t.Error("nobody was told that records may be left")
	}
	for i, path := range a.Written() {
		if !strings.HasPrefix(path, "/records/") || slices.Contains(a.Written()[:i], path) {
			t.Errorf("a write of %q", path)
		}
	}
	if len(a.Written()) < 5 {
		t.Errorf("known are %v", a.Written())
	}
}

// TestAnotherClockIsTakenOut: times are of the reader's clock, however far the generator's is off.
func TestAnotherClockIsTakenOut(t *testing.T) {
	const off = time.Hour
	a := attack(t, &service{}, nil, func(ctx context.Context, in io.Reader, out, _ io.Writer) error {
		return Generate(ctx, in, shifted{out, off})
	})
	time.Sleep(200 * time.Millisecond)
	samples, totals := ended(t, a)
	if (totals.ClockOffset-off).Abs() > totals.ClockError || totals.ClockError > time.Second {
		t.Errorf("the offset is %s, give or take %s", totals.ClockOffset, totals.ClockError)
	}
	if ago := time.Since(samples[0].Due); ago > 10*time.Second || ago < 0 {
		t.Errorf("the first request was due %s ago", ago)
	}
}

// shifted tells another time.
type shifted struct {
	to io.Writer
	by time.Duration
}

func (s shifted) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		var word string
		var nanoseconds int64
		if _, err := fmt.Sscan(line, &word, &nanoseconds); err == nil && (word == "clock" || word == "began") {
			line = fmt.Sprintf("%s %d\n", word, nanoseconds+s.by.Nanoseconds())
		}
		if _, err := io.WriteString(s.to, line); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func TestAPlanThatCannotBeIsRefused(t *testing.T) {
	for says, change := range map[string]func(*Plan){
		"is no HTTP address":                       func(p *Plan) { p.URL = "task-api:8000" },
		"rate 0: want 1":                           func(p *Plan) { p.Rate = 0 },
		"want 1 to 100000":                         func(p *Plan) { p.Rate = MaxRate + 1 },
		"limit 0s":                                 func(p *Plan) { p.Limit = 0 },
		"timeout -1s":                              func(p *Plan) { p.Timeout = -time.Second },
		"workers -1":                               func(p *Plan) { p.Workers = -1 },
		"and 0 without a write":                    func(p *Plan) { p.WriteShare = 0.5 },
		"write share NaN":                          func(p *Plan) { p.WriteShare = math.NaN() },
		"no path to read":                          func(p *Plan) { p.Reads = nil },
		`path "tasks"`:                             func(p *Plan) { p.Reads = []string{"/", "tasks"} },
		`write of "[]" to "/"`:                     func(p *Plan) { p.Write = &Write{Path: "/", Body: json.RawMessage(`[]`)} },
		`write of "null" to "/"`:                   func(p *Plan) { p.Write = &Write{Path: "/", Body: json.RawMessage(`null`)} },
		`write of "{}" to "x"`:                     func(p *Plan) { p.Write = &Write{Path: "x", Body: json.RawMessage(`{}`)} },
		"timeout 2s, workers -2, clients 24: want": func(p *Plan) { p.Timeout, p.Workers = 0, -2 },
	} {
		plan := Plan{
			URL:     "http://task-api:8000",
			Rate:    1,
			Limit:   time.Second,
			Timeout: time.Second,
			Reads:   []string{"/"},
		}
		change(&plan)
		if _, err := Command(t.Context(), plan, here); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
}

func TestAGeneratorRefusesWhatItDoesNotKnow(t *testing.T) {
	const plan = `{"url":"http://task-api","rate":1,"limit":1,"timeout":1,"reads":["/"],"writeShare":0,"workers":1,"clients":1}` + "\n"
	for name, c := range map[string]struct{ in, says string }{
		"nothing":                {"", "no plan was given"},
		"no plan":                {"start\n", "not the expected JSON"},
		"a plan of another form": {`{"url":"http://task-api","burst":1}` + "\n", `unknown field "burst"`},
		"a plan that cannot be":  {`{}` + "\n", "is no HTTP address"},
		"another command":        {plan + "pause\n", `"pause" is no command`},
		"stop before start":      {plan + "stop\n", `"stop" is no command, or none for now`},
		"check before stop":      {plan + "start\ncheck\n", `"check" is no command, or none for now`},
		"start twice":            {plan + "start\nstart\n", `"start" is no command, or none for now`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Generate(t.Context(), strings.NewReader(c.in), io.Discard); err == nil ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

// TestARefusedPlanIsToldByTheGenerator: its words come back, and not only that it is gone.
func TestARefusedPlanIsToldByTheGenerator(t *testing.T) {
	_, err := Command(
		t.Context(),
		Plan{URL: "http://task-api", Rate: 1, Limit: 1, Reads: []string{"/"}},
		func(ctx context.Context, in io.Reader, out, _ io.Writer) error {
			var plan map[string]any
			_ = json.NewDecoder(in).Decode(&plan)
			return errors.New("a plan of another version")
		},
	)
	if err == nil || !strings.Contains(err.Error(), "the generator is gone: a plan of another version") {
		t.Errorf("error is %v", err)
	}
}
