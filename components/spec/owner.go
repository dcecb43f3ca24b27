package spec

import "github.com/opex-project/opex/internal/problem"

// Owner says who pays for the engines. It is `opex:platform`.
type Owner struct {
	// Team that runs the engines: the value of their label team.
	Team string `json:"team"`
	// Cost center that is charged for them: the value of their label cost-center.
	CostCenter string `json:"costCenter"`
}

// SetDefaults fills what is unset.
func (o *Owner) SetDefaults() {
	setDefault(&o.Team, "platform-team")
	setDefault(&o.CostCenter, "engineering")
}

// Problems returns all that is wrong, by the config's keys.
func (o Owner) Problems() problem.List {
	var found problem.List
	CheckLabelValue(&found, "team", o.Team)
	CheckLabelValue(&found, "costCenter", o.CostCenter)
	return found
}
