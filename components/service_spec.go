// Package components holds the building blocks of a stack. Each one reads in the same order: defaults, validate, register,
// children, outputs. Helpers return arguments and never create resources; a child is named `<name>-<role>`.
package components

// ServiceSpec describes a service in plain values. It is an entry of `opex:services`: its tags hold the keys and their
// meaning, and docs/reference/config.md is made from them.
type ServiceSpec struct {
	Name        string            `config:"name,required" doc:"Name of the service and of its objects: a DNS label of 40 characters at most. Also the value of the label app."`
	Team        string            `config:"team" doc:"Team that pays: the value of the label team."`
	CostCenter  string            `config:"costCenter" doc:"Cost center that is charged: the value of the label cost-center."`
	Image       string            `config:"image,required" doc:"Container image with a tag or a digest. latest is refused: a restart must never change the program."`
	Port        int               `config:"port" doc:"TCP port of the container and of the Service, 1024 to 65535. The container reads it from PORT."`
	Replicas    int               `config:"replicas" doc:"Pods of the service. Production needs 2 or more."`
	Resources   Resources         `config:"resources" doc:"CPU and memory of each pod."`
	HealthPath  string            `config:"healthPath" doc:"HTTP path that answers while the process is alive. It must not ask the database: a restart would not cure it."`
	ReadyPath   string            `config:"readyPath" doc:"HTTP path that answers while the pod can serve: database reachable, not draining."`
	MetricsPath string            `config:"metricsPath" doc:"HTTP path of Prometheus metrics on the service's port. Empty: it gives none."`
	Env         map[string]string `config:"env" doc:"Environment variables of the container, in clear. PORT is set by the program, and PG* for a service with a database."`
	Labels      map[string]string `config:"labels" doc:"Further labels of all objects of the service. Keys must stay distinct from all others as metrics know them, with _ for every other character."`
	RightSizing RightSizingSpec   `config:"rightSizing" doc:"How the size of the service's pods is advised on."`
	Backup      PlanSpec          `config:"backup" doc:"How the service is backed up, and what that must achieve."`
	Chaos       ExperimentSpec    `config:"chaos" doc:"Which failure the service must survive, and how well. Without effect where opex:chaos is off."`
	Database    *DatabaseSpec     `config:"database" doc:"The service's own PostgreSQL. Left out: none. An empty object, {}, takes all defaults."`
}

// DatabaseSpec describes a PostgreSQL of one pod, with its data and its dumps on volumes of their own.
type DatabaseSpec struct {
	Kind         string          `config:"kind" doc:"postgres, the only kind there is."`
	Image        string          `config:"image" doc:"Image with the environment variables and the user (999) of the official postgres image, and a tag or a digest. The major version of a database that holds data cannot be changed here."`
	DataSize     Quantity        `config:"dataSize" doc:"Size of the data volume. Fixed once the database exists: grow the claim itself with kubectl."`
	DumpSize     Quantity        `config:"dumpSize" doc:"Size of the volume for dumps, apart from the data so that a backup can take it alone. Fixed once the database exists."`
	StorageClass string          `config:"storageClass" doc:"StorageClass of both volumes. Empty: the cluster's default."`
	Resources    Resources       `config:"resources" doc:"CPU and memory of the database."`
	RightSizing  RightSizingSpec `config:"rightSizing" doc:"How the size of the database is advised on."`
}

// Resources are the requests and limits of a container.
type Resources struct {
	Requests Amounts `config:"requests" doc:"What the scheduler sets aside, and what is paid for."`
	Limits   Amounts `config:"limits" doc:"What cannot be exceeded: more CPU is throttled, more memory kills the container."`
}

// Amounts are Kubernetes quantities, greater than 0.
type Amounts struct {
	CPU    Quantity `config:"cpu" doc:"Cores, such as 250m or 2."`
	Memory Quantity `config:"memory" doc:"Bytes, such as 512Mi."`
}

// Quantity is a Kubernetes quantity as it is written, such as 250m or 1Gi.
type Quantity string

// SetDefaults fills what is unset: the values of Task API, the reference service.
func (s *ServiceSpec) SetDefaults() {
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
func (d *DatabaseSpec) SetDefaults() {
	setDefault(&d.Kind, "postgres")
	setDefault(&d.Image, "docker.io/library/postgres:15.20")
	setDefault(&d.DataSize, "8Gi")
	setDefault(&d.DumpSize, "4Gi")
	d.Resources.setDefaults(Resources{
		Requests: Amounts{CPU: "250m", Memory: "256Mi"},
		Limits:   Amounts{CPU: "500m", Memory: "512Mi"},
	})
	d.RightSizing.SetDefaults()
}

// withDefaults returns a copy in which everything is set; the caller's own stays as it is.
func (s ServiceSpec) withDefaults() ServiceSpec {
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
