package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// hook is one of a backup's, or the annotations of a pod that say the same.
type hook struct {
	plan       *plan    // nil: the hook is a pod's own
	at         string   // path of the entry
	namespaces []string // where it looks; none: everywhere
	entry      any
	found      []*workload // whose pods its filters find
	pods       []*workload // of these, those that are in the backup: in no others is it run
	runs       []*run
}

// run is one command of a hook.
type run struct {
	of        Object                      // where it is declared
	field     func(field string) []string // path of container, command, onError or timeout
	phase     string                      // pre, post
	container string                      // empty: the pod's first
	onError   string
	timeout   any
	argv      []string
	pods      []*workload // in which it runs
}

func (r *run) command() string { return strings.Join(r.argv, " ") }

func (s *world) readHooks() {
	for _, w := range s.making {
		if runs := annotated(w); len(runs) > 0 {
			s.own[w] = runs
			s.hooks = append(s.hooks, &hook{found: []*workload{w}, pods: []*workload{w}, runs: runs})
		}
	}
	for _, p := range s.plans {
		for i, entry := range list(get(p.spec, "hooks.resources")) {
			h := &hook{
				plan:       p,
				at:         fmt.Sprintf("%s.hooks.resources.%d", p.at, i),
				entry:      entry,
				namespaces: s.knownIn(entry),
			}
			if len(h.namespaces) == 0 {
				h.namespaces = s.knownIn(p.spec)
			}
			if h.otherResources() == "" {
				h.found = keep(
					s.podsOf(h.namespaces, get(entry, "labelSelector")),
					func(w *workload) bool { return included(entry, w.declared()) },
				)
			}
			h.pods = keep(h.found, func(w *workload) bool { return p.holds[w] })
			h.read(s.own)
			p.hooks = append(p.hooks, h)
			s.hooks = append(s.hooks, h)
		}
	}
}

func (h *hook) read(own map[*workload][]*run) {
	for _, phase := range []string{"pre", "post"} {
		for j, one := range list(get(h.entry, phase)) {
			exec, at := get(one, "exec"), fmt.Sprintf("%s.%s.%d.exec", h.at, phase, j)
			r := &run{
				of:        h.plan.Object,
				phase:     phase,
				container: text(get(exec, "container")),
				onError:   text(get(exec, "onError")),
				timeout:   get(exec, "timeout"),
				argv:      textList(get(exec, "command")),
				field:     func(field string) []string { return path(at, field) },
			}
			r.pods = keep(h.pods, func(w *workload) bool { // what a pod says of itself takes priority
				return !slices.ContainsFunc(own[w], func(r *run) bool { return r.phase == phase })
			})
			h.runs = append(h.runs, r)
		}
	}
}

// otherResources says by which filter a hook is not for pods. Velero runs hooks in pods only, whatever else the filter
// names.
func (h *hook) otherResources() string {
	for _, field := range []string{"includedResources", "excludedResources"} {
		resources := textList(get(h.entry, field))
		if len(resources) > 0 && slices.ContainsFunc(resources, isPods) == (field == "excludedResources") {
			return field
		}
	}
	return ""
}

// annotated are the hooks that a pod's annotations declare: internal/hook/item_hook_handler.go,
// getPodExecHookFromAnnotations.
func annotated(w *workload) (runs []*run) {
	notes := w.podAnnotations()
	for _, phase := range []string{"pre", "post"} {
		prefix := phase + ".hook.backup.velero.io/"
		if phase == "pre" && notes[prefix+"command"] == "" {
			prefix = "hook.backup.velero.io/" // as it was written before there were phases
		}
		command := notes[prefix+"command"]
		if command == "" {
			continue
		}
		argv := []string{command}
		if strings.HasPrefix(command, "[") {
			var parsed []string
			if json.Unmarshal([]byte(command), &parsed) == nil {
				argv = parsed
			}
		}
		keys := map[string]string{"onError": "on-error"}
		r := &run{
			of:        w.Object,
			phase:     phase,
			container: notes[prefix+"container"],
			onError:   notes[prefix+"on-error"],
			argv:      argv,
			pods:      []*workload{w},
		}
		if limit, is := notes[prefix+"timeout"]; is {
			r.timeout = limit
		}
		r.field = func(field string) []string {
			name := field
			if keys[field] != "" {
				name = keys[field]
			}
			return path(w.field("metadata.annotations"), prefix+name)
		}
		runs = append(runs, r)
	}
	return runs
}

// runs are all commands of all hooks.
func (s *world) runs() (all []*run) {
	for _, h := range s.hooks {
		all = append(all, h.runs...)
	}
	return all
}

