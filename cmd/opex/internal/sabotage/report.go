package sabotage

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opex-project/opex/cmd/opex/internal/table"
)

// Prospect says what would be broken, line by line.
func (s *Site) Prospect(breaches []Breach) string {
	text := fmt.Sprintf(
		"Sabotage of %s (%s), in the cluster %s (context %s). One after another, and each put back before the next:\n",
		s.Name, s.Outputs.Environment, s.Cluster.UID, s.Outputs.Cluster.Context,
	)
	days := 0
	for _, b := range breaches {
		text += fmt.Sprintf("  %s  %s\n", b.Criterion, b.What)
		if b.kills {
			days++
		}
	}
	text += fmt.Sprintf(
		"It changes objects in the namespace %s and in those of the engines (of OpenCost and its Prometheus, Velero, Chaos Mesh, the recommender).\n",
		s.Service.Namespace,
	)
	if days > 0 {
		text += fmt.Sprintf(
			"It holds %d Game Days, each of which kills a pod under load; one that a busy machine disturbs is held again, %d times in all at most.\n",
			days, tries,
		)
	}
	return text + "Meanwhile cost data, advice, backups and answers may be missing for moments; bad backups that it makes are deleted again.\n"
}

// Table shows what became of the breaches.
func Table(rows []Row) table.Table {
	t := table.Table{
		Header: []string{"", "CRITERION", "BROKEN", "NOTICED", "AFTER", "GREEN AGAIN", "RESULT"},
		Right:  []int{0, 4, 5},
	}
	for i, r := range rows {
		row := []string{strconv.Itoa(i + 1), r.Criterion, r.What, string(r.Verdict), "", "", r.result()}
		if r.Verdict != "" {
			row[4], row[5] = fmt.Sprintf("%.1f s", r.Noticed), fmt.Sprintf("%.1f s", r.Green)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (r Row) result() string {
	switch {
	case r.Skipped != "":
		return "does not concern it: " + r.Skipped
	case r.Problem != "":
		return "NOT CAUGHT: " + r.Problem
	case len(r.False) > 0:
		return "FALSE ALARM: " + strings.Join(r.False, "; ")
	}
	if r.Tries > 1 {
		return fmt.Sprintf("caught at try %d", r.Tries)
	}
	return "caught"
}

// Summary is how many were caught of those that concern the service, and how many criteria gave a false alarm.
func Summary(rows []Row) (text string, good bool) {
	tried, caught, alarms, skipped := 0, 0, 0, 0
	for _, r := range rows {
		alarms += len(r.False)
		switch {
		case r.Skipped != "":
			skipped++
			continue
		case r.Caught():
			caught++
		}
		tried++
	}
	text = fmt.Sprintf("%d of %d caught", caught, tried)
	switch alarms {
	case 0:
		text += ", no false alarm"
	case 1:
		text += ", 1 false alarm"
	default:
		text += fmt.Sprintf(", %d false alarms", alarms)
	}
	if skipped > 0 {
		text += fmt.Sprintf(" (%d do not concern the service)", skipped)
	}
	return text, tried > 0 && caught == tried && alarms == 0
}

// Line tells of one row when it is over.
func Line(r Row) string {
	if r.Skipped != "" || !r.Caught() {
		return r.result()
	}
	return fmt.Sprintf(
		"%s: %s %s after %.1f s (%.160s); green again after %.1f s", r.result(), r.Criterion, r.Verdict, r.Noticed,
		r.Actual, r.Green,
	)
}
