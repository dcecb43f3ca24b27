package review

import (
	"slices"
	"strconv"
)

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
		return copyOf(value)
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

// proofs is how many objects all reviews of fixes may look at together, but for four reviews that there are always. A
// review of a thousand objects takes about 20 ms.
const proofs = 8_000

// Proven returns the findings with only those fixes that do no harm: each was applied to the whole set, its finding was
// gone in another review, and no new finding came. All that remain can be applied together. Fixes beyond what can be
// tried in a few seconds are dropped.
func Proven(objects Set, found []Finding) []Finding {
	p := prover{
		left:    max(proofs, 4*len(objects)),
		objects: slices.Clone(objects),
		place:   map[string]int{},
		before:  map[string]bool{},
	}
	twice := map[string]bool{} // objects of one name: which of them a finding is about cannot be told
	for i, o := range objects {
		_, is := p.place[key(o)]
		twice[key(o)] = twice[key(o)] || is
		p.place[key(o)] = i
	}
	for _, f := range Review(objects) {
		p.before[f.identity()] = true
	}
	var tried []int
	for i, f := range found {
		if len(f.Fix) > 0 && !twice[key(f.Object)] {
			tried = append(tried, i)
		}
	}
	// One by one where there is time for it; in groups, which are split where one fails, where there is not.
	size := max(1, 2*len(tried)*len(objects)/max(proofs, 4*len(objects)))
	var good []int
	for group := range slices.Chunk(tried, size) {
		good = append(good, p.accept(found, group, false)...)
	}
	good = p.accept(found, good, true)
	proven := slices.Clone(found)
	for i := range proven {
		if !slices.Contains(good, i) {
			proven[i].Fix = nil
		}
	}
	return proven
}

// prover tries fixes on a copy of the objects.
type prover struct {
	objects Set
	place   map[string]int // of objects, by key
	before  map[string]bool
	gone    []int // findings whose fixes stay applied
	left    int
}

// accept returns those of the findings whose fixes do no harm together. With keep they stay applied for the next ones.
func (p *prover) accept(found []Finding, group []int, keep bool) []int {
	if len(group) == 0 || p.left < len(p.objects) {
		return nil
	}
	p.left -= len(p.objects)
	objects := slices.Clone(p.objects)
	for _, i := range group {
		at := p.place[key(found[i].Object)]
		objects[at].Fields = Apply(objects[at].Fields, found[i].Fix)
	}
	if p.clean(found, objects, group) {
		if keep {
			p.objects, p.gone = objects, append(p.gone, group...)
		}
		return group
	}
	if len(group) == 1 {
		return nil
	}
	half := len(group) / 2
	return append(p.accept(found, group[:half:half], keep), p.accept(found, group[half:], keep)...)
}

// clean says that the findings of a group are gone, and that no new one came.
func (p *prover) clean(found []Finding, objects Set, group []int) bool {
	gone := map[string]bool{}
	for _, i := range append(slices.Clone(p.gone), group...) {
		gone[found[i].identity()] = true
	}
	for _, f := range Review(objects) {
		if id := f.identity(); !p.before[id] || gone[id] {
			return false
		}
	}
	return true
}

func (f Finding) identity() string { return f.Rule.ID + " " + key(f.Object) + " " + f.Where() }
