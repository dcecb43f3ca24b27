package components

// The types below are Prometheus' own, of a file of rules.

type ruleFile struct {
	Groups []ruleGroup `json:"groups"`
}

type ruleGroup struct {
	Name  string `json:"name"`
	Rules []rule `json:"rules"`
}

// rule records a series or raises an alert.
type rule struct {
	Record      string            `json:"record,omitempty"`
	Alert       string            `json:"alert,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// alert builds a warning: what is the case, and what to do.
func alert(name, expr, pending, summary, action string) rule {
	return rule{Alert: name, Expr: expr, For: pending, Labels: map[string]string{"severity": "warning"},
		Annotations: map[string]string{"summary": summary, "action": action}}
}
