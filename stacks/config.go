// Package stacks turns a stack's config into resources.
package stacks

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/problem"
)

// Config is the whole of a stack's config: its keys stand in Pulumi.yaml under the same names. The tags are explained at
// decoder; docs/reference/config.md is made from them.
type Config struct {
	Environment       string                   `config:"environment,required" doc:"staging or production: decides the profile, and is the value of the label environment."`
	Cluster           Cluster                  `config:"cluster,required" doc:"The cluster to work on. Nothing is taken from the surroundings: neither KUBECONFIG nor the current context counts."`
	Namespace         string                   `config:"namespace" doc:"Namespace of all services, made by the program. Empty: staging or production, as the environment."`
	Services          []components.ServiceSpec `config:"services,required" doc:"The services, at least one. A stack's list replaces this one; what an entry leaves out takes its default."`
	Cost              components.CostSpec      `config:"cost" doc:"How costs are seen: OpenCost and Prometheus, once per cluster."`
	Size              components.SizeSpec      `config:"size" doc:"How sizes are advised on: the Vertical Pod Autoscaler's recommender, once per cluster."`
	Backup            components.VaultSpec     `config:"backup" doc:"Where backups go: an S3 bucket and Velero, once per cluster."`
	Chaos             components.ChaosSpec     `config:"chaos" doc:"Where failures are tried on purpose: Chaos Mesh, once per cluster, in staging only."`
	Exporter          components.ExporterSpec  `config:"exporter" doc:"How the success criteria are judged continuously, in the cluster."`
	BackupSecrets     components.VaultSecrets  `config:"backupSecrets,secret" doc:"Secrets of backups, encrypted: repositoryPassword, and accessKey and secretKey for an S3-compatible store."`
	Platform          components.OwnerSpec     `config:"platform" doc:"Who pays for what is installed once per cluster."`
	Images            components.Images        `config:"images" doc:"Images of the engines instead of the pinned ones, by name (opencost, prometheus, vpa-recommender, metrics-server, velero, velero-plugin-for-aws, chaos-mesh, chaos-daemon, pause, opex-load, opex): for a registry of your own."`
	DatabasePasswords map[string]string        `config:"databasePasswords,secret" doc:"Database password by service, encrypted: 16 printable characters or more. Required for each service with a database."`
}

// SetDefaults fills what is unset.
func (c *Config) SetDefaults() {
	c.Cost.SetDefaults()
	c.Size.SetDefaults()
	c.Backup.SetDefaults()
	c.Chaos.SetDefaults()
	c.Exporter.SetDefaults()
	c.Platform.SetDefaults()
}

// Cluster names a cluster.
type Cluster struct {
	Kubeconfig string `config:"kubeconfig,required" doc:"Path of the kubeconfig file, from the project's folder or with ~/ from the home folder."`
	Context    string `config:"context,required" doc:"Context of that file to use."`
	UID        string `config:"uid" doc:"Expected UID of the namespace kube-system, which identifies a cluster. Another one is refused. Empty: any."`
}

// profile is what an environment decides.
type profile struct {
	minReplicas int  // per service
	protectData bool // refuse to delete the namespace, the volumes with it, and the backups
}

var profiles = map[string]profile{
	"staging":    {minReplicas: 1},
	"production": {minReplicas: 2, protectData: true},
}

func (c Config) profile() profile { return profiles[c.Environment] }

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
			problems.Add(full, "is read by nobody: default providers are disabled, and the program's own keys start with %s", keyPrefix)
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
