package manifests

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
	"github.com/opex-project/opex/internal/review"
)

// Report is what a review found.
type Report struct {
	Objects  int       `json:"objects"`
	Judged   int       `json:"judged"` // of these, of whose kinds rules know
	Rules    int       `json:"rules"`
	Findings []Finding `json:"findings"`
	// Patches are the changes that the findings offer, one for each file. `git apply` takes them from the repository's
	// root, all or one by one.
	Patches  []string  `json:"patches,omitempty"`
	Unjudged []string  `json:"unjudged,omitempty"` // what no rule could judge
	Exempt   []Exempt  `json:"exempt,omitempty"`   // what annotations set aside
	Known    int       `json:"known,omitempty"`    // findings of the baseline, which are left out
	Gone     []string  `json:"gone,omitempty"`     // entries of the baseline that nothing was found for
	sources  []*source // with fixes
}

// Finding is review.Finding as data.
type Finding struct {
	Rule     string          `json:"rule"`
	Severity review.Severity `json:"severity"`
	Title    string          `json:"title"`
	Why      string          `json:"why"`
	Criteria []string        `json:"criteria,omitempty"` // that cannot pass
	Object   string          `json:"object"`
	Source   string          `json:"source"`
	Line     int             `json:"line,omitempty"`
	Field    string          `json:"field"`
	Says     string          `json:"says"`
	// Fix is a unified diff that `git apply` and `patch -p1` take after those of the findings before it. Empty where
	// only a person can know.
	Fix string `json:"fix,omitempty"`
	// Sketch says that the diff shows the object and cannot be applied to a file: a program made the object, or the
	// file is written in a way that cannot be changed without touching anything else.
	Sketch bool `json:"sketch,omitempty"`
}

// Exempt is a finding that an annotation of its object sets aside.
type Exempt struct {
	Rule   string `json:"rule"`
	Object string `json:"object"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Options choose what of a review is reported.
type Options struct {
	Rules, Skip []string // IDs of rules, or the beginnings of some: BAK. No Rules: all.
	Baseline    Baseline // known findings
}

// Check refuses rules that do not exist, and a choice that leaves none.
func (o Options) Check() error {
	for flag, ids := range map[string][]string{"--rules": o.Rules, "--skip": o.Skip} {
		for _, id := range ids {
			if !slices.ContainsFunc(
				review.Rules, func(r review.Rule) bool { return id != "" && strings.HasPrefix(r.ID, id) },
			) {
				return fmt.Errorf("%s %s: there is no such rule; opex review --list names all", flag, id)
			}
		}
	}
	if o.count() == 0 {
		return fmt.Errorf("--rules and --skip leave no rule to apply")
	}
	return nil
}

func (o Options) takes(rule string) bool {
	in := func(ids []string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(rule, id) })
	}
	return (len(o.Rules) == 0 || in(o.Rules)) && !in(o.Skip)
}

func (o Options) count() (n int) {
	for _, r := range review.Rules {
		if o.takes(r.ID) {
			n++
		}
	}
	return n
}

// Review reviews objects.
func Review(objects review.Set, options Options) (Report, error) {
	verdict := review.Judge(objects)
	report := Report{
		Objects:  len(objects),
		Judged:   verdict.Judged,
		Rules:    options.count(),
		Findings: []Finding{},
		Unjudged: verdict.Unjudged,
	}
	baseline := options.Baseline.clone()
	var found []review.Finding
	for _, f := range verdict.Findings {
		switch {
		case !options.takes(f.Rule.ID):
		case baseline.take(f):
			report.Known++
		default:
			found = append(found, f)
		}
	}
	report.Gone = baseline.rest()
	for _, e := range verdict.Exempt {
		report.Exempt = append(
			report.Exempt, Exempt{e.Finding.Rule.ID, e.Finding.Object.String(), e.Finding.Where(), e.Reason},
		)
	}
	found = review.Proven(objects, found)
	for _, f := range found { // with their lines, before any edit
		report.Findings = append(report.Findings, finding(f))
	}
	for i, f := range found {
		if err := report.fix(&report.Findings[i], f); err != nil {
			return Report{}, fmt.Errorf("%s: %w", f.Object, err)
		}
	}
	for _, s := range report.sources {
		report.Patches = append(report.Patches, s.patch())
	}
	return report, nil
}

func finding(f review.Finding) Finding {
	one := Finding{
		Rule:     f.Rule.ID,
		Severity: f.Severity(),
		Title:    f.Rule.Title,
		Why:      f.Rule.Why,
		Object:   f.Object.String(),
		Source:   f.Object.Source,
		Field:    f.Where(),
		Says:     f.Says,
	}
	if one.Severity == f.Rule.Severity {
		one.Criteria = f.Rule.Criteria
	}
	if f.Object.Line != nil {
		one.Line = f.Object.Line(f.Path)
	}
	return one
}

// fix makes the edits of a finding in its file, or shows them on the object.
func (r *Report) fix(one *Finding, f review.Finding) error {
	if len(f.Fix) == 0 {
		return nil
	}
	if at, is := f.Object.Place.(place); is {
		if one.Fix = at.edit(f.Fix); one.Fix != "" {
			if !slices.Contains(r.sources, at.part.of) {
				r.sources = append(r.sources, at.part.of)
			}
			return nil
		}
	}
	before, err := yaml.Marshal(f.Object.Fields)
	if err != nil {
		return err
	}
	after, err := yaml.Marshal(review.Apply(f.Object.Fields, f.Fix))
	if err != nil {
		return err
	}
	one.Sketch = true
	one.Fix = stackfile.Diff(strings.ReplaceAll(f.Object.String(), " ", "/")+".yaml", before, after)
	return nil
}

// Count is how many findings are of a severity.
func (r Report) Count(of review.Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == of {
			n++
		}
	}
	return n
}

// Fails says whether a finding is as serious as a severity, or more.
func (r Report) Fails(on review.Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity.AtLeast(on) })
}

// Summary is one line.
func (r Report) Summary() string {
	known := ""
	if r.Known > 0 {
		known = fmt.Sprintf(", beside %d of the baseline", r.Known)
	}
	if len(r.Findings) == 0 {
		return fmt.Sprintf("nothing found by %d rules in %d objects%s", r.Rules, r.Objects, known)
	}
	var counts []string
	for _, s := range review.Severities {
		if n := r.Count(s); n == 1 || n > 0 && s == review.Advice {
			counts = append(counts, fmt.Sprintf("%d %s", n, s))
		} else if n > 1 {
			counts = append(counts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	return fmt.Sprintf("%s by %d rules in %d objects%s", strings.Join(counts, ", "), r.Rules, r.Objects, known)
}
