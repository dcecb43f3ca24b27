package page

import (
	"fmt"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/diagnose"
	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/human"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/verify"
)

// run is all kills of one service in one call of the command.
type run struct {
	Service, Where, Verdict, Sentence, Spread string

	Reasons []string
	Tiles   []tile
	Strips  []strip // none for a single kill
	Kills   []kill
}

// kill is one Game Day. Texts are ready to be shown.
type kill struct {
	Index              int
	Open               bool
	Title, What        string
	Verdict, Recovery  string
	ServerErrors, Lost int
	NoAnswer, P95      string
	Load, Writes       string
	Caption            string
	Charts             []chart
	Bars               []bars
	Diagnosis          *diagnose.Diagnosis
	Windows            []window
	Moments            []moment
	Interlock          []evidence.Check
}

type window struct {
	Name, Span             string
	Requests, ServerErrors int
	NoAnswer               string
	P50, P95, P99, Max     string
}

type moment struct{ Name, At, Detail string }

func newRun(id string, records []evidence.GameDay, verdicts []verify.Judged) run {
	worst := diagnose.Worst(records)
	figures := tiles(records, verdicts)
	r := run{Service: worst.Service, Verdict: verdictOf(figures), Reasons: reasons(records), Tiles: figures,
		Where: fmt.Sprintf(
			"%s, namespace %s, cluster %s, Game Day %s, %s", worst.Environment, worst.Namespace, worst.ClusterUID,
			worst.Run.ID, records[0].StartedAt.UTC().Format("2006-01-02 15:04:05 MST"),
		),
		Sentence: fmt.Sprintf("One pod of %d was killed (%s %s, %s) at %d requests per second.", worst.Replicas,
			worst.Experiment.Kind, worst.Experiment.Action,
			grace(worst.Experiment.Grace), worst.Load.Rate)}
	if len(records) > 1 {
		r.Sentence = fmt.Sprintf("%d times in turn, one pod of %d was killed (%s %s, %s) at %d requests per second.",
			len(records), worst.Replicas,
			worst.Experiment.Kind, worst.Experiment.Action, grace(worst.Experiment.Grace), worst.Load.Rate)
		r.Strips, r.Spread = strips(id, records), spread(records)
	}
	for i, record := range records {
		k := newKill(fmt.Sprintf("%sk%d", id, i+1), record)
		k.Index = i + 1
		k.Open = record.Run == worst.Run && record.StartedAt.Equal(worst.StartedAt)
		r.Kills = append(r.Kills, k)
	}
	return r
}

func newKill(id string, r evidence.GameDay) kill {
	k := kill{Verdict: r.Verdict, Recovery: recovery(r), ServerErrors: r.ServerErrors(), Lost: len(r.Writes.Lost),
		NoAnswer: judge.Kinds(r.During.TransportErrors), P95: human.Latency(r.During.P95),
		Title: fmt.Sprintf("Kill %d of %d: %s", max(r.Run.Index, 1), max(r.Run.Of, 1), recovery(r)), What: what(r),
		Interlock: r.Interlock,
		Load: fmt.Sprintf(
			"%d requests, %d of them never sent, %d sent late (at most %s). Latency counts from the scheduled "+
				"time.",
			r.Load.Requests,
			r.Load.Dropped,
			r.Load.Late,
			human.Latency(r.Load.MaxLateness),
		),
		Writes: writes(r.Writes)}
	for _, w := range []struct {
		name string
		evidence.Window
	}{{"before", r.Before}, {"until recovered", r.During}, {"after", r.After}} {
		k.Windows = append(
			k.Windows,
			window{w.name, fmt.Sprintf("%.1f to %.1f", w.From, w.To), w.Requests, w.ServerErrors,
				judge.Kinds(w.TransportErrors),
				human.Latency(w.P50), human.Latency(w.P95), human.Latency(w.P99), human.Latency(w.Max)},
		)
	}
	for _, m := range r.Timeline {
		k.Moments = append(k.Moments, moment{m.Name, fmt.Sprintf("%.3f", m.At), m.Detail})
	}
	if len(r.Curve) > 0 {
		k.Charts = charts(id, r)
		k.Caption = fmt.Sprintf(
			"Requests by the time at which they were scheduled, in slots of %d ms.",
			slotWidth(r).Duration().Milliseconds(),
		)
	}
	if d, err := diagnose.Explain(r); err == nil { // without a kill there is nothing to explain, and the reasons say so
		k.Diagnosis, k.Bars = &d, barsOf(id, d)
	}
	return k
}

func what(r evidence.GameDay) string {
	if r.Victim.Name == "" {
		return "No pod was killed."
	}
	text := fmt.Sprintf("Chaos Mesh was given %s (from Schedule %s): it killed pod %s, %s. ", r.Experiment.Name,
		r.Experiment.Schedule, on(r.Victim), grace(r.Experiment.Grace))
	if r.Replacement.Name == "" {
		return text + "No pod came in its place."
	}
	return text + fmt.Sprintf("Pod %s came in its place.", on(r.Replacement))
}

func on(p evidence.Pod) string {
	if p.Node == "" {
		return p.Name
	}
	return p.Name + " on node " + p.Node
}

func grace(seconds int64) string {
	if seconds == 0 {
		return "without grace"
	}
	return fmt.Sprintf("with %d s of grace", seconds)
}

func recovery(r evidence.GameDay) string {
	switch {
	case r.KilledAt.IsZero():
		return "not killed"
	case r.Recovery == 0:
		return "not recovered"
	}
	return diagnose.Human(r.Recovery)
}

func writes(w evidence.Writes) string {
	if w.Acknowledged == 0 {
		return "No write was acknowledged."
	}
	text := fmt.Sprintf(
		"Of %d acknowledged writes, %d were found again, %d are lost", w.Acknowledged, w.Found, len(w.Lost),
	)
	if len(w.Lost) > 0 {
		text += " (" + strings.Join(w.Lost, ", ") + ")"
	}
	if w.Unchecked > 0 {
		text += fmt.Sprintf(", %d could not be asked for", w.Unchecked)
	}
	if w.Left > 0 {
		text += fmt.Sprintf("; %d could not be deleted afterwards", w.Left)
	}
	return text + "."
}
