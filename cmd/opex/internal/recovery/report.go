package recovery

import (
	"fmt"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Tables shows a record for people: the times against their objectives, and the data.
func Tables(r evidence.Record) (times, data table.Table) {
	times = table.Table{Header: []string{strings.ToUpper(r.Service), "TOOK", "OBJECTIVE", ""}, Right: []int{1, 2}}
	for _, p := range r.Phases {
		times.Rows = append(times.Rows, []string{"  " + p.Name, Human(p.Took.Duration())})
	}
	add := func(name string, value, objective evidence.Seconds) {
		verdict := "met"
		if value > objective {
			verdict = "MISSED"
		}
		times.Rows = append(times.Rows, []string{name, Human(value.Duration()), Human(objective.Duration()), verdict})
	}
	if !r.AnsweredAt.IsZero() {
		add("recovery time (RTO)", r.RTO, r.Objectives.RTO)
		add("recovery point (RPO)", r.RPO, r.Objectives.RPO)
		times.Rows = append(times.Rows, []string{"age of the backup", Human(r.Backup.Age.Duration())})
	}
	data = table.Table{Header: []string{"TABLE", "ROWS", "RESTORED", "CONTENT"}, Right: []int{1, 2}}
	for _, t := range r.Tables {
		verdict := "equal"
		switch {
		case t.Extra:
			verdict = "not in the dump: made by the service since"
		case !t.Equal:
			verdict = "DIFFERS"
		}
		data.Rows = append(data.Rows, []string{t.Name, fmt.Sprint(t.Rows), fmt.Sprint(t.RestoredRows), verdict})
	}
	return times, data
}

// Speeds says what was measured of dump and load, and where to write it; empty: nothing could be.
func Speeds(r evidence.Record) []string {
	if r.Dump == nil {
		return nil
	}
	notes := []string{
		fmt.Sprintf("the dump is %s, of a database of %s", Size(r.Dump.Bytes), Size(r.Dump.DatabaseBytes)),
	}
	for _, speed := range []struct {
		what, knob string
		value      int64
	}{{"dumped", "backup.dumpPerSecond", r.Dump.DumpBytesPerSecond}, {"loaded", "backup.loadPerSecond", r.Dump.LoadBytesPerSecond}} {
		if speed.value > 0 {
			notes = append(
				notes,
				fmt.Sprintf("%s %s of database per second (config: %s)", speed.what, Size(speed.value), speed.knob),
			)
		} else {
			notes = append(notes, fmt.Sprintf("too quick to be measured: %s (config: %s)", speed.what, speed.knob))
		}
	}
	return notes
}

// Summary is the last line but what comes next.
func Summary(r evidence.Record) string {
	if r.Verdict != evidence.Proven {
		return fmt.Sprintf("%s: %s of %s FAILED: %s", r.Service, r.Kind, or(r.Backup.Name, "no backup"), r.Reason)
	}
	equal, _ := r.EqualTables()
	proof := fmt.Sprintf("%d tables with %d rows are equal to the backup's", equal, r.Rows())
	if r.Dump == nil {
		proof = "the service answers"
	} else if r.Answer.Sentinel {
		proof += ", and the known record is there"
	}
	return fmt.Sprintf("%s: PROVEN: %s is back in %s (objective %s): %s", r.Service, r.Backup.Name,
		Human(r.RTO.Duration()), Human(r.Objectives.RTO.Duration()), proof)
}
