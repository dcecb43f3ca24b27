package review

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/opex-project/opex/internal/crons"
)

const hooksPage = "https://velero.io/docs/main/backup-hooks/"

var backupRules = []Rule{
	{ID: "BAK-01", Title: "A backup's schedule is a cron expression", Criteria: []string{"SC-004"}, Severity: Error,
		Source: "Velero, pkg/controller/schedule_controller.go", Why: "Velero fails the validation of a wrong one and never runs it.", check: cronsParse},
	{
		ID:       "BAK-02",
		Title:    "Backups are as frequent as the RPO",
		Criteria: []string{"SC-004"},
		Severity: Error,
		relates:  true,
		Source:   "docs/recovery.md",
		Why:      "The longest time between two backups is the most that can be lost.",
		check:    frequentEnough,
	},
	{ID: "BAK-03", Title: "A backup is kept until two more exist", Criteria: []string{"SC-005"}, Severity: Error,
		Source: "Velero, pkg/controller/backup_controller.go", Why: "Otherwise one failed backup leaves none.", check: keptLongEnough},
	{ID: "BAK-04", Title: "A hook's selector finds pods", Criteria: []string{"SC-006"}, Severity: Error, relates: true,
		Source: "Velero, internal/hook/item_hook_handler.go", Why: "A hook that finds no pods does not run, and Velero calls the backup complete.",
		check: hooksFindPods},
	{
		ID:       "BAK-05",
		Title:    "The pods of a hook have its container",
		Criteria: []string{"SC-006"},
		Severity: Error,
		relates:  true,
		Source:   "Velero, pkg/podexec/pod_command_executor.go",
		Why:      "Without that container the hook fails; without a name Velero takes the pod's first one.",
		check:    hooksFindContainers,
	},
	{ID: "BAK-06", Title: "A failed hook fails its backup", Criteria: []string{"SC-006"}, Severity: Error,
		Source: "Velero, internal/hook/item_hook_handler.go: HandleHooks", Why: "Velero drops a pod from the backup only where onError is Fail. With Continue, " +
			"without onError, and where the command hides the failure, it saves the volume without a new dump.", check: hooksFail},
	{ID: "BAK-07", Title: "A hook has its own timeout", Severity: Warning,
		Source: "Velero, pkg/podexec/pod_command_executor.go", Why: "Velero's default is 30 s, which a growing database exceeds one night.", check: hooksHaveTime},
	{ID: "BAK-08", Title: "The backup includes pods", Criteria: []string{"SC-006"}, Severity: Error, relates: true,
		Source: hooksPage, Why: "Hooks and file-system backups belong to pods: without pods none is made, and Velero calls the backup complete.", check: podsAreIn},
	{
		ID:       "BAK-09",
		Title:    "A backup's selector finds something",
		Criteria: []string{"SC-004"},
		Severity: Error,
		relates:  true,
		Source:   "https://velero.io/docs/main/resource-filtering/",
		Why:      "Velero calls a backup of nothing complete.",
		check:    backupsFindPods,
	},
	{ID: "BAK-10", Title: "A backup names its namespaces", Severity: Warning,
		Source: "https://velero.io/docs/main/resource-filtering/", Why: "A restore of all namespaces brings back other people's services as well.",
		check: namespacesAreNamed},
	{
		ID:       "BAK-11",
		Title:    "A hook dumps each database that is backed up",
		Criteria: []string{"SC-006"},
		Severity: Error,
		relates:  true,
		Source:   "https://www.postgresql.org/docs/current/backup-file.html",
		Why:      "A running database whose files are copied one after another may not start again.",
		check:    databasesAreDumped,
	},
	{
		ID:       "BAK-12",
		Title:    "A hook dumps with the database's own program",
		Criteria: []string{"SC-006"},
		Severity: Error,
		relates:  true,
		Source:   "https://github.com/MariaDB/mariadb-docker/issues/519",
		Why:      "The container does not have the program, so the hook fails each night.",
		check:    dumpsFit,
	},
	{ID: "BAK-13", Title: "A Schedule is not paused", Criteria: []string{"SC-004"}, Severity: Error,
		Source: "Velero, pkg/controller/schedule_controller.go", Why: "It makes no backups, and nothing else says so.", check: backupsRun},
	{
		ID:       "BAK-15",
		Title:    "Restore hooks end within the RTO",
		Criteria: []string{"SC-007"},
		Severity: Error,
		relates:  true,
		Source:   "https://velero.io/docs/main/restore-hooks/",
		Why:      "Without a timeout Velero waits for ever. A limit far above the RTO was never compared with it.",
		check:    restoresEnd,
	},
	{ID: "BAK-16", Title: "Velero accepts the backup", Criteria: []string{"SC-004"}, Severity: Error,
		Source: "Velero, pkg/controller/backup_controller.go: prepareBackupRequest", Why: "A backup that fails validation is never made.", check: backupsAreTaken},
}

