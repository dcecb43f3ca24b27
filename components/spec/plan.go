package spec

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
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
