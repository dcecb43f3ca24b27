// Package verify judges the success criteria of each service on the live cluster. A criterion is data plus a function,
// in a file of its own. Only positive evidence is a PASS: an empty list, a failed lookup or a missing object never is.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/internal/contract"
)

// Verdict is what a criterion comes to. Its zero value is none of these, and not a pass.
type Verdict = judge.Verdict

// The verdicts.
const (
	Pass          = judge.Pass
	Fail          = judge.Fail
	Unproven      = judge.Unproven
	NotApplicable = judge.NotApplicable
)

// Fact is one piece of evidence, enough to look again by hand.
type Fact struct {
	What  string `json:"what" jsonschema:"what was looked at"`
	Value string `json:"value" jsonschema:"what was found there; may be of several lines"`
}

// Result is a verdict on one service, and what it rests on.
type Result struct {
	Verdict  Verdict  `json:"verdict"`
	Actual   string   `json:"actual" jsonschema:"what was found, in one line"`
	Evidence []Fact   `json:"evidence" jsonschema:"what the verdict rests on, enough to look again by hand"`
	Next     string   `json:"next,omitempty" jsonschema:"what to do about it; absent: nothing"`
	Measure  *Measure `json:"measure,omitempty" jsonschema:"the figure that a PASS hangs on; absent: it hangs on none"`
}

// measured adds the figure.
func (r Result) measured(value float64, unit string, limit float64) Result {
	r.Measure = &Measure{value, unit, limit}
	return r
}

// Criterion is one of the success criteria.
type Criterion struct {
	ID     string
	Title  string
	Target string // what a pass means
	Why    string // why it matters
	// Limit is the time that the check of one service may take; 0 is timeLimit.
	Limit time.Duration
	// Check judges one service. It gives up when the context ends.
	Check func(ctx context.Context, world *World, name string, service contract.Service) Result
}

// Criteria are all that there are, in order.
var Criteria = []Criterion{
	costLabels,
	costByTeam,
	sizeAdvice,
	backupSchedule,
	backupRetention,
	dumpInBackup,
	restoreInTime,
	killRecovered,
	noServerErrors,
	quickMeanwhile,
}

// timeLimit is the time that one criterion of one service may take, unless it has a limit of its own.
const timeLimit = 30 * time.Second

// grace is how long a check may take to say what it waited for when its time is up.
const grace = time.Second

// parallel is how many checks run at once: enough to hide the waiting for commands in databases, which is all that
// grows with services, too few to be a load on an API server.
const parallel = 8

// Run judges each of the services by each of the criteria. It always returns a verdict for every pair.
func Run(ctx context.Context, world *World, criteria []Criterion, services []string) Report {
	report := Report{
		Schema:      Schema,
		Time:        world.Now.UTC(),
		Environment: world.Outputs.Environment,
		Cluster:     world.Outputs.Cluster.UID,
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, name := range services {
		verdicts := make([]Judged, len(criteria))
		report.Services = append(report.Services, ServiceReport{Name: name, Criteria: verdicts})
		for i, criterion := range criteria {
			wait.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				verdicts[i] = Judged{
					ID: criterion.ID, Title: criterion.Title, Target: criterion.Target, Why: criterion.Why,
					Result: end(ctx, world, criterion, name),
				}
			})
		}
	}
	wait.Wait()
	return report
}

// end makes sure that a check ends.
func end(ctx context.Context, world *World, criterion Criterion, name string) Result {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(criterion.Limit, timeLimit))
	defer cancel()
	done := make(chan Result, 1)
	go func() { done <- attempt(ctx, world, criterion, name) }()
	var result Result
	select {
	case result = <-done:
	case <-ctx.Done():
		select {
		case result = <-done:
		case <-time.After(grace):
			result = unproven("the check did not end in its time: "+ctx.Err().Error(),
				nextForLookup(ctx.Err(), ""))
		}
	}
	result.Actual = strings.Join(strings.Fields(result.Actual), " ") // errors quote answers of several lines
	result.Next = kube.InContext(result.Next, world.Outputs.Cluster.Context)
	if result.Evidence == nil {
		result.Evidence = []Fact{} // a list in JSON too
	}
	return result
}

// attempt makes sure that a check comes to one of the verdicts.
func attempt(ctx context.Context, world *World, criterion Criterion, name string) (result Result) {
	defer func() {
		if broken := recover(); broken != nil {
			result = unproven(
				"the check itself broke: "+fmt.Sprint(broken), "Report this with the evidence: it is a defect of opex",
				Fact{"stack", string(debug.Stack())},
			)
		}
	}()
	result = criterion.Check(ctx, world, name, world.Outputs.Services[name])
	switch result.Verdict {
	case Pass, Fail, Unproven, NotApplicable:
		return result
	default:
		return unproven(
			fmt.Sprintf("the check came to no verdict (%q)", result.Verdict), "Report this: it is a defect of opex",
		)
	}
}

// Next steps that fit more than once.
const (
	putRight     = "`pulumi refresh` and `pulumi up` put it right"
	makeAgain    = "`pulumi refresh` sees it, `pulumi up` makes it again"
	writeOutputs = "`pulumi up` writes the outputs anew"
)

// nextForLookup is what to do about an API server that did not say what was asked of it. The right is such as `list
// pods`.
func nextForLookup(err error, right string) string { return kube.Next(err, right) }

func unproven(actual, next string, evidence ...Fact) Result {
	return Result{Verdict: Unproven, Actual: actual, Next: next, Evidence: evidence}
}

func fail(actual, next string, evidence ...Fact) Result {
	return Result{Verdict: Fail, Actual: actual, Next: next, Evidence: evidence}
}

func notApplicable(actual string) Result { return Result{Verdict: NotApplicable, Actual: actual} }

func pass(actual string, evidence ...Fact) Result {
	return Result{Verdict: Pass, Actual: actual, Evidence: evidence}
}

// worst returns the result that counts most: a failure, then what is unproven, then a pass. Evidence of all is kept.
func worst(results []Result) Result {
	var found Result
	var evidence []Fact
	for _, r := range results {
		evidence = append(evidence, r.Evidence...)
		if r.Verdict.Worse(found.Verdict) {
			found = r
		}
	}
	found.Evidence = evidence
	return found
}
