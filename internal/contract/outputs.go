package contract

import "encoding/json"

// Names of the stack outputs.
const (
	OutputEnvironment = "environment" // staging or production
	OutputCluster     = "cluster"     // Cluster
	OutputServices    = "services"    // map of Service by the service's name
	OutputCost        = "cost"        // CostVisibility; absent where it is off
	OutputSize        = "size"        // SizeAdvisor; absent where it is off
	OutputBackup      = "backup"      // BackupVault; absent where it is off
	OutputChaos       = "chaos"       // ChaosLab; absent where it is off, and always in production
	OutputDashboards  = "dashboards"  // map of Dashboard by name
)

// Cluster is where the stack lives.
type Cluster struct {
	Context string `json:"context"` // of the kubeconfig
	UID     string `json:"uid"`     // of the kube-system namespace, the cluster's identity
}

// Service is what dashboards and the command need to find a service. It holds no secret.
type Service struct {
	Namespace  string            `json:"namespace"`
	URL        string            `json:"url"`        // inside the cluster
	HealthURL  string            `json:"healthUrl"`  // inside the cluster
	Deployment string            `json:"deployment"` // name
	Container  string            `json:"container"`  // name, in the Deployment's pods
	Replicas   int               `json:"replicas"`   // desired
	Labels     map[string]string `json:"labels"`     // the cost labels
	Selector   map[string]string `json:"selector"`   // of the Deployment's pods
	Database   *Database         `json:"database,omitempty"`
	// VerticalPodAutoscalers advise on the service's workloads, its database among them. Empty where size advice is
	// off.
	VerticalPodAutoscalers []VerticalPodAutoscaler `json:"verticalPodAutoscalers,omitempty"`
	// Backup is absent where backups are off, and for a service that is not backed up: NoBackup then says why.
	Backup   *BackupPlan `json:"backup,omitempty"`
	NoBackup string      `json:"noBackup,omitempty"`
	// Chaos is absent where chaos is off, and for a service that is never tried: NoChaos then says why.
	Chaos   *ChaosPlan `json:"chaos,omitempty"`
	NoChaos string     `json:"noChaos,omitempty"`
}

// VerticalPodAutoscaler is one object and what it looks at, all in the service's namespace.
type VerticalPodAutoscaler struct {
	Name       string   `json:"name"`
	TargetKind string   `json:"targetKind"` // Deployment or StatefulSet
	TargetName string   `json:"targetName"`
	Containers []string `json:"containers"` // of the target's pods; each has a policy of its own
	// Setting is where the stack's config sets the requests of the first container, from the service on: `resources` or
	// `database.resources`.
	Setting string `json:"setting"`
}

// Database is a service's own PostgreSQL.
type Database struct {
	StatefulSet string            `json:"statefulSet"` // name
	Container   string            `json:"container"`   // name, in the StatefulSet's pods
	Host        string            `json:"host"`        // DNS name inside the cluster
	Port        int               `json:"port"`
	Name        string            `json:"name"`
	User        string            `json:"user"`
	DumpPath    string            `json:"dumpPath"`   // where dumps lie in the container
	DumpVolume  string            `json:"dumpVolume"` // name, in the StatefulSet's pods
	Selector    map[string]string `json:"selector"`   // of the StatefulSet's pods
}

// Endpoint is an HTTP service inside the cluster.
type Endpoint struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Port      int    `json:"port"`
	URL       string `json:"url"` // inside the cluster
}

// CostVisibility is where the cluster's costs are asked for, and what they are held against.
type CostVisibility struct {
	OpenCost   Endpoint           `json:"openCost"`
	Prometheus Endpoint           `json:"prometheus"`
	Currency   string             `json:"currency"`         // ISO 4217
	Prices     *Prices            `json:"prices,omitempty"` // nil: the cloud's own price list serves
	Budgets    map[string]float64 `json:"budgets"`          // money per calendar month, by team
	Platform   string             `json:"platformTeam"`     // team that pays for the engines
}

// Prices are those of custom pricing, in money per hour.
type Prices struct {
	CPUHour        float64 `json:"cpuHour"` // one CPU
	MemoryGiBHour  float64 `json:"memoryGiBHour"`
	StorageGiBHour float64 `json:"storageGiBHour"`
	GPUHour        float64 `json:"gpuHour"` // one GPU
}

// SizeAdvisor is the recommender behind the VerticalPodAutoscalers.
type SizeAdvisor struct {
	Namespace  string `json:"namespace"`
	Deployment string `json:"deployment"`
	// FloorCPU and FloorMemory are the least that it recommends for a pod, shared by its containers: quantities. A
	// recommendation at its floor says nothing about the need.
	FloorCPU    string `json:"floorCpu"`
	FloorMemory string `json:"floorMemory"`
}

// Dashboard is a page for Grafana, and what other pages need to show the same.
type Dashboard struct {
	Title     string            `json:"title"`
	UID       string            `json:"uid"`       // in Grafana's addresses
	ConfigMap string            `json:"configMap"` // namespace/name, labelled grafana_dashboard=1
	Queries   map[string]string `json:"queries"`   // PromQL by what it shows
	// by what they limit; the unit is that of the query of the same name
	Objectives map[string]float64 `json:"objectives"`
}

// Map returns a value of this package as a stack output holds it.
func Map(value any) (map[string]any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var output map[string]any
	return output, json.Unmarshal(data, &output)
}
