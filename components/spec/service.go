package spec

import "strings"

// Service describes a service in plain values. It is an entry of `opex:services`.
type Service struct {
	// Name of the service and of its objects: a DNS label of 40 characters at most. Also the value of the label app.
	Name string `json:"name" config:"required"`
	// Team that pays: the value of the label team.
	Team string `json:"team"`
	// Cost center that is charged: the value of the label cost-center.
	CostCenter string `json:"costCenter"`
	// Container image with a tag or a digest. latest is refused: a restart must never change the program.
	Image string `json:"image" config:"required"`
	// TCP port of the container and of the Service, 1024 to 65535. The container reads it from PORT.
	Port int `json:"port"`
	// Pods of the service. Production needs 2 or more.
	Replicas int `json:"replicas"`
	// CPU and memory of each pod.
	Resources Resources `json:"resources"`
	// HTTP path that answers while the process is alive. It must not ask the database: a restart would not cure it.
	HealthPath string `json:"healthPath"`
	// HTTP path that answers while the pod can serve: database reachable, not draining.
	ReadyPath string `json:"readyPath"`
	// HTTP path of Prometheus metrics on the service's port. Empty: it gives none.
	MetricsPath string `json:"metricsPath"`
	// Environment variables of the container, in clear. PORT is set by the program, and PG* for a service with a
	// database.
	Env map[string]string `json:"env"`
	// Further labels of all objects of the service. Keys must stay distinct from all others as metrics know them, with
	// _ for every other character.
	Labels map[string]string `json:"labels"`
	// Who may reach the service, and whom it may reach. Everything else is refused where the cluster enforces network
	// policies.
	Traffic Traffic `json:"traffic"`
	// Where the pods of the service and of its database may run. Empty: on any node without taints.
	Nodes Nodes `json:"nodes"`
	// How the size of the service's pods is advised on.
	RightSizing RightSizing `json:"rightSizing"`
	// How the service is backed up, and what that must achieve.
	Backup Plan `json:"backup"`
	// Which failure the service must survive, and how well. Without effect where opex:chaos is off.
	Chaos Experiment `json:"chaos"`
	// The service's own PostgreSQL. Left out: none. An empty object, {}, takes all defaults.
	Database *Database `json:"database"`
}

// Database describes a PostgreSQL of one pod, with its data and its dumps on volumes of their own.
type Database struct {
	// postgres, the only kind there is.
	Kind string `json:"kind"`
	// Image with the environment variables and the user (999) of the official postgres image, and a tag or a digest.
	// The major version of a database that holds data cannot be changed here.
	Image string `json:"image"`
	// Size of the data volume. It may grow later, where the StorageClass allows it; a smaller one is refused.
	DataSize Quantity `json:"dataSize"`
	// Size of the volume for dumps, apart from the data so that a backup can take it alone. It may grow later.
	DumpSize Quantity `json:"dumpSize"`
	// StorageClass of both volumes. Empty: the cluster's default. Another one is refused once the database exists.
	StorageClass string `json:"storageClass"`
	// CPU and memory of the database.
	Resources Resources `json:"resources"`
	// How the size of the database is advised on.
	RightSizing RightSizing `json:"rightSizing"`
}

// Resources are the requests and limits of a container.
type Resources struct {
	// What the scheduler sets aside, and what is paid for.
	Requests Amounts `json:"requests"`
	// What cannot be exceeded: more CPU is throttled, more memory kills the container.
	Limits Amounts `json:"limits"`
}

// Amounts are Kubernetes quantities, greater than 0.
type Amounts struct {
	// Cores, such as 250m or 2.
	CPU Quantity `json:"cpu"`
	// Bytes, such as 512Mi.
	Memory Quantity `json:"memory"`
}

// Quantity is a Kubernetes quantity as it is written, such as 250m or 1Gi.
type Quantity string

// SetDefaults fills what is unset: the values of Task API, the reference service.
func (s *Service) SetDefaults() {
	setDefault(&s.Team, "product-team")
	setDefault(&s.CostCenter, "engineering")
	setDefault(&s.Port, 8000)
	setDefault(&s.Replicas, 3)
	s.Resources.setDefaults(Resources{
		Requests: Amounts{CPU: "250m", Memory: "512Mi"},
		Limits:   Amounts{CPU: "500m", Memory: "1Gi"},
	})
	setDefault(&s.HealthPath, "/health")
	setDefault(&s.ReadyPath, "/ready")
	s.RightSizing.SetDefaults()
	s.Backup.SetDefaults()
	s.Chaos.SetDefaults()
	if s.Database != nil {
		s.Database.SetDefaults()
	}
}

// SetDefaults fills what is unset.
func (d *Database) SetDefaults() {
	setDefault(&d.Kind, "postgres")
	setDefault(&d.Image, "docker.io/library/postgres:15.20")
	setDefault(&d.DataSize, "8Gi")
	setDefault(&d.DumpSize, "4Gi")
	d.Resources.setDefaults(Resources{
		Requests: Amounts{CPU: "250m", Memory: "256Mi"},
		// Twice what a busy one needs: after a stall of the node all that waited meanwhile is asked of it at once.
		Limits: Amounts{CPU: "1", Memory: "512Mi"},
	})
	d.RightSizing.SetDefaults()
}

// WithDefaults returns a copy in which everything is set; the caller's own stays as it is.
func (s Service) WithDefaults() Service {
	if s.Database != nil {
		database := *s.Database
		s.Database = &database
	}
	s.SetDefaults()
	return s
}

func (r *Resources) setDefaults(defaults Resources) {
	setDefault(&r.Requests.CPU, defaults.Requests.CPU)
	setDefault(&r.Requests.Memory, defaults.Requests.Memory)
	setDefault(&r.Limits.CPU, defaults.Limits.CPU)
	setDefault(&r.Limits.Memory, defaults.Limits.Memory)
}

func setDefault[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

// DatabaseName is the name of the objects of the service's database.
func (s Service) DatabaseName() string { return s.Name + "-db" }

// DatabaseUser is the name of the role and of the database: the service's own, without what SQL would want quoted.
func (s Service) DatabaseUser() string { return strings.ReplaceAll(s.Name, "-", "_") }

// HooksName is the ConfigMap with what runs in the database's container around backups and restores.
func (s Service) HooksName() string { return s.DatabaseName() + "-hooks" }

// ScheduleName is that of the service's Velero Schedule. Those of all namespaces stand in Velero's own.
func (s Service) ScheduleName(namespace string) string { return namespace + "-" + s.Name }

// ClaimName is that of the claim which the database's StatefulSet makes for a volume.
func ClaimName(s Service, volume string) string { return volume + "-" + s.DatabaseName() + "-0" }
