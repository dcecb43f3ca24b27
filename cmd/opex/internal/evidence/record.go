// Package evidence is the form of what drills, restores and Game Days found. It knows nothing of where that is kept,
// nor what it is worth.
package evidence

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Schema and Version name the form of a Record. A reader refuses what it does not know.
const (
	Schema  = "opex.dev/recovery"
	Version = 1
)

// Kinds of a Record.
const (
	KindDrill   = "drill"   // into a namespace made for it
	KindRestore = "restore" // into the service's own namespace
)

// Verdicts of a Record.
const (
	Proven = "PROVEN" // the service answered with the backup's data, within the recovery time objective
	Failed = "FAILED" // Reason says why
)

// Record is one drill or one restore. Times are in UTC. What was not reached or does not apply is absent or zero.
type Record struct {
	Schema      string    `json:"schema"`
	Version     int       `json:"version"`
	Kind        string    `json:"kind"`
	Verdict     string    `json:"verdict"`
	Reason      string    `json:"reason,omitempty"` // of a failure
	Service     string    `json:"service"`
	Environment string    `json:"environment"` // staging or production
	ClusterUID  string    `json:"clusterUID"`  // of the kube-system namespace
	Namespace   string    `json:"namespace"`   // of the service
	Target      string    `json:"target"`      // namespace that was restored into
	Restore     string    `json:"restore,omitempty"`
	StartedAt   time.Time `json:"startedAt"`
	FinishedAt  time.Time `json:"finishedAt"`
	Backup      Backup    `json:"backup"`

	// when the restore was asked for: the recovery time counts from here
	DecidedAt  time.Time `json:"decidedAt,omitzero"`
	AnsweredAt time.Time `json:"answeredAt,omitzero"` // first correct answer
	RTO        Seconds   `json:"rtoSeconds,omitempty"`
	RPO        Seconds   `json:"rpoSeconds,omitempty"` // from the start of the dump to the decision
	Objectives Objective `json:"objectives"`
	Phases     []Phase   `json:"phases,omitempty"` // their sum is RTO

	// Answer is what the first correct answer proved.
	Answer Answer `json:"answer,omitzero"`
	// Dump is absent for a service without a database.
	Dump   *Dump   `json:"dump,omitempty"`
	Tables []Table `json:"tables,omitempty"` // every one of the dump or of the restored database
}

// Backup is what was restored.
type Backup struct {
	Name        string    `json:"name"`
	UID         string    `json:"uid,omitempty"`
	Schedule    string    `json:"schedule"` // whose Backup it is
	Fresh       bool      `json:"fresh"`    // made for this drill
	StartedAt   time.Time `json:"startedAt,omitzero"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
	Age         Seconds   `json:"ageSeconds,omitempty"` // from its start to the decision
}

// Objective is what the stack asked for at that time.
type Objective struct {
	RTO Seconds `json:"rtoSeconds"`
	RPO Seconds `json:"rpoSeconds"`
}

// Phase is a part of the recovery time.
type Phase struct {
	Name string  `json:"name"`
	Took Seconds `json:"seconds"`
}

// Names of phases, in their order.
const (
	PhaseDecide  = "decide"          // until Velero began
	PhaseObjects = "restore objects" // until the database's pod was there
	PhaseVolumes = "volumes"         // until its dump volume was filled
	PhaseHooks   = "hooks"           // until the dump was loaded
	PhaseReady   = "ready"           // until a pod of the service was ready
	PhaseAnswer  = "first answer"
)

// Answer is one answer of the restored service.
type Answer struct {
	Path string `json:"path,omitempty"`
	// Sentinel says that Path is a record known from before the backup, and that the answer equalled it. Without one
	// only this is proven: the service answered 200.
	Sentinel bool `json:"sentinel"`
}

// Dump is what the backup held of the database.
type Dump struct {
	StartedAt          time.Time `json:"startedAt"`
	FinishedAt         time.Time `json:"finishedAt"`
	Bytes              int64     `json:"bytes"`
	DatabaseBytes      int64     `json:"databaseBytes"`
	DumpBytesPerSecond int64     `json:"dumpBytesPerSecond,omitempty"` // of database; 0: too quick to be measured
	LoadBytesPerSecond int64     `json:"loadBytesPerSecond,omitempty"` // of database
}

// Table compares one table of the dump with the restored one. The checksum is of its content, whatever the order of
// rows.
type Table struct {
	Name             string `json:"name"`
	Rows             int64  `json:"rows"` // in the dump
	RestoredRows     int64  `json:"restoredRows"`
	Checksum         string `json:"checksum"` // in the dump
	RestoredChecksum string `json:"restoredChecksum"`
	Equal            bool   `json:"equal"`
	// Extra marks a table that the dump does not have: the service made it after the load. It is no inequality.
	Extra bool `json:"extra,omitempty"`
}

// Seconds is a duration in JSON; Never is null there.
type Seconds float64

// Never is longer than any time: what is never answered, or never over.
var Never = Seconds(math.Inf(1))

// MarshalJSON writes Never, which JSON has no number for, as null.
func (s Seconds) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(s), 1) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(s))
}

// UnmarshalJSON reads null as Never. A field that is absent stays 0.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*s = Never
		return nil
	}
	return json.Unmarshal(data, (*float64)(s))
}

// Latency converts a duration that may be short: to 10 microseconds.
func Latency(d time.Duration) Seconds { return Seconds(math.Round(d.Seconds()*1e5) / 1e5) }

// InSeconds converts a duration, to the millisecond.
func InSeconds(d time.Duration) Seconds { return Seconds(math.Round(d.Seconds()*1000) / 1000) }

// Duration converts back, to the millisecond. Never is the longest that there is.
func (s Seconds) Duration() time.Duration {
	if s >= Seconds(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(math.Round(float64(s)*1000)) * time.Millisecond
}

// EqualTables returns how many tables equal those of the dump, and how many do not. Extra ones are neither.
func (r Record) EqualTables() (equal, unequal int) {
	for _, t := range r.Tables {
		switch {
		case t.Extra:
		case t.Equal:
			equal++
		default:
			unequal++
		}
	}
	return equal, unequal
}

// Rows returns how many rows came back in equal tables.
func (r Record) Rows() int64 {
	var rows int64
	for _, t := range r.Tables {
		if t.Equal && !t.Extra {
			rows += t.Rows
		}
	}
	return rows
}

// Percentile is the nearest rank: the least value that p of 100 do not exceed. It sorts the values. Of none it is the
// zero value.
func Percentile[T cmp.Ordered](values []T, p int) T {
	if len(values) == 0 {
		var none T
		return none
	}
	slices.Sort(values)
	return values[max(1, (p*len(values)+99)/100)-1]
}
