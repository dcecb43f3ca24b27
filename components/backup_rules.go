package components

import (
	"fmt"
	"strconv"
	"time"
)

// BackupWatch is a service's backups, as alerts and the dashboard look at them.
type BackupWatch struct {
	Service  string
	Schedule string // Velero Schedule
	RPO      time.Duration
	RTO      time.Duration
	DrillAge time.Duration
}

// WatchOf returns what to look at for a service, or nothing where it is not backed up.
func WatchOf(spec ServiceSpec, namespace string) []BackupWatch {
	if spec.Backup.Waived != "" {
		return nil
	}
	return []BackupWatch{{
		Service: spec.Name, Schedule: scheduleName(spec, namespace),
		RPO: spec.Backup.RPO.value(), RTO: spec.Backup.RTO.value(), DrillAge: spec.Backup.DrillAge.value(),
	}}
}

func secondsOf(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// The queries are of Velero's own metrics (v1.18.3, pkg/metrics/metrics.go).

// backupAgeQuery is the age of the newest good backup, in seconds.
func (w BackupWatch) backupAgeQuery() string {
	return fmt.Sprintf(`time() - max(velero_backup_last_successful_timestamp{schedule=%q})`, w.Schedule)
}

// drillsQuery is how many restores of these backups succeeded within the time that a drill may be old.
func (w BackupWatch) drillsQuery() string {
	return fmt.Sprintf(`sum(increase(velero_restore_success_total{schedule=%q}[%ss]))`, w.Schedule, secondsOf(w.DrillAge))
}

const locationQuery = `min(velero_backup_location_status_gauge{backup_location_name="` + storageLocationName + `"})`

func backupRules(watches []BackupWatch) []ruleGroup {
	if len(watches) == 0 {
		return nil
	}
	job := VeleroScrape().job()
	rules := []rule{
		alert("VeleroDown", fmt.Sprintf(`up{job=%q} == 0 or absent(up{job=%q})`, job, job), "10m",
			"Velero gives no metrics: nothing is backed up",
			"kubectl --namespace "+veleroNamespace+" describe pods; opex verify --only SC-004"),
		alert("BackupBucketUnreachable", locationQuery+` < 1`, "5m",
			"Velero cannot use its bucket: nothing is backed up, and nothing could be restored",
			"kubectl --namespace "+veleroNamespace+" get backupstoragelocation "+storageLocationName+" --output=yaml"),
	}
	for _, w := range watches {
		own := []rule{
			alert("BackupTooOld", fmt.Sprintf(`%s > %s`, w.backupAgeQuery(), secondsOf(w.RPO)), "10m",
				fmt.Sprintf("the newest good backup of %s is older than its RPO of %s", w.Service, w.RPO),
				"opex verify --only SC-004,SC-006 --service "+w.Service),
			// A new schedule waits for its first time.
			alert("BackupMissing", fmt.Sprintf(`absent(velero_backup_last_successful_timestamp{schedule=%q})`, w.Schedule), secondsOf(w.RPO)+"s",
				fmt.Sprintf("%s has had no good backup for its RPO of %s", w.Service, w.RPO),
				"opex verify --only SC-004,SC-006 --service "+w.Service),
			alert("BackupFailed", fmt.Sprintf(`min(velero_backup_last_status{schedule=%q}) < 1`, w.Schedule), "1m",
				fmt.Sprintf("the newest backup of %s failed, or one of its hooks did", w.Service),
				"opex verify --only SC-006 --service "+w.Service),
			alert("RestoreNotTried", fmt.Sprintf(`(%s or vector(0)) < 1`, w.drillsQuery()), "1d",
				fmt.Sprintf("no backup of %s was restored for %s: nobody knows whether it can be", w.Service, w.DrillAge),
				"opex drill --service "+w.Service),
		}
		for i := range own {
			own[i].Labels["service"] = w.Service // tells the rules of several services apart
		}
		rules = append(rules, own...)
	}
	return []ruleGroup{{Name: "opex-backup-alerts", Rules: rules}}
}
