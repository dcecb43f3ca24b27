package backup

import (
	"fmt"
	"strconv"
	"time"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// Watch is a service's backups, as alerts and the dashboard look at them.
type Watch struct {
	Service  string
	Schedule string // Velero Schedule
	RPO      time.Duration
	RTO      time.Duration
	DrillAge time.Duration
}

// WatchOf returns what to look at for a service, or nothing where it is not backed up.
func WatchOf(s spec.Service, namespace string) []Watch {
	if s.Backup.Waived != "" {
		return nil
	}
	return []Watch{{
		Service: s.Name, Schedule: s.ScheduleName(namespace),
		RPO: s.Backup.RPO.Value(), RTO: s.Backup.RTO.Value(), DrillAge: s.Backup.DrillAge.Value(),
	}}
}

func secondsOf(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// The queries are of Velero's own metrics (v1.18.3, pkg/metrics/metrics.go).

// backupAgeQuery is the age of the newest good backup, in seconds.
func (w Watch) backupAgeQuery() string {
	return fmt.Sprintf(`time() - max(velero_backup_last_successful_timestamp{schedule=%q})`, w.Schedule)
}

// drillsQuery is how many restores of these backups succeeded within the time that a drill may be old.
func (w Watch) drillsQuery() string {
	return fmt.Sprintf(
		`sum(increase(velero_restore_success_total{schedule=%q}[%ss]))`, w.Schedule, secondsOf(w.DrillAge),
	)
}

const locationQuery = `min(velero_backup_location_status_gauge{backup_location_name="` + storageLocationName + `"})`

// Rules are the alerts on backups; none where nothing is backed up.
func Rules(watches []Watch) []platform.RuleGroup {
	if len(watches) == 0 {
		return nil
	}
	job := Scrape().Job()
	rules := []platform.Rule{
		platform.Alert("VeleroDown", fmt.Sprintf(`up{job=%q} == 0 or absent(up{job=%q})`, job, job), "10m",
			"Velero gives no metrics: nothing is backed up",
			"kubectl --namespace "+Namespace+" describe pods; opex verify --only SC-004"),
		platform.Alert("BackupBucketUnreachable", locationQuery+` < 1`, "5m",
			"Velero cannot use its bucket: nothing is backed up, and nothing could be restored",
			"kubectl --namespace "+Namespace+" get backupstoragelocation "+storageLocationName+" --output=yaml"),
	}
	for _, w := range watches {
		own := []platform.Rule{
			platform.Alert("BackupTooOld", fmt.Sprintf(`%s > %s`, w.backupAgeQuery(), secondsOf(w.RPO)), "10m",
				fmt.Sprintf("the newest good backup of %s is older than its RPO of %s", w.Service, w.RPO),
				"opex verify --only SC-004,SC-006 --service "+w.Service),
			// A new schedule waits for its first time.
			platform.Alert(
				"BackupMissing",
				fmt.Sprintf(`absent(velero_backup_last_successful_timestamp{schedule=%q})`, w.Schedule),
				secondsOf(w.RPO)+"s", fmt.Sprintf("%s has had no good backup for its RPO of %s", w.Service, w.RPO),
				"opex verify --only SC-004,SC-006 --service "+w.Service,
			),
			platform.Alert(
				"BackupFailed", fmt.Sprintf(`min(velero_backup_last_status{schedule=%q}) < 1`, w.Schedule), "1m",
				fmt.Sprintf("the newest backup of %s failed, or one of its hooks did", w.Service),
				"opex verify --only SC-006 --service "+w.Service,
			),
			platform.Alert(
				"RestoreNotTried",
				fmt.Sprintf(`(%s or vector(0)) < 1`, w.drillsQuery()),
				"1d",
				fmt.Sprintf(
					"no backup of %s was restored for %s: nobody knows whether it can be", w.Service, w.DrillAge,
				),
				"opex drill --service "+w.Service,
			),
		}
		for i := range own {
			own[i].Labels["service"] = w.Service // tells the rules of several services apart
		}
		rules = append(rules, own...)
	}
	return []platform.RuleGroup{{Name: "opex-backup-alerts", Rules: rules}}
}
