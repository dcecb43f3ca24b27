package review

import (
	"fmt"
	glob "path"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/internal/crons"
)

// plan is what Velero is told to back up: the template of a Schedule, or a Backup. What follows was read in Velero
// v1.18.3.
type plan struct {
	Object
	at      string // path of its BackupSpec
	spec    any
	covered []*workload        // whose pods are in the backup
	holds   map[*workload]bool // the same
	hooks   []*hook
	works   bool // a Schedule that makes backups: Velero takes it, and it is not paused
	// other working Schedules that hold all pods that it holds; where it finds none, those of the same namespaces
	beside []*plan
}

func (s *world) readPlans() {
	by := map[*workload][]*plan{}
	for _, kind := range []struct{ name, at string }{{"Schedule", "spec.template"}, {"Backup", "spec"}} {
		for _, o := range s.of(velero, kind.name) {
			p := &plan{Object: o, at: kind.at, spec: o.get(kind.at), holds: map[*workload]bool{}}
			p.works = p.working()
			p.covered = keep(s.mayBeIn(p), func(w *workload) bool { return s.covers(p, w) })
			for _, w := range p.covered {
				p.holds[w] = true
				by[w] = append(by[w], p)
			}
			s.plans = append(s.plans, p)
		}
	}
	for _, p := range s.plans {
		others := s.plans
		if len(p.covered) > 0 {
			others = by[p.covered[0]]
		}
		p.beside = keep(others, p.hasBeside)
	}
	s.readHooks()
}

// mayBeIn are the workloads among which those of a plan are.
func (s *world) mayBeIn(p *plan) []*workload {
	names := namespacesOf(p.spec)
	if slices.ContainsFunc(names, func(n string) bool { return strings.ContainsAny(n, "*?[") }) {
		names = nil
	}
	if get(p.spec, "orLabelSelectors") != nil {
		return s.in(names)
	}
	return s.candidates(names, get(p.spec, "labelSelector"))
}

// schedules are the plans that are carried out again and again.
func (s *world) schedules() []*plan {
	return keep(s.plans, func(p *plan) bool { return p.Kind() == "Schedule" })
}

func (p *plan) field(name string, more ...string) []string {
	return append(append(strings.Split(p.at, "."), strings.Split(name, ".")...), more...)
}

// leftOut on an object keeps it out of every backup.
const leftOut = "velero.io/exclude-from-backup"

func (s *world) covers(p *plan, w *workload) bool {
	namespace := w.declared()
	if w.pods[leftOut] == "true" || s.spaces[namespace].labels()[leftOut] == "true" || !included(p.spec, namespace) {
		return false
	}
	selectors := list(get(p.spec, "orLabelSelectors"))
	if one := get(p.spec, "labelSelector"); one != nil || len(selectors) == 0 {
		selectors = []any{one} // Velero refuses both: BAK-16
	}
	return slices.ContainsFunc(selectors, w.selected)
}

// included says whether the lists of a backup or a hook hold a namespace. An unknown namespace may be any.
func included(of any, namespace string) bool {
	in, out := textList(get(of, "includedNamespaces")), textList(get(of, "excludedNamespaces"))
	if namespace == "" {
		return true
	}
	return !matches(out, namespace) && (len(in) == 0 || matches(in, namespace))
}

// matches says whether a namespace is in a list of names and globs. Velero's globs know *, ? and [abc] only
// (pkg/util/wildcard).
func matches(globs []string, namespace string) bool {
	return slices.ContainsFunc(globs, func(pattern string) bool {
		is, err := glob.Match(pattern, namespace)
		return err == nil && is
	})
}

// namespacesOf are the namespaces that a backup or a hook names. None: all.
func namespacesOf(of any) []string {
	return keep(textList(get(of, "includedNamespaces")), func(n string) bool { return n != "*" })
}

// knownIn are the known namespaces that a backup or a hook includes; nil where it names none, which means all.
func (s *world) knownIn(of any) []string {
	named := namespacesOf(of)
	if len(named) == 0 {
		return nil
	}
	for _, n := range sorted(s.at) {
		if n != "" && included(of, n) && !slices.Contains(named, n) {
			named = append(named, n)
		}
	}
	return named
}

