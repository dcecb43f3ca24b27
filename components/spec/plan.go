package spec

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opex-project/opex/internal/crons"
	"github.com/opex-project/opex/internal/problem"
)

// Plan describes how a service is backed up, and what that must achieve.
type Plan struct {
	// Why this service is not backed up, in words: its criteria of backup are then not applicable, for this reason.
	// Empty: it is.
	Waived string `json:"waived"`
	// When, in UTC: minute, hour, day of month, month, day of week.
	Schedule string `json:"schedule"`
	// How long a backup is kept.
	TTL Duration `json:"ttl"`
	// Recovery point objective: no more than this is lost. The schedule must keep to it.
	RPO Duration `json:"rpo"`
	// Recovery time objective: from the decision to restore to the first correct answer.
	RTO Duration `json:"rto"`
	// A restore must have been tried within this time.
	DrillAge Duration `json:"drillAge"`
	// How a drill puts a known record into the service, to find it again in the restored one. Left out: it waits for
	// readyPath only.
	Sentinel *Sentinel `json:"sentinel"`
	// The rest is about the database.
	// What the database is expected to grow to. Timeouts and the estimate of a restore follow from it.
	ExpectedSize Quantity `json:"expectedSize"`
	// Bytes of database dumped per second, as measured: a drill prints it.
	DumpPerSecond Quantity `json:"dumpPerSecond"`
	// Bytes of database loaded per second, as measured: a drill prints it.
	LoadPerSecond Quantity `json:"loadPerSecond"`
}

// Sentinel describes a record that is made over HTTP.
type Sentinel struct {
	// HTTP path to post to. The answer is 201 with a header Location, where the record can be read and deleted.
	Path string `json:"path" config:"required"`
	// What to post: JSON.
	Body string `json:"body" config:"required"`
}

// Duration is a Go duration as it is written, such as 30m or 720h.
type Duration string

// value is the duration, or 0 for what is none.
func (d Duration) Value() time.Duration {
	parsed, _ := time.ParseDuration(string(d))
	return parsed
}

func checkDuration(found *problem.List, path string, d Duration) {
	if d.Value() <= 0 {
		found.Add(path, "is %q, want a duration such as 30m or 720h", d)
	}
}

func (s Sentinel) problems() problem.List {
	var found problem.List
	checkPath(&found, "path", s.Path)
	if !json.Valid([]byte(s.Body)) {
		found.Add("body", "is no JSON: %s", s.Body)
	}
	return found
}

// SetDefaults fills what is unset.
func (p *Plan) SetDefaults() {
	setDefault(&p.Schedule, "0 2 * * *")
	setDefault(&p.TTL, "720h")
	setDefault(&p.RPO, "24h")
	setDefault(&p.RTO, "30m")
	setDefault(&p.DrillAge, "168h")
	setDefault(&p.ExpectedSize, "1Gi")
	// scripts/bench-recovery measured 11 MB/s and 5 to 6 MB/s on the sandbox, at half a core. A drill prints a
	// database's own.
	setDefault(&p.DumpPerSecond, "8Mi")
	setDefault(&p.LoadPerSecond, "4Mi")
}

// restoreOverhead is what a restore takes beside the database: Velero's own steps, pods, readiness.
const restoreOverhead = 2 * time.Minute

// hookSlack is what a dump may take longer than expected before it is ended.
const hookSlack = 3

// dumpTimeout is when the dump is ended, by itself.
func (p Plan) DumpTimeout() time.Duration {
	return max(time.Minute, hookSlack*seconds(p.ExpectedSize, p.DumpPerSecond))
}

// loadTimeout is when the load is ended, by itself.
func (p Plan) LoadTimeout() time.Duration {
	return max(5*time.Minute, hookSlack*seconds(p.ExpectedSize, p.LoadPerSecond))
}

