package rightsize

import (
	"fmt"
	"strings"
)

// Notes are for people, a line each: what could not be read first, then what to know, then why each row has its
// verdict.
func (r Report) Notes(withWhy bool) []string {
	var notes []string
	for _, service := range r.Services {
		for _, problem := range service.Problems {
			notes = append(notes, "not read: "+service.Name+": "+problem)
		}
	}
	for _, service := range r.Services {
		for _, warning := range service.Warnings {
			notes = append(notes, "warning: "+service.Name+": "+warning)
		}
		notes = append(notes, "prices of "+service.Name+": "+service.Prices)
	}
	if !withWhy {
		return notes
	}
	for _, service := range r.Services {
		for _, row := range service.Rows {
			notes = append(notes, fmt.Sprintf("%s %s: %s: %s", row.name(), row.Resource, row.Verdict, row.Why))
		}
	}
	return notes
}

// Summary is one line: what was found and what it is worth.
func (r Report) Summary() string {
	judged, all := 0, 0
	for _, service := range r.Services {
		for _, row := range service.Rows {
			all++
			if row.judged() {
				judged++
			}
		}
	}
	switch {
	case judged == 0:
		return "No request could be judged"
	case r.Changes() == 0:
		return fmt.Sprintf(
			"Of %d requests, %d could be judged: none is %g%% or more away from what is recommended", all, judged,
			r.ThresholdPercent,
		)
	}
	requests := "requests"
	if r.Changes() == 1 {
		requests = "request"
	}
	text := fmt.Sprintf("%d %s to change", r.Changes(), requests)
	byTeam, complete := r.Saved()
	var parts []string
	for _, team := range teams(byTeam) {
		saved := byTeam[team]
		switch {
		case money(saved) == "0.00":
			parts = append(parts, "nothing for "+team)
		case saved > 0:
			parts = append(parts, fmt.Sprintf("%.2f %s saved for %s", saved, r.Currency, team))
		default:
			parts = append(parts, fmt.Sprintf("%.2f %s added for %s", -saved, r.Currency, team))
		}
	}
	if len(parts) > 0 {
		text += ", a month: " + strings.Join(parts, ", ")
	}
	if !complete {
		text += "; for some there are no prices"
	}
	return text
}
