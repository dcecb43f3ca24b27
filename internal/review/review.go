package review

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const (
	// EnvMode is a variable of the environment that tells the Pulumi program what to do with findings at a preview. Unset: it fails.
	EnvMode = "OPEX_REVIEW"
	// ModeReport is its only value: findings are said, and the preview goes on. `opex review` reads such a preview.
	ModeReport = "report"
)

// Rule is one thing that must hold.
type Rule struct {
	ID    string // stays for good
	Title string // what must hold
	Why   string
	// Criteria are the success criteria that cannot pass where it does not hold.
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
	Fix    []Edit   // what would put it right; none where only a person can know
}

// Edit sets a field, and makes what is missing on its way; a nil value removes it.
type Edit struct {
	Path  []string
	Value any
}

// Where is the field as kubectl writes it.
func (f Finding) Where() string { return strings.Join(f.Path, ".") }

// Rules are all that there are, by ID.
var Rules = slices.SortedFunc(slices.Values(slices.Concat(labelRules, sizeRules, backupRules, chaosRules, survivalRules)),
	func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })

// Review applies all rules. Findings are in order of the objects, then of the rules. What cannot be known yet is no finding: ask Unjudged.
func Review(objects Set) []Finding {
	place := map[string]int{}
	for i, o := range objects {
		if _, is := place[key(o)]; !is {
			place[key(o)] = i
		}
	}
	var all []Finding
	s := newWorld(objects)
	for _, rule := range Rules {
		for _, f := range rule.check(s) {
			f.Rule = rule
			all = append(all, f)
		}
	}
	all = sure(objects, all)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(place[key(a.Object)], place[key(b.Object)]), strings.Compare(a.Rule.ID, b.Rule.ID), strings.Compare(a.Where(), b.Where()))
	})
	return all
}

func key(o Object) string { return o.Group() + " " + o.String() }

// path splits a path without dots in its keys.
func path(dotted string, more ...string) []string { return append(strings.Split(dotted, "."), more...) }

func itoa(n int) string { return strconv.Itoa(n) }

// Apply returns the object's fields with the edits made. The object stays as it is.
func Apply(fields map[string]any, edits []Edit) map[string]any {
	changed := any(copyOf(fields))
	for _, e := range edits {
		changed = set(changed, e.Path, e.Value)
	}
	return changed.(map[string]any)
}

func set(here any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if l, is := here.([]any); is {
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(l) {
			l[i] = set(l[i], path[1:], value)
		}
		return l
	}
	m, is := here.(map[string]any)
	if !is {
		m = map[string]any{}
	}
	if next := set(m[path[0]], path[1:], value); next == nil {
		delete(m, path[0])
	} else {
		m[path[0]] = next
	}
	return m
}

func copyOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, inner := range v {
			m[key] = copyOf(inner)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, inner := range v {
			l[i] = copyOf(inner)
		}
		return l
	}
	return value
}