// restoreEstimate is about how long a restore takes.
func (p Plan) restoreEstimate() time.Duration {
	return restoreOverhead + seconds(p.ExpectedSize, p.LoadPerSecond)
}

// seconds is how long a size takes at a rate, in whole seconds.
func seconds(size, perSecond Quantity) time.Duration {
	return time.Duration(math.Ceil(Bytes(size)/Bytes(perSecond))) * time.Second
}

func Bytes(q Quantity) float64 {
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
func (p Plan) problems(database *Database) problem.List {
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
	// a leap year, and the same at every preview
	p.checkObjectives(&found, crons.LongestGap(times, time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)))
	if database != nil {
		p.checkDump(&found, *database)
	}
	return found
}

func (p Plan) checkObjectives(found *problem.List, gap time.Duration) {
	if rpo := p.RPO.Value(); gap > rpo {
		if better := cheapestSchedule(rpo); better != "" {
			found.Add(
				"schedule",
				"%q leaves up to %s between two backups, and rpo allows to lose %s; the cheapest that keeps to it is %q",
				p.Schedule, gap, p.RPO, better,
			)
		} else {
			found.Add("rpo", "is %s, which backups cannot keep to; the shortest is 5m. Less takes a replica or log shipping", p.RPO)
		}
	}
	if ttl := p.TTL.Value(); ttl < 2*gap {
		found.Add(
			"ttl", "is %s, and backups are up to %s apart: want %s or more, so that a failed one leaves another", p.TTL,
			gap, 2*gap,
		)
	}
	if estimate := p.restoreEstimate(); estimate > p.RTO.Value() {
		found.Add(
			"rto",
			"is %s, and a restore of %s takes about %s at loadPerSecond %s; set rto to that, expect less, or measure a faster load with `opex drill`",
			p.RTO, p.ExpectedSize, estimate, p.LoadPerSecond,
		)
	}
}

// maxLabelLength is Kubernetes' limit of a label's value.
const maxLabelLength = 63

// ServiceProblems returns what backups into this vault refuse of a service, by the service's keys.
func (v Vault) ServiceProblems(s Service, namespace string) problem.List {
	var found problem.List
	if !v.Enabled || s.Backup.Waived != "" {
		return found
	}
	if name := s.ScheduleName(namespace); len(name) > maxLabelLength {
		found.Add(
			"name", "makes the Velero Schedule %q of %d characters; Velero writes it into a label, which takes %d",
			name, len(name), maxLabelLength,
		)
	}
	if v.ObjectLock != nil {
		if locked := time.Duration(v.ObjectLock.Days) * 24 * time.Hour; s.Backup.TTL.Value() > 0 &&
			locked > s.Backup.TTL.Value() {
			found.Add(
				"backup.ttl",
				"is %s, and opex:backup.objectLock keeps each object for %d days: an expired backup could not be deleted, and Velero would try for ever. Want ttl %s or more, or fewer days",
				s.Backup.TTL, v.ObjectLock.Days, locked,
			)
		}
	}
	return found
}

// checkDump looks at what a dump needs of the database.
func (p Plan) checkDump(found *problem.List, d Database) {
	if Bytes(d.DumpSize) < Bytes(p.ExpectedSize) {
		found.Add(
			"expectedSize",
			"is %s, and the dump volume has %s: the first dump asks for as much room as the database; want database.dumpSize %s",
			p.ExpectedSize, d.DumpSize, p.ExpectedSize,
		)
	}
	if Bytes(d.DataSize) < Bytes(p.ExpectedSize) {
		found.Add("expectedSize", "is %s, and database.dataSize is %s", p.ExpectedSize, d.DataSize)
	}
	if gap := p.DumpTimeout(); gap > p.RPO.Value()/2 {
		found.Add(
			"dumpPerSecond",
			"%s of database at %s per second may take %s, half of rpo %s or more: the next backup would be late",
			p.ExpectedSize, p.DumpPerSecond, gap, p.RPO,
		)
	}
}