// before are the commands that run in the pods of a workload before a plan's backup of them.
func (s *world) before(p *plan, w *workload) (all []*run) {
	for _, h := range p.hooks {
		all = append(all, keep(h.runs, func(r *run) bool { return r.phase == "pre" && slices.Contains(r.pods, w) })...)
	}
	return append(keep(s.own[w], func(r *run) bool { return r.phase == "pre" }), all...)
}

// runsIn is the container of a workload in which a command runs; false: the pods have none of this name.
func (r *run) runsIn(w *workload) (container, bool) {
	for i, c := range w.containers() {
		if c.name() == r.container || r.container == "" && i == 0 {
			return c, true
		}
	}
	return container{}, false
}

func hooksFindPods(s *world) (found []Finding) {
	for _, h := range s.hooks {
		if h.plan == nil {
			continue
		}
		f := Finding{Object: h.plan.Object, Path: path(h.at + ".labelSelector"), unless: s.unknownIn(h.namespaces)}
		switch field := h.otherResources(); {
		case field != "":
			f.Path, f.unless = path(h.at+"."+field), nil
			f.Says = fmt.Sprintf(
				"are %s: Velero runs hooks in pods only", strings.Join(textList(get(h.entry, field)), ", "),
			)
		case len(h.found) == 0:
			f.Says = "finds no pods in " + sought(h.namespaces, get(h.entry, "labelSelector"))
			if out := textList(get(h.entry, "excludedNamespaces")); len(out) > 0 {
				f.Says += "; it excludes " + strings.Join(out, ", ")
			}
		case len(h.pods) == 0 && len(h.plan.covered) > 0: // a backup of nothing is BAK-09's
			f.unless = nil
			f.Says = fmt.Sprintf(
				"finds the pods of %s, which this backup leaves out by its own selector or namespaces: Velero runs hooks in pods "+
					"that are in the backup",
				names(h.found),
			)
		default:
			continue
		}
		found = append(found, f)
	}
	return found
}

func hooksFindContainers(s *world) (found []Finding) {
	for _, r := range s.runs() {
		firsts := map[string]bool{}
		for _, w := range r.pods {
			var names []string
			for _, c := range w.containers() {
				names = append(names, c.name())
			}
			if len(names) > 0 {
				firsts[names[0]] = true
			}
			if slices.Contains(names, r.container) || r.container == "" && len(names) == 1 && len(firsts) < 2 {
				continue
			}
			f := Finding{Object: r.of, Path: r.field("container")}
			f.Says = fmt.Sprintf("is %q, and the pods of %s have %s", r.container, w, strings.Join(names, ", "))
			if r.container == "" {
				f.Says += ": Velero takes the first"
			}
			if len(names) == 1 && r.fits(w) {
				f.Fix = []Edit{{f.Path, names[0]}}
			}
			found = append(found, f)
		}
	}
	return found
}

// fits says whether a command belongs into the pods of a workload: it dumps the database that they are.
func (r *run) fits(w *workload) bool {
	is := databaseOf(w)
	return is != nil &&
		slices.ContainsFunc(dumpsOf(r.argv), func(d dump) bool { return slices.Contains(is.dumps, d.program) })
}

func hooksFail(s *world) (found []Finding) {
	for _, r := range s.runs() {
		if len(r.pods) == 0 && r.onError == "" {
			continue // it does not run
		}
		// Velero logs a failed post hook and goes on in either mode (v1.18, pkg/backup/backup.go, handleItemBlockPostHooks).
		if r.onError != "Fail" && r.phase == "pre" {
			at := r.field("onError")
			says := "is Continue, want Fail"
			if r.onError != "Continue" {
				says = fmt.Sprintf("is %q, which Velero treats as Continue, want Fail", r.onError)
			}
			found = append(found, Finding{Object: r.of, Path: at, Says: says, Fix: []Edit{{at, "Fail"}}})
		}
		for _, d := range dumpsOf(r.argv) {
			if d.masked != "" {
				found = append(
					found,
					Finding{
						Object: r.of,
						Path:   r.field("command"),
						Says:   fmt.Sprintf("hides that %s failed: %s", d.program, d.masked),
					},
				)
			}
		}
	}
	return found
}

func hooksHaveTime(s *world) (found []Finding) {
	for _, r := range s.runs() {
		limit, is := r.timeout.(string)
		if r.timeout != nil && !is {
			continue // TYP-01 says that it is no text
		}
		if r.timeout == nil && len(dumpsOf(r.argv)) == 0 {
			continue // Velero's 30 s do for what dumps nothing
		}
		if d, err := time.ParseDuration(limit); err != nil || d <= 0 {
			at := r.field("timeout")
			found = append(
				found,
				Finding{
					Object: r.of,
					Path:   at,
					Says:   fmt.Sprintf("is %q, want a duration that the largest dump fits into", limit),
					Fix:    []Edit{{at, "10m"}},
				},
			)
		}
	}
	return found
}
