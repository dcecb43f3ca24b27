package spec

import (
	"encoding/json"
	"time"

	"github.com/opex-project/opex/internal/crons"
	"github.com/opex-project/opex/internal/problem"
)

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
