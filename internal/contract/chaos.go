package contract

// ChaosLab is where Game Days are run from. A stack without one cannot have any.
type ChaosLab struct {
	// of Chaos Mesh, of the load generator's pods, and of the records of Game Days
	Namespace  string `json:"namespace"`
	Deployment string `json:"deployment"` // Chaos Mesh's controller
	// ServiceAccount of the load generator's pods. It has no rights.
	ServiceAccount string `json:"serviceAccount"`
	LoadImage      string `json:"loadImage"` // of the load generator
	// Targets are the namespaces that experiments may reach, by Chaos Mesh's rights, its filter and the admission
	// policy.
	Targets []string `json:"targets"`
	// Policy is the ValidatingAdmissionPolicy that refuses experiments aimed elsewhere; its binding has the same name.
	Policy string `json:"policy"`
}

// ChaosPlan is which experiment a service must survive, and how well. Durations are Go's: 30s, 500ms.
type ChaosPlan struct {
	// paused chaos-mesh.org/v1alpha1 Schedule in the service's namespace: the experiment as declared
	Schedule string `json:"schedule"`
	Kind     string `json:"kind"`     // PodChaos, NetworkChaos or StressChaos
	Action   string `json:"action"`   // of the kind, such as pod-kill; empty for StressChaos
	Recovery string `json:"recovery"` // from the pod's deletion until all replicas serve again, at most
	P95      string `json:"p95"`      // of the answers during the recovery, at most
	// Limit ends a Game Day that has not recovered by then.
	Limit string `json:"limit"`
	// GameDayAge is the age of the newest Game Day at most.
	GameDayAge string `json:"gameDayAge"`
	Load       Load   `json:"load"`
	// ErrorBudget keeps Game Days away from a service that has failed enough; absent: none is declared.
	ErrorBudget *ErrorBudget `json:"errorBudget,omitempty"`
}

// ErrorBudget is the share of requests that may fail, and how many did.
type ErrorBudget struct {
	Query        string  `json:"query"`        // PromQL: the share of requests that failed, one number of 0 to 1
	Availability float64 `json:"availability"` // the share that must not, such as 0.999
}

// Load is what a Game Day asks of the service meanwhile.
type Load struct {
	Rate  int      `json:"rate"`  // requests per second
	Reads []string `json:"reads"` // HTTP paths to GET, in turn
	// Write is posted in between; absent for a service that only reads. Its answer is 201 with a header Location, where
	// the record can be read and deleted.
	Write      *Sentinel `json:"write,omitempty"`
	WriteShare float64   `json:"writeShare"` // of all requests, 0 to 1
}
