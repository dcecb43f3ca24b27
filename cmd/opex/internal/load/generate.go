package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
)

// firstWorkers is how many there are at the beginning; more come as they are needed.
const firstWorkers = 50

// Generate is the generator's side: it reads the plan, then commands, line by line, and answers them. When nobody
// writes to it any more, or the context ends, it stops, deletes what it wrote, and ends.
//
// `ping` tells its clock; `start` begins, and from then on a line for each request is written; `stop` ends that;
// `check` reads again what was acknowledged, and deletes it.
func Generate(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return errors.Join(errors.New("no plan was given"), lines.Err())
	}
	plan, err := parsePlan(lines.Bytes())
	if err != nil {
		return err
	}
	g := &generator{plan: plan, out: newOutbox(out), client: client(plan)}
	defer g.out.close()
	err = g.obey(ctx, commands(ctx, lines))
	if g.stop != nil {
		g.stop()
	}
	// Whatever happened, nothing stays in the service's data.
	if left := g.remove(context.WithoutCancel(ctx)); left > 0 {
		err = errors.Join(
			err, fmt.Errorf("%d records of the load stay in the service: they could not be deleted", left),
		)
	}
	return err
}

// generator is one attack.
type generator struct {
	plan   Plan
	client *http.Client
	out    *outbox
	stop   func() // ends the requests; nil before they began
	lasted time.Duration
	told   int // how many failures were told of in words

	mu   sync.Mutex // of what follows
	ack  []acknowledged
	sent int
}

// acknowledged is a write that was answered with success.
type acknowledged struct {
	path    string // empty: the answer did not say where the record is
	content [16]byte
}

// given is a command, or what ended them.
type given struct {
	command string
	err     error
}

// commands hands over line by line, until nobody gives any.
func commands(ctx context.Context, lines *bufio.Scanner) <-chan given {
	all := make(chan given)
	hand := func(g given) bool {
		select {
		case all <- g:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(all)
		for lines.Scan() {
			if !hand(given{command: lines.Text()}) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			hand(given{err: err})
		}
	}()
	return all
}

// obey follows commands until nobody gives any, or the context ends.
func (g *generator) obey(ctx context.Context, commands <-chan given) error {
	stopped := false
	for {
		var next given
		var open bool
		select {
		case next, open = <-commands:
		case <-ctx.Done():
			return fmt.Errorf("it was ended: %w", context.Cause(ctx))
		}
		switch {
		case !open:
			return nil
		case next.err != nil:
			return next.err
		case next.command == "ping":
			g.out.say("clock %d", time.Now().UnixNano())
		case next.command == "start" && g.stop == nil:
			g.start()
		case next.command == "stop" && g.stop != nil:
			g.stop()
			stopped = true
			g.out.say("end %d %d", g.sent, g.lasted.Nanoseconds())
		case next.command == "check" && stopped:
			g.check(ctx)
		default:
			return fmt.Errorf("%q is no command, or none for now", next.command)
		}
	}
}

func (g *generator) start() {
	attacker := vegeta.NewAttacker(
		vegeta.Client(g.client), vegeta.Workers(firstWorkers), vegeta.MaxWorkers(uint64(g.plan.Workers)),
	)
	// Vegeta does not tell when it began, and a result's time is that of sending. This is a little before: what lies
	// between counts as lateness.
	began := time.Now()
	results := attacker.Attack(g.targets(), vegeta.ConstantPacer{Freq: g.plan.Rate, Per: time.Second}, g.plan.Limit, "")
	g.out.say("began %d", began.UnixNano())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for result := range results {
			g.note(began, result)
		}
	}()
	g.stop = sync.OnceFunc(func() {
		g.lasted = min(time.Since(began), g.plan.Limit)
		attacker.Stop()
		<-done // the answers that are due
	})
}

// targets are reads in turn, and writes in between at their share.
func (g *generator) targets() vegeta.Targeter {
	var next, read atomic.Int64
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	return func(t *vegeta.Target) error {
		n := float64(next.Add(1))
		t.Header = header
		if w := g.plan.Write; w != nil && math.Floor(n*g.plan.WriteShare) > math.Floor((n-1)*g.plan.WriteShare) {
			t.Method, t.URL, t.Body = http.MethodPost, g.plan.URL+w.Path, w.Body
			return nil
		}
		t.Method, t.URL = http.MethodGet, g.plan.URL+g.plan.Reads[(read.Add(1)-1)%int64(len(g.plan.Reads))]
		return nil
	}
}

// note writes down what became of one request.
func (g *generator) note(began time.Time, r *vegeta.Result) {
	sequence := int(r.Seq)
	late := max(0, r.Timestamp.Sub(began)-g.plan.due(sequence))
	s := Sample{Lateness: late, Latency: late + r.Latency, Status: int(r.Code), Write: r.Method == http.MethodPost}
	if s.Status == 0 {
		s.Failure, s.Said = kind(r.Error)
		if g.told++; g.told <= evidence.MostMisses {
			g.out.put(fmt.Sprintf("%s%d %s", saidMark, sequence, s.Said))
		}
	}
	g.out.put(formatSample(sequence, s))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent++
	if s.Write && s.Status >= 200 && s.Status < 300 {
		at := path(r.Headers.Get("Location"))
		g.ack = append(g.ack, acknowledged{at, content(r.Body)})
		g.out.put(wroteMark + at) // should this process die, somebody else has to delete it
	}
}

// path is that of a Location, which may be a whole URL: the service is asked where the plan says it is.
func path(location string) string {
	u, err := url.Parse(location)
	if err != nil || location == "" || u.Path == "" || u.Path[0] != '/' {
		return ""
	}
	return u.RequestURI()
}
