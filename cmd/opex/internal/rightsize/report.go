// Package rightsize holds what services request against what their VerticalPodAutoscalers recommend, in resources and
// money.
package rightsize

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Verdict is what to do about a request.
type Verdict string

// The verdicts.
const (
	Raise         Verdict = "raise"
	Lower         Verdict = "lower"
	Keep          Verdict = "keep"
	NoInformation Verdict = "no information"
)

// Schema names the form of the JSON report; it changes when a reader would have to.
const Schema = "opex.rightsize/v1"

// Report is the advice on the services of a stack.
type Report struct {
	Schema           string    `json:"schema"`
	Environment      string    `json:"environment"`
	Currency         string    `json:"currency,omitempty"` // ISO 4217; empty where cost visibility is off
	ThresholdPercent float64   `json:"thresholdPercent"`
	Services         []Service `json:"services"`
}

// Service is the advice on one service, its database among it.
type Service struct {
	Name string `json:"name"`
	Team string `json:"team"`
	Rows []Row  `json:"rows"`
	// SavedPerMonth is what all changes together save (+) or add (-) in 730 hours; nil where there are no prices or
	// nothing could be judged.
	SavedPerMonth *float64 `json:"savedPerMonth"`
	Prices        string   `json:"prices"`   // where they come from, or why there are none
	Warnings      []string `json:"warnings"` // what to know before a change
	Problems      []string `json:"problems"` // what could not be read, and the next step
}

// Row is the advice on one resource of one container. A nil quantity is one that is not there.
type Row struct {
	Workload  string `json:"workload"` // kind/name
	Container string `json:"container"`
	Resource  string `json:"resource"` // cpu or memory
	Replicas  int32  `json:"replicas"`

	Request *resource.Quantity `json:"request"` // of the live pod template
	Lower   *resource.Quantity `json:"lower"`
	Target  *resource.Quantity `json:"target"`
	Upper   *resource.Quantity `json:"upper"`
	// Uncapped is the target as usage alone would have it; only where the bounds change it.
	Uncapped *resource.Quantity `json:"uncapped,omitempty"`
	Proposed *resource.Quantity `json:"proposed"` // the target, rounded

	ChangePercent *float64   `json:"changePercent"` // from the request to what is proposed; nil without a request
	Confidence    Confidence `json:"confidence"`
	AgeSeconds    *int64     `json:"ageSeconds"` // since there is any recommendation
	Verdict       Verdict    `json:"verdict"`
	Why           string     `json:"why"`
	// by all replicas, in 730 hours; nil where nothing changes or there are no prices
	SavedPerMonth *float64 `json:"savedPerMonth"`

	setting []string           // of the request in the stack's config, from the service on; nil where it cannot be set
	limit   *resource.Quantity // of the live pod template
}

func (r Row) changes() bool { return r.Verdict == Raise || r.Verdict == Lower }

func (r Row) judged() bool { return r.Verdict != NoInformation }

// Unread says that something could not be read.
func (r Report) Unread() bool {
	return slices.ContainsFunc(r.Services, func(s Service) bool { return len(s.Problems) > 0 })
}

// Changes is the number of requests to raise or lower.
func (r Report) Changes() int {
	count := 0
	for _, service := range r.Services {
		for _, row := range service.Rows {
			if row.changes() {
				count++
			}
		}
	}
	return count
}

// Saved sums up what is saved (+) or added (-) per month, by team, and says whether every service with a change has
// prices.
func (r Report) Saved() (byTeam map[string]float64, complete bool) {
	byTeam, complete = map[string]float64{}, true
	for _, service := range r.Services {
		if service.SavedPerMonth != nil {
			byTeam[service.Team] += *service.SavedPerMonth
		} else if slices.ContainsFunc(service.Rows, Row.changes) {
			complete = false
		}
	}
	return byTeam, complete
}

func teams(byTeam map[string]float64) []string { return slices.Sorted(maps.Keys(byTeam)) }
