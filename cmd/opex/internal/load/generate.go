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
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Generate is the generator's side: it reads the plan, then commands, line by line, and answers them. Without anybody who writes to it, it
// stops, deletes what it wrote, and ends.
//
// `ping` tells its clock; `start` begins, and from then on a line for each request is written; `stop` ends that; `check` reads again
// what was acknowledged, and deletes it.
func Generate(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return errors.Join(errors.New("no plan was given"), lines.Err())
	}
	var plan Plan
	if err := json.Unmarshal(lines.Bytes(), &plan); err != nil {
		return fmt.Errorf("the plan is not the expected JSON: %w", err)
	}
	if err := plan.check(); err != nil {
		return fmt.Errorf("the plan: %w", err)
	}
	g := &generator{plan: plan, out: bufio.NewWriter(out), client: client(plan)}
	defer g.remove(context.WithoutCancel(ctx)) // whatever happens, nothing stays in the service's data
	stop := func() {}
	defer func() { stop() }()
	for lines.Scan() {
		var err error
		switch command := lines.Text(); command {
		case "ping":
			err = g.say("clock %d", time.Now().UnixNano())
		case "start":
			stop = sync.OnceFunc(g.start())
		case "stop":
			stop()
			err = g.say("end %d %d", g.sent.Load(), g.lasted.Nanoseconds())
		case "check":
			err = g.check(ctx)
		default:
			err = fmt.Errorf("no such command: %q", command)
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

// client follows no redirects and takes no proxy. Go's own client asks once more where a kept connection turns out dead before anything of
// an answer came, for requests that change nothing; so do most clients.
func client(p Plan) *http.Client {
	dialer := &net.Dialer{Timeout: p.Timeout, KeepAlive: 15 * time.Second}
	return &http.Client{
		Timeout:       p.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     named{&http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1000, IdleConnTimeout: 30 * time.Second}},
	}
}

// named puts the kind of a failure before its text, since vegeta hands on the text alone.
type named struct{ http.RoundTripper }

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := n.RoundTripper.RoundTrip(r)
	if err != nil {
		err = fmt.Errorf("<%s> %w", failure(err), err)
	}
	return answer, err
}

func failure(err error) string {
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &name):
		return FailureName
	case errors.Is(err, syscall.ECONNREFUSED):
		return FailureRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return FailureReset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return FailureUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return FailureTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return FailureEOF
	}
	return FailureOther
}

// kind finds the failure in a text of vegeta's.
func kind(text string) string {
	if strings.Contains(text, "Client.Timeout") || strings.Contains(text, "deadline exceeded") {
		return FailureTimeout // whatever the transport calls it: the client's time limit ended it
	}
	if _, rest, is := strings.Cut(text, "<"); is {
		if found, _, is := strings.Cut(rest, ">"); is {
			return found
		}
	}
	switch {
	case strings.Contains(text, "EOF"):
		return FailureEOF
	case strings.Contains(text, "connection reset"):
		return FailureReset
	}
	return FailureOther
}

// generator is one attack.
type generator struct {
	plan   Plan
	client *http.Client

	mu  sync.Mutex // of what follows
	out *bufio.Writer
	ack []acknowledged

	sent   atomic.Int64
	lasted time.Duration
}

// acknowledged is a write that was answered with success.
type acknowledged struct {
	path string
	body []byte
}

func (g *generator) say(format string, arguments ...any) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	fmt.Fprintf(g.out, format+"\n", arguments...)
	return g.out.Flush()
}

// pace is vegeta's constant rate without an end, and tells when it all began.
type pace struct {
	vegeta.ConstantPacer
	began chan<- time.Time
}

func (p *pace) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if p.began != nil {
		p.began <- time.Now().Add(-elapsed)
		p.began = nil
	}
	return p.ConstantPacer.Pace(elapsed, hits)
}

// start begins, and returns what ends it: it waits for what was sent.
func (g *generator) start() (stop func()) {
	// As many as are under way when nobody answers until the time is up, and half as many again.
	most := uint64(math.Ceil(float64(g.plan.Rate)*g.plan.Timeout.Seconds()*1.5)) + 100
	attacker := vegeta.NewAttacker(vegeta.Client(g.client), vegeta.Workers(uint64(min(g.plan.Rate, 50))), vegeta.MaxWorkers(most))
	began := make(chan time.Time, 1)
	results := attacker.Attack(g.targets(), &pace{vegeta.ConstantPacer{Freq: g.plan.Rate, Per: time.Second}, began}, g.plan.Limit, "")
	start := <-began
	_ = g.say("began %d", start.UnixNano())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for result := range results {
			g.note(start, result)
		}
	}()
	return func() {
		g.lasted = min(time.Since(start), g.plan.Limit)
		attacker.Stop()
		<-done
	}
}

// targets are reads in turn, and writes in between at their share.
func (g *generator) targets() vegeta.Targeter {
	var next atomic.Int64
	var read atomic.Int64
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	return func(t *vegeta.Target) error {
		n := float64(next.Add(1))
		t.Header = header.Clone()
		if w := g.plan.Write; w != nil && math.Floor(n*g.plan.WriteShare) > math.Floor((n-1)*g.plan.WriteShare) {
			t.Method, t.URL, t.Body = http.MethodPost, g.plan.URL+w.Path, w.Body
			return nil
		}
		t.Method, t.URL = http.MethodGet, g.plan.URL+g.plan.Reads[(read.Add(1)-1)%int64(len(g.plan.Reads))]
		return nil
	}
}

// note writes a line on one request: number, lateness and latency in microseconds, status, kind of failure, r or w.
func (g *generator) note(start time.Time, r *vegeta.Result) {
	due := start.Add(g.plan.due(r.Seq))
	late := r.Timestamp.Sub(due)
	way, failed := "r", "-"
	if r.Method == http.MethodPost {
		way = "w"
	}
	if r.Code == 0 {
		failed = kind(r.Error)
	}
	g.sent.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if location := r.Headers.Get("Location"); way == "w" && r.Code >= 200 && r.Code < 300 && location != "" {
		g.ack = append(g.ack, acknowledged{location, r.Body})
	}
	fmt.Fprintf(g.out, "%d %d %d %d %s %s\n", r.Seq, late.Microseconds(), (late + r.Latency).Microseconds(), r.Code, failed, way)
	if g.out.Buffered() > 2048 || r.Seq%20 == 0 {
		_ = g.out.Flush()
	}
}
