package review

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// hook is one of a Schedule's.
type hook struct {
	schedule   Object
	at         string // path of the entry
	namespaces []string
	selector   any
	found      []workload // whose pods its selector finds
	pods       []workload // of these, those that are in the backup: in no others is it run
	runs       []run
}

// run is one command of a hook.
type run struct {
	at      string
	fields  any
	command string
}

func (s *world) hooks() []hook { return s.hooked }

func (s *world) readHooks() []hook {
	var all []hook
	for _, o := range s.backups() {
		for i, entry := range list(o.get("spec.template.hooks.resources")) {
			h := hook{schedule: o, at: "spec.template.hooks.resources." + itoa(i), selector: get(entry, "labelSelector")}
			for _, n := range list(get(entry, "includedNamespaces")) {
				if text(n) != "*" {
					h.namespaces = append(h.namespaces, text(n))
				}
			}
			if len(h.namespaces) == 0 {
				h.namespaces = namespacesOf(o)
			}
			h.found = s.podsOf(h.namespaces, h.selector)
			covered := s.covered(o)
			h.pods = keep(h.found, func(w workload) bool { return holds(covered, w) })
			for _, when := range []string{"pre", "post"} {
				for j, r := range list(get(entry, when)) {
					exec := get(r, "exec")
					var words []string
					for _, w := range list(get(exec, "command")) {
						words = append(words, text(w))
					}
					h.runs = append(h.runs, run{fmt.Sprintf("%s.%s.%d.exec", h.at, when, j), exec, strings.Join(words, " ")})
				}
			}
			all = append(all, h)
		}
	}
	return all
}

func holds(all []workload, w workload) bool {
	return slices.ContainsFunc(all, func(one workload) bool { return key(one.Object) == key(w.Object) })
}

func hooksFindPods(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		switch {
		case len(h.found) > 0 && len(h.pods) == 0 && len(s.covered(h.schedule)) > 0: // a backup of nothing is BAK-09's
			found = append(found, Finding{Object: h.schedule, Path: path(h.at + ".labelSelector"), Says: fmt.Sprintf("finds the pods of %s, which this backup leaves out by its own selector or namespaces: Velero runs hooks in pods that are in the backup",
				names(h.found))})
		case len(h.found) == 0:
			found = append(found, Finding{Object: h.schedule, Path: path(h.at + ".labelSelector"), Says: "finds no pods in " + sought(h.namespaces, h.selector)})
		}
	}
	return found
}

func hooksFindContainers(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		for _, w := range h.pods {
			var names []string
			for _, c := range w.containers() {
				names = append(names, text(c["name"]))
			}
			slices.Sort(names)
			for _, r := range h.runs {
				name := text(get(r.fields, "container"))
				if slices.Contains(names, name) || name == "" && len(names) == 1 {
					continue
				}
				f := Finding{Object: h.schedule, Path: path(r.at + ".container"), Says: fmt.Sprintf("is %q, and the pods of %s have %s", name, w, strings.Join(names, ", "))}
				if len(names) == 1 {
					f.Fix = []Edit{{f.Path, names[0]}}
				}
				found = append(found, f)
			}
		}
	}
	return found
}

func hooksFail(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		for _, r := range h.runs {
			if on := text(get(r.fields, "onError")); on == "Continue" {
				at := path(r.at + ".onError")
				found = append(found, Finding{Object: h.schedule, Path: at, Says: "is Continue, want Fail", Fix: []Edit{{at, "Fail"}}})
			}
		}
	}
	return found
}

func hooksHaveTime(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		for _, r := range h.runs {
			if d, err := time.ParseDuration(text(get(r.fields, "timeout"))); err != nil || d <= 0 {
				at := path(r.at + ".timeout")
				found = append(found, Finding{Object: h.schedule, Path: at, Says: fmt.Sprintf("is %q, want a duration that the largest dump fits into", text(get(r.fields, "timeout"))),
					Fix: []Edit{{at, "10m"}}})
			}
		}
	}
	return found
}
