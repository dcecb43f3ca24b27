// Package sabotage breaks, one thing after another, what each criterion is about, and requires that this criterion
// notices and no other does. A green report is believed because each of its criteria was seen going red.
package sabotage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/kube"
	"github.com/opex-project/opex/cmd/opex/internal/stack"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
	"github.com/opex-project/opex/internal/contract"
)

// Breach is one thing that is broken.
type Breach struct {
	Criterion string   // that must come to FAIL or UNPROVEN
	With      []string // those that rest on the same evidence, and may come to it with it
	What      string   // is broken, in one line
	Says      string   // is what the criterion says of it: red for another reason is not noticed
	// database says that it is about the service's database.
	database bool
	kills    bool // it holds a Game Day
	// greenFor is how long all has to stay green after it, where what is put back takes hold little by little.
	greenFor time.Duration
	// do breaks it. Whatever it changes it first hands to Site.later, whether it then fails or not.
	do func(ctx context.Context, s *Site) error
}

// Site is the service whose criteria are tried.
type Site struct {
	Name    string
	Service contract.Service
	Outputs stack.Outputs
	Cluster *kube.Cluster
	People  io.Writer // progress
	// Judge judges the service by all criteria.
	Judge func(ctx context.Context) verify.ServiceReport
	// Impatient is a context that ends at the next interruption, for what goes on after the first one.
	Impatient func() (context.Context, context.CancelFunc)

	undo []step // of the breach at hand, in the order of its making
}

type step struct {
	what string // is put back
	undo func(context.Context) error
}

// How long a criterion may take to notice, and all of them to be green again. OpenCost and Velero look once a minute.
const (
	noticedWithin = 90 * time.Second
	greenWithin   = 3 * time.Minute
	undoneWithin  = 2 * time.Minute
	lookEvery     = 500 * time.Millisecond
	// tries is how often a Game Day is held that measures nothing, as on a machine that is busy with something else.
	tries = 3
)

// Row is what became of one breach.
type Row struct {
	Criterion string         `json:"criterion"`
	What      string         `json:"what"`
	Verdict   verify.Verdict `json:"verdict,omitempty"` // of the criterion, once it was broken
	Actual    string         `json:"actual,omitempty"`  // in its words
	Noticed   float64        `json:"noticedSeconds"`    // after what broke it was done
	Green     float64        `json:"greenSeconds"`      // after it was undone, until all criteria passed again
	// this is the last one; more than 1 where a Game Day was disturbed, each of which killed a pod
	Tries int `json:"tries,omitempty"`
	// False are the criteria that came to FAIL or UNPROVEN though the breach is none of theirs.
	False []string `json:"falseAlarms,omitempty"`
	// Problem is why it could not be tried; it is then not caught.
	Problem string `json:"problem,omitempty"`
	// Skipped is why it does not concern the service; it then counts neither way.
	Skipped string `json:"skipped,omitempty"`
}

// Caught says that the criterion noticed, and no other did.
func (r Row) Caught() bool { return r.Verdict != "" && len(r.False) == 0 && r.Problem == "" }

// ErrLeft marks that what was broken could not be put back.
var ErrLeft = errors.New("not everything was put back")

// later registers what puts something back. It is called before that is changed.
func (s *Site) later(what string, undo func(context.Context) error) {
	s.undo = append(s.undo, step{what, undo})
}

// Run tries one breach after another, and hands each row over as soon as it is there. It ends early when the context
// does, when something cannot be put back, or when the criteria do not become green again; the error says so. Whatever
// was begun is put back.
func (s *Site) Run(ctx context.Context, breaches []Breach, handOver func(n int, row Row)) (rows []Row, err error) {
	green := s.Judge(ctx)
	if red := notPassing(green); len(red) > 0 {
		return nil, fmt.Errorf(
			"%s: not all criteria pass to begin with (%s): nothing was broken", s.Name, strings.Join(red, ", "),
		)
	}
	for i, breach := range breaches {
		row, whole := Row{Criterion: breach.Criterion, What: breach.What}, true
		if row.Skipped = s.skip(breach, green); row.Skipped == "" {
			fmt.Fprintf(s.People, "%s: %d of %d, %s: %s\n", s.Name, i+1, len(breaches), breach.Criterion, breach.What)
			whole, err = s.try(ctx, breach, &row)
		}
		if whole {
			rows = append(rows, row)
			handOver(i+1, row)
		}
		switch {
		case err != nil:
			return rows, err
		case ctx.Err() != nil:
			return rows, fmt.Errorf(
				"interrupted after %d of %d; all that was broken was put back, and all criteria pass: %w", len(rows),
				len(breaches), context.Cause(ctx),
			)
		}
	}
	return rows, nil
}

// skip says why a breach is none of this service's.
func (s *Site) skip(b Breach, green verify.ServiceReport) string {
	for _, c := range green.Criteria {
		if c.ID == b.Criterion && c.Verdict == verify.NotApplicable {
			return c.Actual
		}
	}
	if b.database && s.Service.Database == nil {
		return "the service has no database"
	}
	return ""
}

