package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Name returns the name of a record's ConfigMap.
func (r GameDay) Name() string {
	return fmt.Sprintf("opex-%s-%s-%s-%d", KindGameDay, r.Service, r.Run.ID, r.Run.Index)
}

// ServerErrors is how many answers were 500 or above, before, during and after.
func (r GameDay) ServerErrors() int {
	return r.Before.ServerErrors + r.During.ServerErrors + r.After.ServerErrors
}

// TransportErrors is how many requests got no answer, before, during and after, by kind.
func (r GameDay) TransportErrors() map[string]int {
	all := map[string]int{}
	for _, w := range []Window{r.Before, r.During, r.After} {
		for kind, n := range w.TransportErrors {
			all[kind] += n
		}
	}
	return all
}

// Unanswered is their sum.
func (r GameDay) Unanswered() int {
	return r.Before.Unanswered() + r.During.Unanswered() + r.After.Unanswered()
}

// Unanswered is how many requests got no answer.
func (w Window) Unanswered() int {
	sum := 0
	for n := range maps.Values(w.TransportErrors) {
		sum += n
	}
	return sum
}

// NewestRun are those of the newest run among records, the oldest of which comes first.
func NewestRun(records []GameDay) []GameDay {
	if len(records) == 0 {
		return nil
	}
	newest := records[len(records)-1].Run.ID
	return slices.DeleteFunc(slices.Clone(records), func(r GameDay) bool { return r.Run.ID != newest })
}

// ParseGameDays reads the JSON of one record, or of a list of them as `opex gameday --format json` prints it.
func ParseGameDays(data []byte) ([]GameDay, error) {
	var records []GameDay
	if first := bytes.TrimSpace(data); len(first) == 0 || first[0] != '[' {
		data = append(append([]byte("["), data...), ']')
	}
	if err := json.Unmarshal(data, &records); err != nil {
		return nil, fmt.Errorf("not the JSON of a Game Day: %w", err)
	}
	var wrong []error
	for i, r := range records {
		if r.Schema != GameDaySchema || r.Version < 1 || r.Version > GameDayVersion {
			wrong = append(wrong, fmt.Errorf("record %d: schema %q version %d; this opex knows %q up to version %d",
				i+1, r.Schema, r.Version, GameDaySchema, GameDayVersion))
		}
		if !slices.Contains([]string{Proven, Failed, Unproven}, r.Verdict) {
			wrong = append(
				wrong,
				fmt.Errorf("record %d: verdict %q; known are %s, %s and %s", i+1, r.Verdict, Proven, Failed, Unproven),
			)
		}
	}
	if len(records) == 0 {
		wrong = append(wrong, errors.New("holds no record"))
	}
	return records, errors.Join(wrong...)
}

// Name returns the name of a record's ConfigMap.
func (r Record) Name() string {
	return fmt.Sprintf("opex-%s-%s-%s", r.Kind, r.Service, r.StartedAt.UTC().Format("20060102-150405"))
}

// Parse reads a record.
func Parse(data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("not the JSON of a record: %w", err)
	}
	var wrong []error
	if r.Schema != Schema || r.Version != Version {
		wrong = append(
			wrong,
			fmt.Errorf("schema %q version %d; this opex knows %q version %d", r.Schema, r.Version, Schema, Version),
		)
	}
	if r.Kind != KindDrill && r.Kind != KindRestore {
		wrong = append(wrong, fmt.Errorf("kind %q; known are %s and %s", r.Kind, KindDrill, KindRestore))
	}
	if r.Verdict != Proven && r.Verdict != Failed {
		wrong = append(wrong, fmt.Errorf("verdict %q; known are %s and %s", r.Verdict, Proven, Failed))
	}
	return r, errors.Join(wrong...)
}

// ObjectKey is where the bucket keeps a record: outside of Velero's folder, which holds nothing that Velero does not
// know.
func (r Record) ObjectKey() string {
	return fmt.Sprintf("opex/%ss/%s/%s.json", r.Kind, r.Service, r.StartedAt.UTC().Format(time.RFC3339))
}

// Bound keeps the first of the lost writes' addresses, and counts the others in one line.
func (w *Writes) Bound() {
	if more := len(w.Lost) - MostLost; more > 0 {
		w.Lost = append(w.Lost[:MostLost:MostLost], fmt.Sprintf("and %d more", more))
	}
}

// Changed lists what differs in another setup; empty: nothing does.
func (s Setup) Changed(now Setup) string {
	fields := func(s Setup) map[string]string {
		all := map[string]string{
			"replicas": fmt.Sprint(s.Replicas),
			"image":    s.Image,
			"preStop":  s.PreStop,
			"grace":    fmt.Sprintf("%d s", s.Grace),
		}
		for name, amount := range s.Resources {
			all[name] = amount
		}
		for name, p := range s.Probes {
			all["probe "+name] = fmt.Sprintf("%+v", p)
		}
		return all
	}
	was, is := fields(s), fields(now)
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if was[name] != is[name] {
			changed = append(changed, fmt.Sprintf("%s was %q and is %q", name, was[name], is[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if _, still := is[name]; !still {
			changed = append(changed, fmt.Sprintf("%s was %q and is not set", name, was[name]))
		}
	}
	return strings.Join(changed, ", ")
}