// refusals are the reasons for which Velero fails a backup before it begins: pkg/controller/backup_controller.go,
// prepareBackupRequest.
func (p *plan) refusals() (fields []string, says []string) {
	refuse := func(field, text string, args ...any) {
		fields, says = append(fields, field), append(says, fmt.Sprintf(text, args...))
	}
	if get(p.spec, "labelSelector") != nil && get(p.spec, "orLabelSelectors") != nil {
		refuse("orLabelSelectors", "stands beside labelSelector, and Velero takes one of the two")
	}
	var older, newer string
	for _, field := range []string{"includedResources", "excludedResources"} {
		if len(list(get(p.spec, field))) > 0 {
			older = field
		}
	}
	if get(p.spec, "includeClusterResources") != nil {
		older = "includeClusterResources"
	}
	for _, field := range []string{"includedClusterScopedResources", "excludedClusterScopedResources", "includedNamespaceScopedResources",
		"excludedNamespaceScopedResources"} {
		if len(list(get(p.spec, field))) > 0 {
			newer = field
		}
	}
	if older != "" && newer != "" {
		refuse(newer, "stands beside %s, and Velero does not take its newer filters beside the older ones", older)
	}
	for _, kind := range []string{"Namespaces", "Resources", "NamespaceScopedResources", "ClusterScopedResources"} {
		in, out := textList(get(p.spec, "included"+kind)), textList(get(p.spec, "excluded"+kind))
		scoped := strings.HasSuffix(kind, "ScopedResources")
		if len(in) > 1 && slices.Contains(in, "*") {
			refuse("included"+kind, "has * beside others, and Velero takes * alone")
		}
		if slices.Contains(out, "*") && (!scoped || len(in) > 0 || len(out) > 1) {
			refuse("excluded"+kind, "has *, which Velero does not take here")
		}
		if both := keep(in, func(one string) bool { return one != "*" && slices.Contains(out, one) }); len(both) > 0 {
			refuse("excluded"+kind, "has %s, which included%s has, too", strings.Join(both, ", "), kind)
		}
	}
	for _, field := range []string{"includedNamespaces", "excludedNamespaces"} {
		for _, pattern := range textList(get(p.spec, field)) {
			if _, err := glob.Match(pattern, ""); err != nil || strings.Contains(pattern, "**") ||
				strings.ContainsAny(pattern, "|()!{},") {
				refuse(field, "has %q, and Velero's globs know *, ? and [abc]", pattern)
			}
		}
	}
	return fields, says
}

// gap is the longest time between two backups; 0: it cannot be known.
func (s *world) gap(p *plan) time.Duration {
	text := text(p.get("spec.schedule"))
	if known, is := s.gaps[text]; is {
		return known
	}
	if parsed, err := crons.Parse(text); err == nil {
		s.gaps[text] = crons.LongestGap(parsed, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return s.gaps[text]
}

func (p *plan) working() bool {
	fields, _ := p.refusals()
	_, err := crons.Parse(text(p.get("spec.schedule")))
	return p.Kind() == "Schedule" && len(fields) == 0 && p.get("spec.paused") != true && err == nil
}

// hasBeside says whether another plan works and holds all pods that this one holds.
func (p *plan) hasBeside(q *plan) bool {
	if q == p || !q.works || PodsLeftOut(asMap(q.spec)) != "" {
		return false
	}
	if len(p.covered) == 0 {
		of := namespacesOf(p.spec)
		return len(of) > 0 && !slices.ContainsFunc(of, func(n string) bool { return !included(q.spec, n) })
	}
	return !slices.ContainsFunc(p.covered, func(w *workload) bool { return !q.holds[w] })
}

func asMap(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

// PodsLeftOut is the field of a Velero BackupSpec that leaves pods out of the backup; empty: none does.
func PodsLeftOut(spec map[string]any) string {
	if fields := leavingPodsOut(spec); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

func leavingPodsOut(spec any) (fields []string) {
	for _, field := range []string{"includedResources", "excludedResources", "includedNamespaceScopedResources",
		"excludedNamespaceScopedResources"} {
		resources := textList(get(spec, field))
		if len(resources) > 0 && slices.ContainsFunc(resources, isPods) == strings.HasPrefix(field, "excluded") {
			fields = append(fields, field)
		}
	}
	return fields
}

// isPods knows pods by the names that Velero's discovery takes for them.
func isPods(resource string) bool {
	return slices.Contains([]string{"pods", "pod", "po", "*"}, strings.ToLower(resource))
}
