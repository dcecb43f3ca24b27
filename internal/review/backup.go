package review

import (
	"fmt"
	"math"
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
	{ID: "BAK-03", Title: "A backup is kept until after the next one", Criteria: []string{"SC-005"},
		Why: "Otherwise there are times without any backup, and one that fails leaves none.", check: keptLongEnough},
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
}

const (
	velero        = "velero.io"
	backupVolumes = "backup.velero.io/backup-volumes"
	// AnnotationRPO on a Schedule is the most that may be lost, as a duration of Go: 24h.
	AnnotationRPO = "opex/rpo"
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

func frequentEnough(s *world) (found []Finding) {
	for _, o := range s.backups() {
		rpo, err := time.ParseDuration(o.annotations()[AnnotationRPO])
		if longest := s.gap(o); err == nil && longest > rpo {
			found = append(found, Finding{Object: o, Path: path("spec.schedule"), Says: fmt.Sprintf("%q leaves %s between two backups, and %s allows %s",
				text(o.get("spec.schedule")), span(longest), AnnotationRPO, span(rpo))})
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
		longest := s.gap(o)
		switch {
		case at == "":
			continue // Velero's own is 720h
		case err != nil:
			found = append(found, Finding{Object: o, Path: path("spec.template.ttl"), Says: fmt.Sprintf("%q is no duration such as 720h", at)})
		case longest > 0 && ttl <= longest:
			found = append(found, Finding{Object: o, Path: path("spec.template.ttl"), Says: fmt.Sprintf("is %s, and the next backup may come after %s", span(ttl), span(longest))})
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
	pods       []workload
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
			h.pods = s.podsOf(h.namespaces, h.selector)
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

func namespacesOf(o Object) []string {
	var all []string
	for _, n := range list(o.get("spec.template.includedNamespaces")) {
		if text(n) != "*" {
			all = append(all, text(n))
		}
	}
	return all
}

func hooksFindPods(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		if len(h.pods) == 0 {
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
		for i, excluded := range list(o.get("spec.template.excludedResources")) {
			if isPods(text(excluded)) {
				found = append(found, Finding{Object: o, Path: path("spec.template.excludedResources", itoa(i)), Says: "leaves pods out"})
			}
		}
		included := list(o.get("spec.template.includedResources"))
		if len(included) > 0 && !slices.ContainsFunc(included, func(r any) bool { return text(r) == "*" || isPods(text(r)) }) {
			at := path("spec.template.includedResources")
			found = append(found, Finding{Object: o, Path: at, Says: "has no pods", Fix: []Edit{{at, append(slices.Clone(included), "pods")}}})
		}
	}
	return found
}

func isPods(resource string) bool {
	return slices.Contains([]string{"pods", "pod", "po"}, strings.ToLower(resource))
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

// covered are the workloads whose pods are in a Schedule's backups.
func (s *world) covered(o Object) []workload {
	return s.podsOf(namespacesOf(o), o.get("spec.template.labelSelector"))
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
	{"PostgreSQL", regexp.MustCompile(`(^|/)(postgres|postgresql)([:@-]|$)`), []string{"pg_dump", "pg_dumpall", "pg_basebackup"}},
	{"MySQL", regexp.MustCompile(`(^|/)(mysql|mariadb)([:@-]|$)`), []string{"mysqldump", "mariadb-dump", "mysqlsh"}},
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
	hooks := s.hooks()
	for _, o := range s.backups() {
		for _, w := range s.covered(o) {
			if database(w) < 0 {
				continue
			}
			dumped := slices.ContainsFunc(hooks, func(h hook) bool {
				return key(h.schedule) == key(o) && slices.ContainsFunc(h.runs, func(r run) bool { return strings.Contains(r.at, ".pre.") }) &&
					slices.ContainsFunc(h.pods, func(p workload) bool { return key(p.Object) == key(w.Object) })
			})
			if !dumped {
				found = append(found, Finding{Object: o, Path: path("spec.template.hooks.resources"), Says: fmt.Sprintf("no pre hook runs in the pods of %s, which are a %s",
					w, databases[database(w)].name)})
			}
		}
	}
	return found
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
		named := texts(get(w.Fields, w.template+".metadata.annotations"))[backupVolumes]
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
				found = append(found, Finding{Object: w.Object, Path: path(w.template+".metadata.annotations", backupVolumes), Says: fmt.Sprintf("names %q, and its pods have %s",
					strings.TrimSpace(volume), strings.Join(have, ", "))})
			}
		}
	}
	return found
}
