// Package stacks turns a stack's config into resources.
package stacks

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/problem"
)

// Config is the whole of a stack's config: its keys stand in Pulumi.yaml under the same names. Field
// comments are the keys' documentation: docs/reference/config.md and config.schema.json are made from them.
type Config struct {
	// staging or production: decides the profile, and is the value of the label environment.
	Environment string `json:"environment" config:"required"`
	// The cluster to work on. Nothing is taken from the surroundings: neither KUBECONFIG nor the current context
	// counts.
	Cluster Cluster `json:"cluster" config:"required"`
	// Namespace of all services, made by the program. Empty: staging or production, as the environment.
	Namespace string `json:"namespace"`
	// The services, at least one. A stack's list replaces this one; what an entry leaves out takes its default.
	Services []spec.Service `json:"services" config:"required"`
	// How costs are seen: OpenCost and Prometheus, once per cluster.
	Cost spec.Cost `json:"cost"`
	// How sizes are advised on: the Vertical Pod Autoscaler's recommender, once per cluster.
	Size spec.Size `json:"size"`
	// Where backups go: an S3 bucket and Velero, once per cluster.
	Backup spec.Vault `json:"backup"`
	// Where failures are tried on purpose: Chaos Mesh, once per cluster, in staging only.
	Chaos spec.Chaos `json:"chaos"`
	// How the success criteria are judged continuously, in the cluster.
	Exporter spec.Exporter `json:"exporter"`
	// Secrets of backups, encrypted: repositoryPassword, and accessKey and secretKey for an S3-compatible store.
	BackupSecrets spec.VaultSecrets `json:"backupSecrets" config:"secret"`
	// What differs from the pinned charts of the engines, by the chart's name (chaos-mesh, metrics-server, opencost,
	// prometheus, velero, vertical-pod-autoscaler): a mirror, a timeout, values.
	Charts spec.Charts `json:"charts"`
	// Where the exporter's pods may run; engines of charts take it from opex:charts.
	Nodes spec.Nodes `json:"nodes"`
	// Refuse to delete or replace anything of production. false lifts it, with one pulumi up, for what is to be removed
	// on purpose.
	Protect bool `json:"protect"`
	// Who pays for what is installed once per cluster.
	Platform spec.Owner `json:"platform"`
	// Images of the engines instead of the pinned ones, by name (opencost, prometheus, vpa-recommender, metrics-server,
	// velero, velero-plugin-for-aws, chaos-mesh, chaos-daemon, pause, opex-load, opex): for a registry of your own.
	Images spec.Images `json:"images"`
	// Database password by service, encrypted: 16 printable characters or more. Required for each service with a
	// database.
	DatabasePasswords map[string]string `json:"databasePasswords" config:"secret"`
}

// SetDefaults fills what is unset.
func (c *Config) SetDefaults() {
	c.Cost.SetDefaults()
	c.Size.SetDefaults()
	c.Backup.SetDefaults()
	c.Chaos.SetDefaults()
	c.Exporter.SetDefaults()
	c.Protect = true
	c.Platform.SetDefaults()
}

// Cluster names a cluster.
type Cluster struct {
	// Path of the kubeconfig file, from the project's folder or with ~/ from the home folder.
	Kubeconfig string `json:"kubeconfig" config:"required"`
	// Context of that file to use.
	Context string `json:"context" config:"required"`
	// Expected UID of the namespace kube-system, which identifies a cluster. Another one is refused. Empty: any.
	UID string `json:"uid"`
	// Addresses of the API server, as CIDRs: its service proxy, which the command opex uses, must reach the services.
	// Empty: those of the Service default/kubernetes, looked up.
	ControlPlane []string `json:"controlPlane"`
}

// profile is what an environment decides.
type profile struct {
	minReplicas int  // per service
	protectData bool // refuse to delete what serves and what holds data, and keep the bucket whatever happens
	priority    bool // pods go last when nodes are short
}

var profiles = map[string]profile{
	"staging":    {minReplicas: 1},
	"production": {minReplicas: 2, protectData: true, priority: true},
}

func (c Config) profile() profile { return profiles[c.Environment] }

// protected says whether nothing may be deleted.
func (c Config) protected() bool { return c.profile().protectData && c.Protect }

const keyPrefix = "opex:"

// Load decodes and checks a stack's config: values by full key as Pulumi hands them over, the keys of which are
// encrypted, and the project's folder. All problems are reported in one error.
func Load(values map[string]string, secretKeys []string, folder string) (Config, error) {
	var config Config
	config.SetDefaults()
	var d decoder
	d.decodeStruct(keyPrefix, ownValues(&d.problems, values), reflect.ValueOf(&config).Elem())
	if config.Namespace == "" {
		config.Namespace = config.Environment
	}
	config.check(&d.problems, secretKeys, folder)
	return config, d.problems.Err("opex: the stack's config", "Nothing was changed. All keys: docs/reference/config.md")
}

// ownValues returns the program's values by key, parsed. Pulumi's own settings are left out, those of others refused.
func ownValues(problems *problem.List, values map[string]string) map[string]any {
	isString := map[string]bool{}
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		isString[f.key] = reflect.TypeFor[Config]().Field(f.index).Type.Kind() == reflect.String
	}
	own := map[string]any{}
	for _, full := range slices.Sorted(maps.Keys(values)) {
		key, is := strings.CutPrefix(full, keyPrefix)
		switch {
		case strings.HasPrefix(full, "pulumi:"):
		case !is:
			problems.Add(
				full, "is read by nobody: default providers are disabled, and the program's own keys start with %s",
				keyPrefix,
			)
		case isString[key]:
			own[key] = values[full]
		default:
			value, err := parse(values[full])
			if err != nil {
				value = values[full] // a bare string: the decoder says what it should be
			}
			own[key] = value
		}
	}
	return own
}
