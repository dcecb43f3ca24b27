package review

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// EnvMode is an environment variable that tells the Pulumi program what to do with findings in a preview. Unset: it
	// fails.
	EnvMode = "OPEX_REVIEW"
	// ModeReport is its only value: findings are reported and the preview goes on. `opex review` reads such a preview.
	ModeReport = "report"
)

// Severity says what a finding means for whoever reads it.
type Severity string

// The severities, the most serious first.
const (
	// a success criterion cannot pass, data is at risk, or the API server refuses the object
	Error   Severity = "error"
	Warning Severity = "warning" // it works until a bad day
	Advice  Severity = "advice"  // it is harmless, and misleads its reader
)

// Severities are all of them, the most serious first.
var Severities = []Severity{Error, Warning, Advice}

// AtLeast says whether a severity is as serious as another, or more.
func (s Severity) AtLeast(other Severity) bool {
	return slices.Index(Severities, s) <= slices.Index(Severities, other)
}

// Rule is one thing that must hold.
type Rule struct {
	ID       string // never changes, never reused
	Title    string // what must hold
	Why      string
	Source   string // where the reason can be looked up: a page, or a file of a project's source
	Severity Severity
	// Criteria are the success criteria that cannot pass where the rule does not hold.
	Criteria []string
	relates  bool // it looks at more than one object
	check    func(*world) []Finding
}

// Finding is one place where a rule does not hold.
type Finding struct {
	Rule   Rule
	Object Object
	Path   []string // the field, from the object's root
	Says   string   // what is wrong, and what is allowed
	Fix    []Edit   // a change that resolves it; none where only a person can know
	// unless are objects whose pods the review does not know. They may be the pods that it looked for.
	unless []Object
	unsure bool     // it says what is not known, and is no finding
	weight Severity // where it is less serious than its rule's; empty: it is not
}

// Severity of the finding: its rule's, or less.
func (f Finding) Severity() Severity {
	if f.weight != "" {
		return f.weight
	}
	return f.Rule.Severity
}

// Edit sets a field and creates its missing parents; a nil value removes the field.
type Edit struct {
	Path  []string
	Value any
}

// Where is the field as kubectl writes it.
func (f Finding) Where() string { return strings.Join(f.Path, ".") }

// Rules are all rules, by ID.
var Rules = slices.SortedFunc(slices.Values(slices.Concat(
	typeRules, labelRules, sizeRules, backupRules, dataRules, chaosRules, survivalRules, servingRules)),
	func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })

// Verdict is what a review came to.
type Verdict struct {
	Findings []Finding
	// Unjudged are lines, in words: what no rule could judge, and findings that it may explain. A review that left
	// something out is not one that found nothing, so they must be shown.
	Unjudged []string
	Exempt   []Exemption
	Judged   int // objects that rules judged, of whose kinds they know
}

// Review applies all rules and returns the findings in the order of the objects, then of the rules.
func Review(objects Set) []Finding { return Judge(objects).Findings }

// Unjudged returns the lines of a verdict that say what no rule could judge.
func Unjudged(objects Set) []string { return Judge(objects).Unjudged }

// Judge applies all rules.
func Judge(objects Set) Verdict {
	w := newWorld(objects)
	var all []Finding
	for _, rule := range Rules {
		for _, f := range rule.check(w) {
			f.Rule = rule
			all = append(all, f)
		}
	}
	all = sure(objects, all)
	v := Verdict{
		Judged: len(objects) - len(keep(w.unread, func(o Object) bool { return !o.is(cloudNative, "Cluster") })),
	}
	all, v.Exempt = exempt(w, all)
	v.Unjudged = slices.Concat(unknownFields(objects), unreadKinds(w))
	for _, f := range all {
		if f.unsure {
			v.Unjudged = append(v.Unjudged, fmt.Sprintf("%s: %s %s %s", f.Object, f.Rule.ID, f.Where(), f.Says))
			continue
		}
		if len(f.unless) > 0 {
			v.Unjudged = append(v.Unjudged, muted(f))
			continue
		}
		v.Findings = append(v.Findings, f)
	}
	v.Findings = inOrder(objects, v.Findings)
	return v
}

// inOrder sorts findings and drops those that say the same twice.
func inOrder(objects Set, all []Finding) []Finding {
	place := map[string]int{}
	for i, o := range objects {
		if _, is := place[key(o)]; !is {
			place[key(o)] = i
		}
	}
	compare := func(a, b Finding) int {
		return cmp.Or(cmp.Compare(place[key(a.Object)], place[key(b.Object)]), strings.Compare(a.Rule.ID, b.Rule.ID),
			strings.Compare(a.Where(), b.Where()), strings.Compare(a.Says, b.Says))
	}
	slices.SortStableFunc(all, compare)
	return slices.CompactFunc(all, func(a, b Finding) bool { return compare(a, b) == 0 })
}

// muted is the line for a finding that an object may explain whose pods the review does not know.
func muted(f Finding) string {
	var by []string
	for _, o := range f.unless {
		by = append(by, o.String())
	}
	slices.Sort(by)
	by = slices.Compact(by)
	more := ""
	if len(by) > 3 {
		by, more = by[:3], fmt.Sprintf(" and %d more", len(by)-3)
	}
	return fmt.Sprintf(
		"%s: %s %s %s; %s%s may bring what is missing", f.Object, f.Rule.ID, f.Where(), f.Says, strings.Join(by, ", "),
		more,
	)
}

func key(o Object) string { return o.Group() + " " + o.String() }

// path splits a path without dots in its keys.
func path(dotted string, more ...string) []string { return append(strings.Split(dotted, "."), more...) }

func itoa(n int) string { return strconv.Itoa(n) }
