package components

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opex-project/opex/internal/crons"
	"github.com/opex-project/opex/internal/problem"
)

// PlanSpec describes how a service is backed up, and what that must achieve.
type PlanSpec struct {
	Waived   string        `config:"waived" doc:"Why this service is not backed up, in words: its criteria of backup are then not applicable, for this reason. Empty: it is."`
	Schedule string        `config:"schedule" doc:"When, in UTC: minute, hour, day of month, month, day of week."`
	TTL      Duration      `config:"ttl" doc:"How long a backup is kept."`
	RPO      Duration      `config:"rpo" doc:"Recovery point objective: no more than this is lost. The schedule must keep to it."`
	RTO      Duration      `config:"rto" doc:"Recovery time objective: from the decision to restore to the first correct answer."`
	DrillAge Duration      `config:"drillAge" doc:"A restore must have been tried within this time."`
	Sentinel *SentinelSpec `config:"sentinel" doc:"How a drill puts a known record into the service, to find it again in the restored one. Left out: it waits for readyPath only."`
	// The rest is about the database.
	ExpectedSize  Quantity `config:"expectedSize" doc:"What the database is expected to grow to. Timeouts and the estimate of a restore follow from it."`
	DumpPerSecond Quantity `config:"dumpPerSecond" doc:"Bytes of database dumped per second, as measured: a drill prints it."`
	LoadPerSecond Quantity `config:"loadPerSecond" doc:"Bytes of database loaded per second, as measured: a drill prints it."`
}

// SentinelSpec describes a record that is made over HTTP.
type SentinelSpec struct {
	Path string `config:"path,required" doc:"HTTP path to post to. The answer is 201 with a header Location, where the record can be read and deleted."`
	Body string `config:"body,required" doc:"What to post: JSON."`
}

// Duration is a Go duration as it is written, such as 30m or 720h.
type Duration string

// value is the duration, or 0 for what is none.
func (d Duration) value() time.Duration {
	parsed, _ := time.ParseDuration(string(d))
	return parsed
}

func checkDuration(found *problem.List, path string, d Duration) {
	if d.value() <= 0 {
		found.Add(path, "is %q, want a duration such as 30m or 720h", d)
	}
}

func (s SentinelSpec) problems() problem.List {
	var found problem.List
	checkPath(&found, "path", s.Path)
	if !json.Valid([]byte(s.Body)) {
		found.Add("body", "is no JSON: %s", s.Body)
	}
	return found
}

// SetDefaults fills what is unset.
func (p *PlanSpec) SetDefaults() {
	setDefault(&p.Schedule, "0 2 * * *")
	setDefault(&p.TTL, "720h")
	setDefault(&p.RPO, "24h")
	setDefault(&p.RTO, "30m")
	setDefault(&p.DrillAge, "168h")
	setDefault(&p.ExpectedSize, "1Gi")
	// scripts/bench-recovery measured 11 MB/s and 5 to 6 MB/s on the sandbox, at half a core. A drill prints a database's own.
	setDefault(&p.DumpPerSecond, "8Mi")
	setDefault(&p.LoadPerSecond, "4Mi")
}

// restoreOverhead is what a restore takes beside the database: Velero's own steps, pods, readiness.
const restoreOverhead = 2 * time.Minute

// hookSlack is what a dump may take longer than expected before it is ended.
const hookSlack = 3

// dumpTimeout is when the dump is ended, by itself.
func (p PlanSpec) dumpTimeout() time.Duration {
	return max(time.Minute, hookSlack*seconds(p.ExpectedSize, p.DumpPerSecond))
}

// loadTimeout is when the load is ended, by itself.
func (p PlanSpec) loadTimeout() time.Duration {
	return max(5*time.Minute, hookSlack*seconds(p.ExpectedSize, p.LoadPerSecond))
}

// restoreEstimate is about how long a restore takes.
func (p PlanSpec) restoreEstimate() time.Duration {
	return restoreOverhead + seconds(p.ExpectedSize, p.LoadPerSecond)
}

// seconds is how long a size takes at a rate, in whole seconds.
func seconds(size, perSecond Quantity) time.Duration {
	return time.Duration(math.Ceil(bytes(size)/bytes(perSecond))) * time.Second
}

func bytes(q Quantity) float64 {
	parsed, err := resource.ParseQuantity(string(q))
	if err != nil {
		return math.NaN()
	}
	return parsed.AsApproximateFloat64()
}

