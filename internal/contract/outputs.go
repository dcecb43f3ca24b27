package contract

import "encoding/json"

// Names of the stack outputs.
const (
	OutputEnvironment = "environment" // staging or production
	OutputCluster     = "cluster"     // Cluster
	OutputServices    = "services"    // map of Service by the service's name
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

// Map returns a Cluster or a Service as a stack output holds it.
func Map(value any) (map[string]any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var output map[string]any
	return output, json.Unmarshal(data, &output)
}