// try breaks, looks, and puts back. The error is why nothing more may be tried. A row that is not whole, for an
// interruption, is no evidence either way.
func (s *Site) try(ctx context.Context, b Breach, row *Row) (whole bool, err error) {
	for again := true; again; {
		*row = Row{Criterion: b.Criterion, What: b.What, Tries: row.Tries + 1}
		problem := b.do(ctx, s)
		if problem != nil {
			row.Problem = problem.Error()
		} else {
			s.notice(ctx, b, row)
			problem = row.strayed(b)
		}
		if again = errors.Is(problem, errDisturbed) && row.Tries < tries && ctx.Err() == nil; again {
			fmt.Fprintf(s.People, "    %v; it is tried again\n", problem)
			if err := s.putBack(ctx); err != nil {
				return false, err
			}
		}
	}
	if whole = ctx.Err() == nil; !whole {
		fmt.Fprintf(
			s.People,
			"    interrupted: it is put back; wait until all criteria pass again (at most %s), or interrupt once more\n",
			greenWithin,
		)
	}
	patient, end := s.patience(ctx)
	defer end()
	if err := s.putBack(patient); err != nil {
		return whole, err
	}
	return whole, s.greenAgain(patient, b, row) // that all is well again is part of putting it back
}

// patience is a context that outlives an interruption, and ends at the next one.
func (s *Site) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	patient, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		next, forget := s.Impatient()
		defer forget()
		select {
		case <-next.Done():
			end()
		case <-patient.Done():
		}
	})
	return patient, func() { stop(); end() }
}

// notice waits until the criterion is red, and says why.
func (s *Site) notice(ctx context.Context, b Breach, row *Row) {
	for began := time.Now(); ; {
		report := s.Judge(ctx)
		if ctx.Err() != nil { // what could not be asked any more is no alarm
			return
		}
		row.alarms(b, report)
		said := "not judged"
		for _, c := range report.Criteria {
			if c.ID != b.Criterion {
				continue
			}
			if red(c.Verdict) && strings.Contains(c.Actual, b.Says) {
				row.Verdict, row.Actual, row.Noticed = c.Verdict, c.Actual, seconds(began)
				return
			}
			said = fmt.Sprintf("%s, %s", c.Verdict, c.Actual)
		}
		if time.Since(began) > noticedWithin {
			row.Problem = fmt.Sprintf(
				"%s after it was broken %s is %s; wanted was that it says %q", noticedWithin, b.Criterion, said, b.Says,
			)
			return
		}
		if !sleep(ctx, lookEvery) {
			return
		}
	}
}

// putBack undoes the breach, the last change first.
func (s *Site) putBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, undoneWithin)
	defer cancel()
	var left []string
	for _, step := range slices.Backward(s.undo) {
		if err := step.undo(ctx); err != nil {
			left = append(left, fmt.Sprintf("%s: %v", step.what, err))
		}
	}
	s.undo = nil
	if len(left) > 0 {
		return fmt.Errorf(
			"%w: %s. It bears the label %s; the next `opex verify --sabotage` puts it back first", ErrLeft,
			strings.Join(left, "; "), mark,
		)
	}
	return nil
}

// greenAgain waits until no criterion is red, and for as long as the breach wants it so.
func (s *Site) greenAgain(ctx context.Context, b Breach, row *Row) error {
	began := time.Now()
	since, last := began, []string(nil)
	for {
		report := s.Judge(ctx)
		row.alarms(b, report)
		if red := notPassing(report); len(red) > 0 {
			since, last = time.Now(), red
		} else if time.Since(since) >= b.greenFor {
			row.Green = seconds(began)
			return nil
		}
		if time.Since(began) > greenWithin {
			return fmt.Errorf(
				"%w: %s after it was undone there still is %s", ErrLeft, greenWithin, strings.Join(last, ", "),
			)
		}
		if !sleep(ctx, lookEvery) {
			return fmt.Errorf(
				"interrupted: all that was broken was put back; whether all criteria pass again was not awaited, `opex verify` tells: %w",
				context.Cause(ctx),
			)
		}
	}
}

// alarms notes the criteria that are red and should not be.
func (r *Row) alarms(b Breach, report verify.ServiceReport) {
	for _, c := range report.Criteria {
		alarm := fmt.Sprintf("%s %s: %s", c.ID, c.Verdict, c.Actual)
		known := slices.ContainsFunc(r.False, func(f string) bool { return strings.HasPrefix(f, c.ID) })
		if red(c.Verdict) && c.ID != b.Criterion && !slices.Contains(b.With, c.ID) && !known {
			r.False = append(r.False, alarm)
		}
	}
}

// strayed says that a Game Day missed another objective than the one that its breach is about. A busy machine does that
// once; a criterion that takes one thing for another does it each time. One that did not notice its own breach gets no
// second chance.
func (r *Row) strayed(b Breach) error {
	elsewhere := func(alarm string) bool {
		id, _, _ := strings.Cut(alarm, " ")
		return !slices.Contains(ofOneRecord, id)
	}
	if !b.kills || r.Problem != "" || len(r.False) == 0 || slices.ContainsFunc(r.False, elsewhere) {
		return nil
	}
	return fmt.Errorf("%w: also %s", errDisturbed, strings.Join(r.False, "; "))
}

func red(v verify.Verdict) bool { return v != verify.Pass && v != verify.NotApplicable }

func notPassing(report verify.ServiceReport) []string {
	var found []string
	for _, c := range report.Criteria {
		if red(c.Verdict) {
			found = append(found, fmt.Sprintf("%s is %s: %s", c.ID, c.Verdict, c.Actual))
		}
	}
	if len(report.Criteria) == 0 {
		found = append(found, "no criterion was judged")
	}
	return found
}

func seconds(since time.Time) float64 {
	return time.Since(since).Round(100 * time.Millisecond).Seconds()
}

// sleep says whether the context lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
