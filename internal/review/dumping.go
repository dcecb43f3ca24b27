package review

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// dumped says whether a plan's hooks dump the database that a workload is, by a program that does or by a script, which
// is not looked into.
func (s *world) dumped(p *plan, w *workload) bool {
	return slices.ContainsFunc(
		s.before(p, w), func(r *run) bool { return len(dumpsOf(r.argv)) > 0 || runsScript(r.argv) },
	)
}

func databasesAreDumped(s *world) (found []Finding) {
	for _, p := range s.plans {
		for _, w := range p.covered {
			is := databaseOf(w)
			if is == nil || s.dumped(p, w) || p.snapshots(w) ||
				slices.ContainsFunc(p.beside, func(q *plan) bool { return s.dumped(q, w) || q.snapshots(w) }) {
				continue
			}
			f := Finding{
				Object: p.Object,
				Path:   p.field("hooks.resources"),
				Says:   fmt.Sprintf("no pre hook runs in the pods of %s, which are a %s", w, is.name),
			}
			var idle []string
			for _, r := range s.before(p, w) {
				idle = append(idle, r.command())
			}
			if len(idle) > 0 {
				f.Says = fmt.Sprintf(
					"the pre hooks in the pods of %s, which are a %s, dump nothing: %q. Want one of %s, or a script of your own by its path",
					w, is.name, strings.Join(idle, "; "), strings.Join(is.dumps, ", "),
				)
			}
			if len(s.own[w]) > 0 {
				f.Says += ". The hooks in the pod's annotations replace those of the backup"
			}
			found = append(found, f)
		}
	}
	return found
}

// runsScript says whether a command runs a program by a path that no distribution puts its own at.
func runsScript(argv []string) bool {
	for _, p := range parse(argv).pipelines {
		for _, c := range p.commands {
			if len(c.words) == 0 || !strings.Contains(c.words[0], "/") {
				continue
			}
			if !slices.Contains([]string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}, filepath.Dir(c.words[0])) {
				return true
			}
		}
	}
	return false
}

func dumpsFit(s *world) (found []Finding) {
	for _, r := range s.runs() {
		for _, w := range r.pods {
			own := databaseOf(w)
			for _, d := range dumpsOf(r.argv) {
				if own != nil && !slices.Contains(own.dumps, d.program) {
					found = append(
						found,
						Finding{
							Object: r.of,
							Path:   r.field("command"),
							Says: fmt.Sprintf("runs %s, and the pods of %s are a %s: %s",
								d.program, w, own.name, strings.Join(own.dumps, ", ")),
						},
					)
				}
				if c, is := r.runsIn(w); is && lacks(c, d.program) != "" {
					found = append(
						found,
						Finding{
							Object: r.of,
							Path:   r.field("command"),
							Says:   fmt.Sprintf("runs %s in %s: %s", d.program, w, lacks(c, d.program)),
						},
					)
				}
			}
		}
	}
	return found
}

func restoresEnd(s *world) (found []Finding) {
	seen := map[*workload]bool{}
	for _, p := range s.schedules() {
		rto, is := objective(p.Object, AnnotationRTO, defaultRTO)
		if !is {
			found = append(found, noDurationAt(p.Object, AnnotationRTO))
			continue
		}
		for _, w := range p.covered {
			if w.podAnnotations()[restoreHook+"command"] != "" && !seen[w] {
				seen[w] = true
				found = append(found, restoreEnds(p, w, rto)...)
			}
		}
	}
	return found
}

func restoreEnds(p *plan, w *workload, rto time.Duration) (found []Finding) {
	of, notes := w.field("metadata.annotations"), w.podAnnotations()
	if d, err := time.ParseDuration(notes[restoreHook+"wait-timeout"]); err != nil || d <= 0 {
		found = append(found, Finding{Object: w.Object, Path: path(of, restoreHook+"wait-timeout"),
			Says: fmt.Sprintf(
				"is %q, want a duration: without one a restore waits for its container for ever",
				notes[restoreHook+"wait-timeout"],
			)})
	}
	if d, err := time.ParseDuration(notes[restoreHook+"exec-timeout"]); err == nil && d > limitSlack*rto {
		found = append(found, Finding{Object: w.Object, Path: path(of, restoreHook+"exec-timeout"),
			Says: fmt.Sprintf(
				"is %s, more than %d times the %s of %s that %s has", span(d), limitSlack, AnnotationRTO, span(rto),
				p.Object,
			)})
	}
	return found
}
