package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// service keeps records, as Task API does.
type service struct {
	mu      sync.Mutex
	records map[string]string
	n       int
	before  func(http.ResponseWriter, *http.Request) bool // true: answered
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.before != nil && s.before(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		s.n++
		path := fmt.Sprintf("/records/%d", s.n)
		s.records[path] = fmt.Sprintf(`{"id": %d}`, s.n)
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
func attack(t *testing.T, s *service, change func(*Plan), run generatorRun) *Attack {
	t.Helper()
	s.records = map[string]string{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	plan := Plan{URL: server.URL, Rate: 200, Limit: time.Minute, Timeout: time.Second, Reads: []string{"/records"},
		Write: &Write{Path: "/records", Body: json.RawMessage(`{}`)}, WriteShare: 0.25}
	if change != nil {
		change(&plan)
	}
	a, err := command(t.Context(), plan, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(context.WithoutCancel(t.Context())) })
	return a
}

func ended(t *testing.T, a *Attack) ([]Sample, Totals) {
	t.Helper()
	totals, err := a.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a.Samples(), totals
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
	if n := len(samples); n < 180 || n > 230 || n != totals.Requests || writes < n/5 || writes > n/3 || totals.Dropped > 0 {
		t.Errorf("%d requests, %d of them writes, in %s: %+v", n, writes, totals.Lasted, totals)
	}
}

// TestAStalledServiceIsMeasuredByWhatWasDue: requests that were due while it stalled count with their full time, though a client that
// waited for answers would not have sent them.
func TestAStalledServiceIsMeasuredByWhatWasDue(t *testing.T) {
	var stall atomic.Int64
	s := &service{before: func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(time.Until(time.Unix(0, stall.Load())))
		return false
	}}
	a := attack(t, s, func(p *Plan) { p.Timeout = 3 * time.Second }, here)
	time.Sleep(200 * time.Millisecond)
	stall.Store(time.Now().Add(600 * time.Millisecond).UnixNano())
	time.Sleep(900 * time.Millisecond)
	samples, _ := ended(t, a)
	slow := 0
	for _, s := range samples {
		if s.Latency > 300*time.Millisecond {
			slow++
		}
	}
	if slow < 40 { // 60 were due in the first 300 ms of the stall
		t.Errorf("%d of %d requests took longer than 300 ms", slow, len(samples))
	}
}

func TestRequestsThatWereDueAndNotSentAreDropped(t *testing.T) {
	s := &service{before: silent}
	a := attack(t, s, func(p *Plan) { p.Rate, p.Timeout, p.WriteShare = 1000, 100*time.Millisecond, 0 }, func(ctx context.Context, in io.Reader, out, said io.Writer) error {
		return Generate(ctx, in, slow{out})
	})
	time.Sleep(time.Second)
	totals, err := a.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if totals.Dropped+totals.Late == 0 {
		t.Errorf("a generator that was held back says %+v", totals)
	}
}

// slow holds the generator back.
type slow struct{ io.Writer }

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(200 * time.Millisecond)
	return s.Writer.Write(b)
}

func TestTransportErrorsHaveTheirKind(t *testing.T) {
	for kind, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		FailureTimeout: silent,
		FailureEOF: func(w http.ResponseWriter, _ *http.Request) bool {
			connection, _, _ := w.(http.Hijacker).Hijack()
			connection.Close()
			return true
		},
	} {
		t.Run(kind, func(t *testing.T) {
			a := attack(t, &service{before: before}, func(p *Plan) { p.Rate, p.Timeout = 50, 200*time.Millisecond }, here)
			time.Sleep(300 * time.Millisecond)
			samples, _ := ended(t, a)
			i := slices.IndexFunc(samples, func(s Sample) bool { return s.Status == 0 })
			if i < 0 || samples[i].Failure != kind {
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

func TestALostOrChangedWriteIsFound(t *testing.T) {
	s := &service{}
	a := attack(t, s, nil, here)
	time.Sleep(500 * time.Millisecond)
	ended(t, a)
	s.mu.Lock()
	delete(s.records, "/records/3")
	s.records["/records/5"] = `{"id": 6}`
	s.mu.Unlock()
	writes, err := a.Check(t.Context())
	slices.Sort(writes.Lost)
	if err != nil || writes.Acknowledged < 10 || strings.Join(writes.Lost, ", ") != "/records/3 (not found), /records/5 (not as acknowledged)" ||
		writes.Found != writes.Acknowledged-2 || writes.Left != 0 || s.left() != 0 {
		t.Errorf("%+v, %v; %d records are left", writes, err, s.left())
	}
}

func TestAnAttackThatIsLeftTakesItsWritesAlong(t *testing.T) {
	s := &service{}
	a := attack(t, s, nil, here)
	time.Sleep(300 * time.Millisecond)
	a.Close(t.Context())
	if s.left() != 0 || s.n == 0 {
		t.Errorf("%d of %d records are left", s.left(), s.n)
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

func TestAGeneratorThatDiesIsAnError(t *testing.T) {
	ctx, kill := context.WithCancel(t.Context())
	a := attack(t, &service{}, nil, func(_ context.Context, in io.Reader, out, _ io.Writer) error {
		go func() { _ = Generate(ctx, in, out) }()
		<-ctx.Done()
		return fmt.Errorf("the pod was deleted")
	})
	kill()
	if _, err := a.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "the generator is gone") {
		t.Errorf("error is %v", err)
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
	if (totals.ClockOffset-off).Abs() > time.Second || time.Since(samples[0].Due) > 10*time.Second || time.Since(samples[0].Due) < 0 {
		t.Errorf("the offset is %s, the first request was due %s ago", totals.ClockOffset, time.Since(samples[0].Due))
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
	for says, plan := range map[string]Plan{
		"is no HTTP address":    {Rate: 1, Limit: 1, Timeout: 1, Reads: []string{"/"}},
		"want 1 or more":        {URL: "http://a", Limit: 1, Timeout: 1, Reads: []string{"/"}},
		"want more than 0":      {URL: "http://a", Rate: 1, Reads: []string{"/"}},
		"and 0 without a write": {URL: "http://a", Rate: 1, Limit: 1, Timeout: 1, Reads: []string{"/"}, WriteShare: 0.5},
		"no path to read":       {URL: "http://a", Rate: 1, Limit: 1, Timeout: 1},
	} {
		if _, err := command(t.Context(), plan, here); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
}
