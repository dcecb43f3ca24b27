package spec

import (
	"maps"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/internal/contract"
	"github.com/opex-project/opex/internal/problem"
)

// Cost describes how costs are seen. It is `opex:cost`.
type Cost struct {
	// Install Prometheus and OpenCost. false: nothing of it, and no answer to what a service costs.
	Enabled bool `json:"enabled"`
	// Currency of all prices and budgets: an ISO 4217 code.
	Currency string `json:"currency"`
	// Prices of your own. Left out: the price list of the cloud that the nodes belong to.
	Prices *Prices `json:"prices"`
	// Money per calendar month, by team. An alert fires when a team's spending of the month would exceed it.
	Budgets map[string]float64 `json:"budgets"`
	// How long Prometheus keeps its samples: a Prometheus duration such as 15d. Windows of costs cannot be longer.
	Retention string `json:"retention"`
	// Size of Prometheus' volume.
	StorageSize Quantity `json:"storageSize"`
	// StorageClass of that volume. Empty: the cluster's default.
	StorageClass string `json:"storageClass"`
	// The cluster has the Prometheus Operator: alert rules are PrometheusRules as well, for its own Prometheus to pick
	// up.
	Operator bool `json:"prometheusOperator"`
}

// Prices are prices in money per hour.
type Prices struct {
	// One CPU for one hour.
	CPUHour float64 `json:"cpuHour" config:"required"`
	// One GiB of memory for one hour.
	MemoryGiBHour float64 `json:"memoryGiBHour" config:"required"`
	// One GiB of a volume for one hour.
	StorageGiBHour float64 `json:"storageGiBHour" config:"required"`
	// One GPU for one hour. Required where nodes have any: OpenCost would count them as free.
	GPUHour float64 `json:"gpuHour"`
}

// SetDefaults fills what is unset.
func (c *Cost) SetDefaults() {
	c.Enabled = true
	setDefault(&c.Currency, "USD")
	setDefault(&c.Retention, "15d")
	setDefault(&c.StorageSize, "8Gi")
}

// Problems returns all that is wrong, by the config's keys.
func (c Cost) Problems() problem.List {
	var found problem.List
	if !currencyForm.MatchString(c.Currency) {
		found.Add("currency", "%q is no ISO 4217 code; want three capitals such as USD", c.Currency)
	}
	if c.Prices != nil {
		found.AddAll("prices.", c.Prices.problems())
	} else if c.Currency != "USD" {
		found.Add("currency", "is %s, and there are no prices: the clouds' price lists are in USD. Set prices in %s, or leave currency out", c.Currency, c.Currency)
	}
	for _, team := range slices.Sorted(maps.Keys(c.Budgets)) {
		CheckLabelValue(&found, "budgets."+team, team)
		if c.Budgets[team] <= 0 {
			found.Add(
				"budgets."+team, "is %g, want more than 0; leave the team out if it has no budget", c.Budgets[team],
			)
		}
	}
	if !retentionForm.MatchString(c.Retention) {
		found.Add(
			"retention", "%q is no Prometheus duration in hours, days, weeks or years; want one such as 15d",
			c.Retention,
		)
	}
	checkQuantity(&found, "storageSize", c.StorageSize)
	if c.StorageClass != "" {
		if wrong := validation.IsDNS1123Subdomain(c.StorageClass); len(wrong) > 0 {
			found.Add("storageClass", "%q: %s", c.StorageClass, wrong[0])
		}
	}
	return found
}

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// retentionForm is the form of a duration that Prometheus prints too, of at least an hour.
var retentionForm = regexp.MustCompile(`^[1-9][0-9]*[hdwy]$`)

// leastPrice is what OpenCost can tell from nothing: it writes prices per hour with six decimals
// (v1.120.0, pkg/cloud/provider/providerconfig.go).
const leastPrice = 0.000001

func (p Prices) problems() problem.List {
	var found problem.List
	positive := func(path string, price float64) {
		if price < leastPrice {
			found.Add(
				path, "is %g, want %g or more: OpenCost keeps six decimals, and what costs nothing is never looked at",
				price, leastPrice,
			)
		}
	}
	positive("cpuHour", p.CPUHour)
	positive("memoryGiBHour", p.MemoryGiBHour)
	positive("storageGiBHour", p.StorageGiBHour)
	if p.GPUHour < 0 {
		found.Add("gpuHour", "is %g, want 0 or more", p.GPUHour)
	}
	return found
}

func (p *Prices) Contract() *contract.Prices {
	if p == nil {
		return nil
	}
	return &contract.Prices{
		CPUHour:        p.CPUHour,
		MemoryGiBHour:  p.MemoryGiBHour,
		StorageGiBHour: p.StorageGiBHour,
		GPUHour:        p.GPUHour,
	}
}
