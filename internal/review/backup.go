package review

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/internal/crons"
)

var backupRules = []Rule{
	{ID: "BAK-01", Title: "A backup's schedule is a cron expression", Criteria: []string{"SC-004"},
		Why: "Velero takes a wrong one, and never runs it.", check: cronsParse},
	{ID: "BAK-02", Title: "Backups are as frequent as the RPO", Criteria: []string{"SC-004"},
		Why: "What is lost at most is the longest time between two backups.", check: frequentEnough},
	{ID: "BAK-03", Title: "A backup is kept until after the next two", Criteria: []string{"SC-005"},
		Why: "One that fails leaves none otherwise.", check: keptLongEnough},
	{ID: "BAK-04", Title: "A hook's selector finds pods", Criteria: []string{"SC-006"},
		Why: "A hook that finds none does not run, and the backup is called complete.", relates: true, check: hooksFindPods},
	{ID: "BAK-05", Title: "A hook's container is in those pods", Criteria: []string{"SC-006"},
		Why: "Velero fails the hook at night, or runs it in the first container.", relates: true, check: hooksFindContainers},
	{ID: "BAK-06", Title: "A hook that fails, fails its backup", Criteria: []string{"SC-006"},
		Why: "With onError Continue a backup without its dump looks like one with it.", check: hooksFail},
	{ID: "BAK-07", Title: "A hook has a timeout of its own", Criteria: []string{"SC-006"},
		Why: "Velero's own is 30 s: the database outgrows it one night.", check: hooksHaveTime},
	{ID: "BAK-08", Title: "Pods are in the backup", Criteria: []string{"SC-004", "SC-006"},
		Why: "Hooks and volumes hang on pods: without them none is run or copied, and the backup is called complete.", check: podsAreIn},
	{ID: "BAK-09", Title: "A backup's selector finds something", Criteria: []string{"SC-004"},
		Why: "A backup of nothing is complete, too.", relates: true, check: backupsFindPods},
	{ID: "BAK-10", Title: "A backup names its namespaces", Criteria: []string{"SC-004"},
		Why: "One of all namespaces restores other people's services along with one's own.", check: namespacesAreNamed},
	{ID: "BAK-11", Title: "A database that is backed up has a hook that dumps it", Criteria: []string{"SC-006"},
		Why: "Files of a running database that are copied one after another may not start again.", relates: true, check: databasesAreDumped},
	{ID: "BAK-12", Title: "A hook dumps by the database's own program", Criteria: []string{"SC-006"},
		Why: "The hook of another database fails each night.", relates: true, check: dumpsFit},
	{ID: "BAK-13", Title: "A schedule of backups is not paused", Criteria: []string{"SC-004"},
		Why: "It makes none, and nothing else says so.", check: backupsRun},
	{ID: "BAK-14", Title: "Volumes that are to be backed up are there", Criteria: []string{"SC-004", "SC-006"},
		Why: "Velero passes over a volume that the pod does not have.", check: volumesExist},
	{ID: "BAK-15", Title: "What is run after a restore ends, in keeping with the RTO", Criteria: []string{"SC-007"}, relates: true,
		Why: "Velero waits for ever where nothing is said, and a limit far beyond the RTO says that the RTO was never reckoned with.", check: restoresEnd},
}

const (
	velero        = "velero.io"
	backupVolumes = "backup.velero.io/backup-volumes"
	// AnnotationRPO on a Schedule is the most that may be lost, as a duration of Go: 24h.
	AnnotationRPO = "opex/rpo"
	// AnnotationRTO on a Schedule is how long a restore may take, as a duration of Go: 30m.
	AnnotationRTO = "opex/rto"

	// What holds where a Schedule does not say: the defaults of the config, and Velero's own.
	defaultRPO, defaultRTO, defaultTTL = 24 * time.Hour, 30 * time.Minute, 720 * time.Hour

	restoreHook = "post.hook.restore.velero.io/"
	// limitSlack is how many times the RTO a hook may be allowed to take: limits are made for a bad day.
	limitSlack = 3
)

func (s *world) backups() []Object { return s.of(velero, "Schedule") }

