package review

import (
	"fmt"
	"math"
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
			found = append(found, Finding{Object: o, Path: path("spec.template.labelSelector"), Says: "finds no workload in " + sought(namespacesOf(o), o.get("spec.template.labelSelector"))})
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