const (
	velero = "velero.io"
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

func cronsParse(s *world) (found []Finding) {
	for _, p := range s.schedules() {
		if _, err := crons.Parse(text(p.get("spec.schedule"))); err != nil {
			found = append(
				found,
				Finding{
					Object: p.Object,
					Path:   path("spec.schedule"),
					Says:   fmt.Sprintf("is %q: %v", text(p.get("spec.schedule")), err),
				},
			)
		}
	}
	return found
}

func backupsAreTaken(s *world) (found []Finding) {
	for _, p := range s.plans {
		fields, says := p.refusals()
		for i := range fields {
			found = append(found, Finding{Object: p.Object, Path: p.field(fields[i]), Says: says[i]})
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
	return Finding{Object: o, Path: path("metadata.annotations", annotation),
		Says: fmt.Sprintf("%q is no duration such as 24h", o.annotations()[annotation])}
}

func frequentEnough(s *world) (found []Finding) {
	for _, p := range s.schedules() {
		rpo, is := objective(p.Object, AnnotationRPO, defaultRPO)
		longest := s.gap(p)
		switch {
		case !is:
			found = append(found, noDurationAt(p.Object, AnnotationRPO))
		case longest > rpo && !slices.ContainsFunc(p.beside, func(q *plan) bool { return s.gap(q) <= rpo }):
			found = append(
				found,
				Finding{
					Object: p.Object,
					Path:   path("spec.schedule"),
					Says: fmt.Sprintf("%q leaves %s between two backups, and %s allows %s",
						text(p.get("spec.schedule")), span(longest), AnnotationRPO, span(rpo)),
				},
			)
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
	for _, p := range s.plans {
		value := get(p.spec, "ttl")
		at, is := value.(string)
		if value != nil && !is {
			continue // TYP-01 says that it is no text
		}
		ttl, err := time.ParseDuration(at)
		if at == "" || err == nil && ttl == 0 { // Velero takes 0 for unset
			ttl, err = defaultTTL, nil
		}
		longest := time.Duration(0)
		if p.Kind() == "Schedule" {
			longest = s.gap(p)
		}
		switch {
		case err != nil:
			found = append(
				found,
				Finding{
					Object: p.Object,
					Path:   p.field("ttl"),
					Says:   fmt.Sprintf("%q is no duration such as 720h", at),
				},
			)
		case longest > 0 && ttl/2 < longest:
			found = append(found, Finding{Object: p.Object, Path: p.field("ttl"),
				Says: fmt.Sprintf(
					"is %s, and backups are up to %s apart: want twice that or more", span(ttl), span(longest),
				)})
		}
	}
	return found
}

func podsAreIn(s *world) (found []Finding) {
	for _, p := range s.plans {
		if p.Kind() == "Schedule" && len(p.beside) > 0 {
			continue // the pods are in another Schedule's backups
		}
		for _, field := range leavingPodsOut(p.spec) {
			at := p.field(field)
			resources := list(get(p.spec, field))
			if strings.HasPrefix(field, "included") {
				found = append(
					found,
					Finding{
						Object: p.Object,
						Path:   at,
						Says:   "has no pods",
						Fix:    []Edit{{at, append(slices.Clone(resources), "pods")}},
					},
				)
				continue
			}
			var rest any
			if others := slices.DeleteFunc(slices.Clone(resources), func(r any) bool { return isPods(text(r)) }); len(
				others,
			) > 0 {
				rest = others
			}
			found = append(found, Finding{Object: p.Object, Path: at, Says: "leaves pods out", Fix: []Edit{{at, rest}}})
		}
	}
	return found
}

func backupsFindPods(s *world) (found []Finding) {
	for _, p := range s.plans {
		if len(p.covered) == 0 {
			f := Finding{Object: p.Object, Path: p.field("labelSelector"), unless: s.unknownIn(s.knownIn(p.spec))}
			f.Says = "finds no workload in " + sought(namespacesOf(p.spec), get(p.spec, "labelSelector"))
			if out := textList(get(p.spec, "excludedNamespaces")); len(out) > 0 {
				f.Says += "; it excludes " + strings.Join(out, ", ")
			}
			found = append(found, f)
		}
	}
	return found
}

func namespacesAreNamed(s *world) (found []Finding) {
	for _, p := range s.plans {
		if len(namespacesOf(p.spec)) == 0 {
			found = append(
				found,
				Finding{Object: p.Object, Path: p.field("includedNamespaces"), Says: "names none, which means all"},
			)
		}
	}
	return found
}

func backupsRun(s *world) (found []Finding) {
	for _, p := range s.schedules() {
		if p.get("spec.paused") == true {
			at := path("spec.paused")
			found = append(found, Finding{Object: p.Object, Path: at, Says: "is paused", Fix: []Edit{{at, nil}}})
		}
	}
	return found
}