// cheapestSchedule is the one with the fewest backups a day that keeps to a recovery point objective.
func cheapestSchedule(rpo time.Duration) string {
	switch {
	case rpo >= 24*time.Hour:
		return "0 2 * * *"
	case rpo >= time.Hour:
		for _, hours := range []int{12, 8, 6, 4, 3, 2, 1} {
			if time.Duration(hours)*time.Hour <= rpo {
				return fmt.Sprintf("0 */%d * * *", hours)
			}
		}
	}
	for _, minutes := range []int{30, 20, 15, 10, 5} {
		if time.Duration(minutes)*time.Minute <= rpo {
			return fmt.Sprintf("*/%d * * * *", minutes)
		}
	}
	return ""
}

// problems returns all that is wrong or cannot hold, by the config's keys. database is nil for a service without one.
func (p PlanSpec) problems(database *DatabaseSpec) problem.List {
	var found problem.List
	if p.Waived != "" {
		return found
	}
	checkDuration(&found, "ttl", p.TTL)
	checkDuration(&found, "rpo", p.RPO)
	checkDuration(&found, "rto", p.RTO)
	checkDuration(&found, "drillAge", p.DrillAge)
	if p.Sentinel != nil {
		found.AddAll("sentinel.", p.Sentinel.problems())
	}
	checkQuantity(&found, "expectedSize", p.ExpectedSize)
	checkQuantity(&found, "dumpPerSecond", p.DumpPerSecond)
	checkQuantity(&found, "loadPerSecond", p.LoadPerSecond)
	times, err := crons.Parse(p.Schedule)
	if err != nil {
		found.Add("schedule", "%q is no cron expression of five fields: %v", p.Schedule, err)
	}
	if !found.Empty() {
		return found
	}
	p.checkObjectives(&found, crons.LongestGap(times, time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))) // a leap year, and the same at every preview
	if database != nil {
		p.checkDump(&found, *database)
	}
	return found
}

func (p PlanSpec) checkObjectives(found *problem.List, gap time.Duration) {
	if rpo := p.RPO.value(); gap > rpo {
		if better := cheapestSchedule(rpo); better != "" {
			found.Add("schedule", "%q leaves up to %s between two backups, and rpo allows to lose %s; the cheapest that keeps to it is %q",
				p.Schedule, gap, p.RPO, better)
		} else {
			found.Add("rpo", "is %s, which backups cannot keep to; the shortest is 5m. Less takes a replica or log shipping", p.RPO)
		}
	}
	if ttl := p.TTL.value(); ttl < 2*gap {
		found.Add("ttl", "is %s, and backups are up to %s apart: want %s or more, so that a failed one leaves another", p.TTL, gap, 2*gap)
	}
	if estimate := p.restoreEstimate(); estimate > p.RTO.value() {
		found.Add("rto", "is %s, and a restore of %s takes about %s at loadPerSecond %s; set rto to that, expect less, or measure a faster load with `opex drill`",
			p.RTO, p.ExpectedSize, estimate, p.LoadPerSecond)
	}
}

// maxLabelLength is Kubernetes' limit of a label's value.
const maxLabelLength = 63

// ServiceProblems returns what backups into this vault refuse of a service, by the service's keys.
func (v VaultSpec) ServiceProblems(s ServiceSpec, namespace string) problem.List {
	var found problem.List
	if !v.Enabled || s.Backup.Waived != "" {
		return found
	}
	if name := scheduleName(s, namespace); len(name) > maxLabelLength {
		found.Add("name", "makes the Velero Schedule %q of %d characters; Velero writes it into a label, which takes %d", name, len(name), maxLabelLength)
	}
	if v.ObjectLock != nil {
		if locked := time.Duration(v.ObjectLock.Days) * 24 * time.Hour; s.Backup.TTL.value() > 0 && locked > s.Backup.TTL.value() {
			found.Add("backup.ttl", "is %s, and opex:backup.objectLock keeps each object for %d days: an expired backup could not be deleted, and Velero would try for ever. Want ttl %s or more, or fewer days",
				s.Backup.TTL, v.ObjectLock.Days, locked)
		}
	}
	return found
}

// checkDump looks at what a dump needs of the database.
func (p PlanSpec) checkDump(found *problem.List, d DatabaseSpec) {
	if bytes(d.DumpSize) < bytes(p.ExpectedSize) {
		found.Add("expectedSize", "is %s, and the dump volume has %s: the first dump asks for as much room as the database; want database.dumpSize %s",
			p.ExpectedSize, d.DumpSize, p.ExpectedSize)
	}
	if bytes(d.DataSize) < bytes(p.ExpectedSize) {
		found.Add("expectedSize", "is %s, and database.dataSize is %s", p.ExpectedSize, d.DataSize)
	}
	if gap := p.dumpTimeout(); gap > p.RPO.value()/2 {
		found.Add("dumpPerSecond", "%s of database at %s per second may take %s, half of rpo %s or more: the next backup would be late",
			p.ExpectedSize, p.DumpPerSecond, gap, p.RPO)
	}
}
