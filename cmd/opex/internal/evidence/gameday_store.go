package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opex-project/opex/internal/contract"
)

// keptGameDays is how many ConfigMaps a service has at most: a few runs of ten.
const keptGameDays = 50

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

// Silent says that too many requests got no answer for their latencies to tell of answers: one that is refused at once is no quick answer.
func (w Window) Silent() bool {
	return float64(w.Unanswered()) > MaxUnansweredShare*float64(w.Requests)
}

// Unclear is why the figures of a Game Day mean nothing, whatever they are.
func (r GameDay) Unclear() []string {
	why := slices.Clone(r.Problems)
	add := func(is bool, format string, arguments ...any) {
		if is {
			why = append(why, fmt.Sprintf(format, arguments...))
		}
	}
	if r.KilledAt.IsZero() {
		add(true, "no pod was killed")
	} else {
		pod := r.Namespace + "/" + r.Victim.Name
		add(!r.Experiment.AllInjected, "Chaos Mesh did not confirm the kill")
		add(len(r.Experiment.Targets) != 1 || !strings.HasPrefix(r.Experiment.Targets[0]+"/", pod+"/"), "pod %s went, and Chaos Mesh says that it hit %v", pod, r.Experiment.Targets)
		add(len(r.AlsoGone) > 0, "more pods than one went: also %s", strings.Join(r.AlsoGone, ", "))
	}
	if starved := r.Starved(); starved != "" {
		why = append(why, starved)
	}
	add(r.Load.ClockError > MaxClockError, "the load generator's clock is known to within %s only, want %s", r.Load.ClockError.Duration(), MaxClockError.Duration())
	return why
}

// Starved says how the generator could not send what was due, as on a machine that is busy with something else. It is empty where it could.
func (r GameDay) Starved() string {
	late := func(late, of int) bool { return float64(late) > MaxLateShare*float64(of) }
	if r.Load.Dropped == 0 && !late(r.Load.Late, r.Load.Requests) && !late(r.During.Late, r.During.Requests) {
		return ""
	}
	return fmt.Sprintf("the load generator was starved: %d requests never sent, %d of %d sent late, %d of %d in the recovery",
		r.Load.Dropped, r.Load.Late, r.Load.Requests, r.During.Late, r.During.Requests)
}

// StoreGameDay keeps a record in the cluster and removes the oldest beyond 50 of its service. It returns the ConfigMap's name. With
// further labels, which may be nil, the record is a passing one, for which none is removed.
func StoreGameDay(ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, r GameDay, passing map[string]string) (string, error) {
	shelf := gameDays(client, lab, r.Service)
	shelf.passing = passing
	return r.Name(), shelf.put(ctx, r.Name(), KindGameDay, r)
}

func gameDays(client kubernetes.Interface, lab contract.ChaosLab, service string) shelf {
	return shelf{client: client, namespace: lab.Namespace, service: service, kinds: []string{KindGameDay}, kept: keptGameDays}
}

// ReadGameDay returns the record of a ConfigMap. Right: get on configmaps in the lab's namespace.
func ReadGameDay(ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, name string) ([]GameDay, error) {
	found, err := client.CoreV1().ConfigMaps(lab.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("record %s/%s: %w", lab.Namespace, name, err)
	}
	return read(*found, ParseGameDays)
}

// GameDays returns all records of a service that are kept, the oldest first. One that cannot be read is an error: the newest may be it.
// Right: list on configmaps in the lab's namespace.
func GameDays(ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, service string) ([]GameDay, error) {
	maps, err := gameDays(client, lab, service).list(ctx)
	if err != nil {
		return nil, err
	}
	return Kills(maps, service)
}

// Kills are the records of a service's Game Days among ConfigMaps of several, the oldest first.
func Kills(maps []corev1.ConfigMap, service string) ([]GameDay, error) {
	var records []GameDay
	for _, m := range ofService(maps, service) {
		found, err := read(m, ParseGameDays)
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	slices.SortStableFunc(records, func(a, b GameDay) int { return a.StartedAt.Compare(b.StartedAt) })
	return records, nil
}

// LatestGameDays is GameDays of the newest run alone, in the order of its kills; none where there was no Game Day.
func LatestGameDays(ctx context.Context, client kubernetes.Interface, lab contract.ChaosLab, service string) ([]GameDay, error) {
	records, err := GameDays(ctx, client, lab, service)
	if err != nil {
		return nil, err
	}
	return NewestRun(records), nil
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
		if r.Schema != GameDaySchema || r.Version != GameDayVersion {
			wrong = append(wrong, fmt.Errorf("record %d: schema %q version %d; this opex knows %q version %d",
				i+1, r.Schema, r.Version, GameDaySchema, GameDayVersion))
		}
		if !slices.Contains([]string{Proven, Failed, Unproven}, r.Verdict) {
			wrong = append(wrong, fmt.Errorf("record %d: verdict %q; known are %s, %s and %s", i+1, r.Verdict, Proven, Failed, Unproven))
		}
	}
	if len(records) == 0 {
		wrong = append(wrong, errors.New("holds no record"))
	}
	return records, errors.Join(wrong...)
}