// gap is the longest time between two backups; 0: it cannot be known.
func (s *world) gap(o Object) time.Duration {
	text := text(o.get("spec.schedule"))
	if known, is := s.gaps[text]; is {
		return known
	}
	if parsed, err := crons.Parse(text); err == nil {
		s.gaps[text] = crons.LongestGap(parsed, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return s.gaps[text]
}

func cronsParse(s *world) (found []Finding) {
	for _, o := range s.backups() {
		if _, err := crons.Parse(text(o.get("spec.schedule"))); err != nil {
			found = append(found, Finding{Object: o, Path: path("spec.schedule"), Says: fmt.Sprintf("is %q: %v", text(o.get("spec.schedule")), err)})
		}
	}
	return found
}

// objective reads an annotation; where it is unset, absent holds. False: it is there, and no duration.
func objective(o Object, annotation string, absent time.Duration) (time.Duration, bool) {
	at, is := o.annotations()[annotation]
	if !is {
		return absent, true
	}
	d, err := time.ParseDuration(at)
	return d, err == nil && d > 0
}

func noDurationAt(o Object, annotation string) Finding {
	return Finding{Object: o, Path: path("metadata.annotations", annotation), Says: fmt.Sprintf("%q is no duration such as 24h", o.annotations()[annotation])}
}

func frequentEnough(s *world) (found []Finding) {
	for _, o := range s.backups() {
		rpo, is := objective(o, AnnotationRPO, defaultRPO)
		longest := s.gap(o)
		switch {
		case !is:
			found = append(found, noDurationAt(o, AnnotationRPO))
		case longest > rpo:
			found = append(found, Finding{Object: o, Path: path("spec.schedule"), Says: fmt.Sprintf("%q leaves %s between two backups, and %s allows %s",
				text(o.get("spec.schedule")), span(longest), AnnotationRPO, span(rpo))})
		}
	}
	return found
}

func restoresEnd(s *world) (found []Finding) {
	said := map[string]bool{}
	for _, o := range s.backups() {
		rto, is := objective(o, AnnotationRTO, defaultRTO)
		if !is {
			found = append(found, noDurationAt(o, AnnotationRTO))
			continue
		}
		for _, w := range s.covered(o) {
			of := w.at("metadata.annotations")
			hooks := texts(w.get(of))
			if hooks[restoreHook+"command"] == "" || said[key(w.Object)] {
				continue
			}
			said[key(w.Object)] = true
			if d, err := time.ParseDuration(hooks[restoreHook+"wait-timeout"]); err != nil || d <= 0 {
				found = append(found, Finding{Object: w.Object, Path: path(of, restoreHook+"wait-timeout"), Says: fmt.Sprintf("is %q, want a duration: without one a restore waits for its container for ever",
					hooks[restoreHook+"wait-timeout"])})
			}
			if d, err := time.ParseDuration(hooks[restoreHook+"exec-timeout"]); err == nil && d > limitSlack*rto {
				found = append(found, Finding{Object: w.Object, Path: path(of, restoreHook+"exec-timeout"), Says: fmt.Sprintf("is %s, more than %d times the %s of %s that %s has", span(d), limitSlack, AnnotationRTO, span(rto), o)})
			}
		}
	}
	return found
}

func span(d time.Duration) string {
	if d == math.MaxInt64 {
		return "more than a year"
	}
	return d.String()
}

func keptLongEnough(s *world) (found []Finding) {
	for _, o := range s.backups() {
		at := text(o.get("spec.template.ttl"))
		ttl, err := time.ParseDuration(at)
		if at == "" {
			ttl, err = defaultTTL, nil
		}
		longest := s.gap(o)
		switch {
		case err != nil:
			found = append(found, Finding{Object: o, Path: path("spec.template.ttl"), Says: fmt.Sprintf("%q is no duration such as 720h", at)})
		case longest > 0 && ttl/2 < longest:
			found = append(found, Finding{Object: o, Path: path("spec.template.ttl"), Says: fmt.Sprintf("is %s, and backups are up to %s apart: want twice that or more", span(ttl), span(longest))})
		}
	}
	return found
}

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
				h.namespaces = append(h.namespaces, text(n))
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

// namespacesOf are those that a Schedule names; none: all.
func namespacesOf(o Object) []string {
	var all []string
	for _, n := range list(o.get("spec.template.includedNamespaces")) {
		if text(n) != "*" {
			all = append(all, text(n))
		}
	}
	return all
}

func names(all []workload) string {
	var texts []string
	for _, w := range all {
		texts = append(texts, w.String())
	}
	return strings.Join(texts, ", ")
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
			found = append(found, Finding{Object: h.schedule, Path: path(h.at + ".labelSelector"), Says: fmt.Sprintf("finds no pods in %s: %s",
				strings.Join(h.namespaces, ", "), showLabels(texts(get(h.selector, "matchLabels"))))})
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

func podsAreIn(s *world) (found []Finding) {
	for _, o := range s.backups() {
		template := o.get("spec.template")
		for _, field := range leavingPodsOut(template) {
			at := path("spec.template", field)
			resources := list(get(template, field))
			if strings.HasPrefix(field, "included") {
				found = append(found, Finding{Object: o, Path: at, Says: "has no pods", Fix: []Edit{{at, append(slices.Clone(resources), "pods")}}})
				continue
			}
			var rest any
			if others := slices.DeleteFunc(slices.Clone(resources), func(r any) bool { return isPods(text(r)) }); len(others) > 0 {
				rest = others
			}
			found = append(found, Finding{Object: o, Path: at, Says: "leaves pods out", Fix: []Edit{{at, rest}}})
		}
	}
	return found
}

// PodsLeftOut is the field of a Velero BackupSpec that leaves pods out of it; empty: none does.
func PodsLeftOut(spec map[string]any) string {
	if fields := leavingPodsOut(spec); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

func leavingPodsOut(spec any) (fields []string) {
	for _, field := range []string{"includedResources", "excludedResources", "includedNamespaceScopedResources", "excludedNamespaceScopedResources"} {
		resources := list(get(spec, field))
		if len(resources) > 0 && slices.ContainsFunc(resources, func(r any) bool { return isPods(text(r)) }) == strings.HasPrefix(field, "excluded") {
			fields = append(fields, field)
		}
	}
	return fields
}

// isPods knows pods by the names that Velero's discovery takes for them.
func isPods(resource string) bool {
	return slices.Contains([]string{"pods", "pod", "po", "*"}, strings.ToLower(resource))
}

func backupsFindPods(s *world) (found []Finding) {
	for _, o := range s.backups() {
		if len(s.covered(o)) == 0 {
			found = append(found, Finding{Object: o, Path: path("spec.template.labelSelector"), Says: fmt.Sprintf("finds no workload in %s: %s",
				strings.Join(namespacesOf(o), ", "), showLabels(texts(o.get("spec.template.labelSelector.matchLabels"))))})
		}
	}
	return found
}

// leftOut on an object keeps it out of every backup.
const leftOut = "velero.io/exclude-from-backup"

// covered are the workloads whose pods are in a Schedule's backups.
func (s *world) covered(o Object) []workload {
	selectors := list(o.get("spec.template.orLabelSelectors"))
	if one := o.get("spec.template.labelSelector"); one != nil || len(selectors) == 0 {
		selectors = []any{one} // Velero refuses both
	}
	excluded := list(o.get("spec.template.excludedNamespaces"))
	return keep(s.in(namespacesOf(o)), func(w workload) bool {
		return w.pods[leftOut] != "true" && !slices.ContainsFunc(excluded, func(n any) bool { return text(n) == w.Namespace() }) &&
			slices.ContainsFunc(selectors, func(selector any) bool { return selects(selector, w.pods) })
	})
}

func namespacesAreNamed(s *world) (found []Finding) {
	for _, o := range s.backups() {
		if len(namespacesOf(o)) == 0 {
			found = append(found, Finding{Object: o, Path: path("spec.template.includedNamespaces"), Says: "names none, which means all"})
		}
	}
	return found
}

// databases are images by what dumps them.
var databases = []struct {
	name  string
	image *regexp.Regexp
	dump  []string // programs, any of which does it
}{
	{"PostgreSQL", regexp.MustCompile(`(^|/)(postgres|postgresql)([:@-]|$)`), []string{"pg_dump", "pg_dumpall", "pg_basebackup", "pgbackrest", "wal-g"}},
	{"MySQL", regexp.MustCompile(`(^|/)(mysql|mariadb)([:@-]|$)`), []string{"mysqldump", "mariadb-dump", "mysqlsh", "xtrabackup", "mariabackup"}},
	{"MongoDB", regexp.MustCompile(`(^|/)(mongo|mongodb)([:@-]|$)`), []string{"mongodump"}},
}

// database of a workload, by its images; -1: none that is known.
func database(w workload) int {
	for _, c := range w.containers() {
		for i, d := range databases {
			if d.image.MatchString(text(c["image"])) {
				return i
			}
		}
	}
	return -1
}

func databasesAreDumped(s *world) (found []Finding) {
	for _, o := range s.backups() {
		for _, w := range s.covered(o) {
			is := database(w)
			if is < 0 {
				continue
			}
			var idle []string
			dumped := false
			for _, h := range s.hooks() {
				if key(h.schedule) != key(o) || !holds(h.pods, w) {
					continue
				}
				for _, r := range h.runs {
					if !strings.Contains(r.at, ".pre.") {
						continue
					}
					if dumped = dumped || dumps(r.command); !dumps(r.command) {
						idle = append(idle, r.command)
					}
				}
			}
			if dumped {
				continue
			}
			f := Finding{Object: o, Path: path("spec.template.hooks.resources"), Says: fmt.Sprintf("no pre hook runs in the pods of %s, which are a %s", w, databases[is].name)}
			if len(idle) > 0 {
				f.Says = fmt.Sprintf("the pre hooks in the pods of %s, which are a %s, dump nothing: %q. Want one of %s, or a script of your own by its path", w, databases[is].name,
					strings.Join(idle, "; "), strings.Join(databases[is].dump, ", "))
			}
			found = append(found, f)
		}
	}
	return found
}

// dumps says whether a command may dump a database: it names a program that does (whether it is the right one is BAK-12's), or it is a
// script by its path, which is not looked into.
func dumps(command string) bool {
	for _, d := range databases {
		if slices.ContainsFunc(words(command), func(w string) bool { return slices.Contains(d.dump, w) }) {
			return true
		}
	}
	return slices.ContainsFunc(strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(";&|\n", r) }), isScript)
}

// wrappers are programs that run another.
var wrappers = []string{"sh", "bash", "ash", "dash", "env", "exec", "timeout", "nice", "ionice", "sudo", "gosu", "su-exec"}

// isScript says whether one command of a line runs a program by a path that no distribution puts its own at.
func isScript(command string) bool {
	for _, word := range strings.Fields(command) {
		word = strings.Trim(word, `"'()`)
		_, err := time.ParseDuration(strings.TrimSuffix(word, "s") + "s") // what timeout is given
		if slices.Contains(wrappers, filepath.Base(word)) || strings.HasPrefix(word, "-") || strings.Contains(word, "=") || err == nil {
			continue // what it runs comes later
		}
		return strings.Contains(word, "/") && !slices.Contains([]string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}, filepath.Dir(word))
	}
	return false
}

// words of a command, and of a script in it.
func words(command string) []string {
	return strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()/'\"`$<>=", r) })
}

func dumpsFit(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		for _, w := range h.pods {
			own := database(w)
			for _, r := range h.runs {
				for i, d := range databases {
					tool := slices.IndexFunc(d.dump, func(p string) bool {
						return slices.Contains(words(r.command), p)
					})
					if own >= 0 && i != own && tool >= 0 {
						found = append(found, Finding{Object: h.schedule, Path: path(r.at + ".command"), Says: fmt.Sprintf("runs %s, and the pods of %s are a %s: %s",
							d.dump[tool], w, databases[own].name, strings.Join(databases[own].dump, ", "))})
					}
				}
			}
		}
	}
	return found
}

func backupsRun(s *world) (found []Finding) {
	for _, o := range s.backups() {
		if o.get("spec.paused") == true {
			at := path("spec.paused")
			found = append(found, Finding{Object: o, Path: at, Says: "is paused", Fix: []Edit{{at, nil}}})
		}
	}
	return found
}

func volumesExist(s *world) (found []Finding) {
	for _, w := range s.workloads() {
		named := texts(w.get(w.at("metadata.annotations")))[backupVolumes]
		if named == "" {
			continue
		}
		var have []string
		for _, v := range list(get(w.pod(), "volumes")) {
			have = append(have, text(get(v, "name")))
		}
		for _, c := range list(w.get("spec.volumeClaimTemplates")) {
			have = append(have, text(get(c, "metadata.name")))
		}
		for volume := range strings.SplitSeq(named, ",") {
			if !slices.Contains(have, strings.TrimSpace(volume)) {
				found = append(found, Finding{Object: w.Object, Path: path(w.at("metadata.annotations"), backupVolumes), Says: fmt.Sprintf("names %q, and its pods have %s",
					strings.TrimSpace(volume), strings.Join(have, ", "))})
			}
		}
	}
	return found
}
