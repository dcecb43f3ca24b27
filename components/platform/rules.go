package platform

// The types below are Prometheus' own, of a file of rules.

type RuleFile struct {
	Groups []RuleGroup `json:"groups"`
}

type RuleGroup struct {
	Name  string `json:"name"`
	Rules []Rule `json:"rules"`
}

// Rule records a series or raises an alert.
type Rule struct {
	Record      string            `json:"record,omitempty"`
	Alert       string            `json:"alert,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Alert builds a warning: what is the case, and what to do.
func Alert(name, expr, pending, summary, action string) Rule {
	return Rule{Alert: name, Expr: expr, For: pending, Labels: map[string]string{"severity": "warning"},
		Annotations: map[string]string{"summary": summary, "action": action}}
}

// Scrape is a service whose pods give metrics.
type Scrape struct {
	Service   string
	Namespace string
	Selector  map[string]string // of its pods
	PortName  string            // of the container
	Path      string            // such as /metrics
}

// Job is the value of the label job; the slash keeps it apart from the chart's own.
func (s Scrape) Job() string { return s.Namespace + "/" + s.Service }
