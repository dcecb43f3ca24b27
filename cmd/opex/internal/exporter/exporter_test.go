package exporter

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

func round(at time.Time) Round {
	return Round{
		Report: verify.Report{Time: at, Services: []verify.ServiceReport{{Name: "shop", Criteria: []verify.Judged{
			{ID: "SC-001", Result: verify.Result{Verdict: verify.Fail}},
			{
				ID: "SC-007",
				Result: verify.Result{
					Verdict: verify.Pass,
					Measure: &verify.Measure{Value: 12.5, Unit: "s", Limit: 1800},
				},
			},
		}}}},
		Ages:  map[string]verify.Ages{"shop": {"drill": 90 * time.Second}},
		Ended: at,
	}
}

// eachVerdict is at midnight of 2000-01-01, when the clocks of synctest begin.
const eachVerdict = `
# HELP opex_criterion 1 for the verdict that a success criterion has, 0 for those that it does not have.
# TYPE opex_criterion gauge
opex_criterion{id="SC-001",service="shop",verdict="FAIL"} 1
opex_criterion{id="SC-001",service="shop",verdict="N/A"} 0
opex_criterion{id="SC-001",service="shop",verdict="PASS"} 0
opex_criterion{id="SC-001",service="shop",verdict="UNPROVEN"} 0
opex_criterion{id="SC-007",service="shop",verdict="FAIL"} 0
opex_criterion{id="SC-007",service="shop",verdict="N/A"} 0
opex_criterion{id="SC-007",service="shop",verdict="PASS"} 1
opex_criterion{id="SC-007",service="shop",verdict="UNPROVEN"} 0
# HELP opex_criterion_limit What opex_criterion_value may be at most.
# TYPE opex_criterion_limit gauge
opex_criterion_limit{id="SC-007",service="shop",unit="s"} 1800
# HELP opex_criterion_value Figure that a criterion hangs on, in its unit, whether it passes or misses its limit.
# TYPE opex_criterion_value gauge
opex_criterion_value{id="SC-007",service="shop",unit="s"} 12.5
# HELP opex_evidence_age_seconds Age of the newest record of a drill or a Game Day, and of the newest complete backup.
# TYPE opex_evidence_age_seconds gauge
opex_evidence_age_seconds{kind="drill",service="shop"} 90
# HELP opex_verify_last_timestamp_seconds When the last judgement ended.
# TYPE opex_verify_last_timestamp_seconds gauge
opex_verify_last_timestamp_seconds 9.466848e+08
# HELP opex_verify_rounds_failed_total Judgements that could not be made.
# TYPE opex_verify_rounds_failed_total counter
opex_verify_rounds_failed_total 1
`

func TestEachVerdictIsOneSeriesOfFourThatIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Exporter{Every: time.Minute, last: round(time.Now()), rounds: 3, failed: 1}
		if err := testutil.CollectAndCompare(e, strings.NewReader(eachVerdict), "opex_criterion", "opex_criterion_value", "opex_criterion_limit", "opex_evidence_age_seconds",
			"opex_verify_last_timestamp_seconds", "opex_verify_rounds_failed_total"); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.CollectAndLint(e); err != nil || len(problems) > 0 {
			t.Errorf("promlint says %v, %v", problems, err)
		}
	})
}

func TestBeforeTheFirstRoundThereIsNoVerdict(t *testing.T) {
	if n := testutil.CollectAndCount(&Exporter{}, "opex_criterion"); n != 0 {
		t.Errorf("%d series", n)
	}
}

// healthy asks a handler for /healthz.
func healthy(handler http.Handler) int {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	return answer.Code
}

func TestAnExporterThatJudgesNoMoreWithdrawsItsVerdictsAndIsUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		broken := false
		e := &Exporter{Every: time.Minute, People: io.Discard, Judge: func(context.Context) (Round, error) {
			if broken {
				return Round{}, errors.New("the API server is away")
			}
			return round(time.Now()), nil
		}}
		handler := e.Handler()
		go e.Run(ctx)
		time.Sleep(90 * time.Second)
		broken = true
		time.Sleep(4 * time.Minute)
		if code, n := healthy(handler), testutil.CollectAndCount(e, "opex_criterion"); code != http.StatusOK || n != 8 {
			t.Errorf("after four minutes: %d, %d series", code, n)
		}
		time.Sleep(2 * time.Minute)
		if code, n := healthy(handler), testutil.CollectAndCount(e, "opex_criterion"); code != http.StatusServiceUnavailable ||
			n != 0 {
			t.Errorf("after six minutes: %d, %d series", code, n)
		}
		e.mu.Lock()
		if e.rounds != 8 || e.failed != 6 || e.last.Ended.IsZero() {
			t.Errorf("%v rounds, %v failed, last %s", e.rounds, e.failed, e.last.Report.Time)
		}
		e.mu.Unlock()
		end()
	})
}

// TestRoundsThatTakeLongerThanTheIntervalAreShown: lateness counts from a round's end, in units that are no shorter
// than a round.
func TestRoundsThatTakeLongerThanTheIntervalAreShown(t *testing.T) {
	const takes = 200 * time.Second
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		var judging atomic.Int64 // nanoseconds, of rounds that ended
		var stuck atomic.Bool
		e := &Exporter{Every: 30 * time.Second, People: io.Discard, Judge: func(ctx context.Context) (Round, error) {
			at := time.Now()
			time.Sleep(takes)
			judging.Add(int64(takes))
			if stuck.Load() {
				<-ctx.Done()
			}
			return round(at), nil
		}}
		handler, began := e.Handler(), time.Now()
		go e.Run(ctx)
		for range 100 {
			time.Sleep(10*time.Second + time.Millisecond)
			passed := time.Since(began)
			want := 8
			if passed < takes {
				want = 0 // the first is under way
			}
			if code, n := healthy(handler), testutil.CollectAndCount(e, "opex_criterion"); code != http.StatusOK ||
				n != want {
				t.Fatalf("after %s: %d, %d series, want %d", passed, code, n, want)
			}
			if busy := time.Duration(judging.Load()); busy > passed/2+takes {
				t.Fatalf("after %s: it judged for %s of that", passed, busy)
			}
		}
		stuck.Store(true)
		time.Sleep(stale*takes + 4*takes)
		if code, n := healthy(handler), testutil.CollectAndCount(e, "opex_criterion"); code != http.StatusServiceUnavailable ||
			n != 0 {
			t.Errorf("a round that never ends: %d, %d series", code, n)
		}
	})
}

func TestAnExporterThatNeverJudgedIsUnhealthyInTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		judge       func(context.Context) (Round, error)
		well, after time.Duration
	}{
		"each round fails":       {func(context.Context) (Round, error) { return Round{}, errors.New("no right") }, 140 * time.Second, 160 * time.Second},
		"the first does not end": {func(ctx context.Context) (Round, error) { <-ctx.Done(); return Round{}, ctx.Err() }, 29 * time.Minute, 31 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancel(t.Context())
				defer end()
				e := &Exporter{Every: 30 * time.Second, People: io.Discard, Judge: c.judge}
				handler := e.Handler()
				go e.Run(ctx)
				time.Sleep(c.well)
				if code := healthy(handler); code != http.StatusOK {
					t.Errorf("after %s: %d", c.well, code)
				}
				time.Sleep(c.after - c.well)
				if code := healthy(handler); code != http.StatusServiceUnavailable {
					t.Errorf("after %s: %d", c.after, code)
				}
			})
		})
	}
}
