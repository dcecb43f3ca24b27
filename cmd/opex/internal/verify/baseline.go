package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Measure is the figure that a verdict hangs on.
type Measure struct {
	Value float64 `json:"value" jsonschema:"as measured, in the unit"`
	Unit  string  `json:"unit" jsonschema:"of the value and of the limit, such as s for seconds"`
	Limit float64 `json:"limit" jsonschema:"a PASS is at most this, in the unit"`
}

// Change is what is otherwise than it was.
type Change struct {
	Service string  `json:"service" jsonschema:"its name"`
	ID      string  `json:"id" jsonschema:"of the criterion"`
	Before  Verdict `json:"before,omitempty" jsonschema:"in the baseline; absent: it was not judged"`
	Now     Verdict `json:"now,omitempty" jsonschema:"absent: it is not judged any more"`
	Says    string  `json:"says" jsonschema:"what changed, for people"`
	Worse   bool    `json:"worse" jsonschema:"the verdict is a worse one, or its figure grew by half and by a tenth of its limit"`
}

// A figure within its limit is worth a word when it grew by half, and by a tenth of its limit: what is far from its
// limit may double by chance.
const (
	trend      = 1.5
	trendShare = 0.1
)

// ParseBaseline reads a report that was kept as JSON. It must be of this schema.
func ParseBaseline(data []byte) (Report, error) {
	var before Report
	if err := json.Unmarshal(data, &before); err != nil {
		return Report{}, fmt.Errorf("not the JSON of `opex verify --format json`: %w", err)
	}
	if before.Schema != Schema {
		return Report{}, fmt.Errorf("schema %q; this opex knows %q", before.Schema, Schema)
	}
	return before, nil
}

// Of refuses a report of another cluster or environment.
func (r Report) Of(cluster, environment string) error {
	var wrong []error
	for _, c := range []struct{ what, is, want string }{{"cluster", r.Cluster, cluster}, {"environment", r.Environment, environment}} {
		if c.is != c.want {
			wrong = append(wrong, fmt.Errorf("its %s is %q, this one is %q", c.what, c.is, c.want))
		}
	}
	return errors.Join(wrong...)
}

// Only returns the report without the services and criteria that were not asked for. None named is all.
func (r Report) Only(services, criteria []string) Report {
	asked := func(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	all := r.Services
	r.Services = nil
	for _, s := range all {
		if asked(services, s.Name) {
			s.Criteria = slices.DeleteFunc(
				slices.Clone(s.Criteria), func(c Judged) bool { return !asked(criteria, c.ID) },
			)
			r.Services = append(r.Services, s)
		}
	}
	return r
}

// Compare notes what changed since a report of the same cluster and environment.
func (r *Report) Compare(before Report) error {
	if err := before.Of(r.Cluster, r.Environment); err != nil {
		return err
	}
	was := map[[2]string]Judged{}
	for _, s := range before.Services {
		for _, c := range s.Criteria {
			was[[2]string{s.Name, c.ID}] = c
		}
	}
	r.Baseline, r.Changes = &before.Time, []Change{}
	for _, s := range r.Services {
		for _, now := range s.Criteria {
			old, known := was[[2]string{s.Name, now.ID}]
			delete(was, [2]string{s.Name, now.ID})
			if change := compare(old, now, known); change != nil {
				change.Service, change.ID = s.Name, now.ID
				r.Changes = append(r.Changes, *change)
			}
		}
	}
	for _, s := range before.Services { // in their order
		for _, c := range s.Criteria {
			if _, gone := was[[2]string{s.Name, c.ID}]; gone {
				r.Changes = append(
					r.Changes,
					Change{
						Service: s.Name,
						ID:      c.ID,
						Before:  c.Verdict,
						Says:    "is not judged any more",
						Worse:   c.Verdict == Pass,
					},
				)
			}
		}
	}
	return nil
}

// order of verdicts, the best first.
var order = []Verdict{NotApplicable, Pass, Unproven, Fail}

func compare(old, now Judged, known bool) *Change {
	switch a, b := old.Measure, now.Measure; {
	case !known:
		return &Change{Now: now.Verdict, Says: "is new: " + now.Actual}
	case old.Verdict != now.Verdict:
		return &Change{Before: old.Verdict, Now: now.Verdict, Says: fmt.Sprintf("%s (was: %s)", now.Actual, old.Actual),
			Worse: slices.Index(order, now.Verdict) > slices.Index(order, old.Verdict)}
	case a == nil || b == nil || a.Unit != b.Unit || a.Value <= 0 || b.Value < trend*a.Value || b.Value-a.Value < trendShare*b.Limit:
		return nil
	default:
		return &Change{
			Before: old.Verdict,
			Now:    now.Verdict,
			Worse:  true,
			Says: fmt.Sprintf("%g %s became %g %s, %.1f times as much; the limit is %g %s",
				a.Value, a.Unit, b.Value, b.Unit, b.Value/a.Value, b.Limit, b.Unit),
		}
	}
}

// changes tells people what changed.
func (r Report) changes(markdown bool) string {
	if r.Baseline == nil {
		return ""
	}
	heading, bullet := "\nSince %s: %s\n", "  "
	if markdown {
		heading, bullet = "\n**Since %s**: %s\n\n", "- "
	}
	count := "nothing changed"
	if n := len(r.Changes); n > 0 {
		count = fmt.Sprintf("%d changes", n)
	}
	var text strings.Builder
	fmt.Fprintf(&text, heading, utc(*r.Baseline), count)
	for _, c := range r.Changes {
		fmt.Fprintf(&text, "%s%s\n", bullet, c)
	}
	return text.String()
}

// String tells of a change in one line.
func (c Change) String() string {
	mark := "better"
	if c.Worse {
		mark = "WORSE"
	}
	verdicts := string(c.Before) + " -> " + string(c.Now)
	if c.Before == c.Now {
		verdicts = "still " + string(c.Now)
	}
	return fmt.Sprintf("%s %s %s, %s: %s", c.Service, c.ID, mark, verdicts, c.Says)
}
