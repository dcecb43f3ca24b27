package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Config is the provider's configuration. The names of the keys are those of the official plugin.
type Config struct {
	Kubeconfig string // path or contents; empty means client-go's usual places
	Context    string // empty means the kubeconfig's current context
	Cluster    string // empty means the context's cluster
	Namespace  string // for namespaced objects that name none; empty means the context's, then "default"

	ServerSideApply     bool // default true
	DeleteUnreachable   bool // forget objects of a cluster that does not answer
	SkipUnreachable     bool // leave objects of a cluster that does not answer as they are
	SuppressDeprecation bool // keep the server's deprecation warnings to ourselves
	PatchForce          bool // take over fields that another manager owns
	Upsert              bool // adopt an object that exists, on create
	ConfigMapMutable    bool // change a ConfigMap in place instead of replacing it
	SecretMutable       bool // change a Secret in place instead of replacing it

	Client clientSettings
	Helm   helmSettings
}

// clientSettings is kubeClientSettings. Defaults: 50 queries a second, bursts of 120, no timeout.
type clientSettings struct {
	Burst   *int     `json:"burst"`
	QPS     *float64 `json:"qps"`
	Timeout *int     `json:"timeout"` // seconds
}

// helmSettings is helmReleaseSettings. Unset means Helm's own default.
type helmSettings struct {
	Driver               string `json:"driver"` // secret (default), configmap or memory
	PluginsPath          string `json:"pluginsPath"`
	RegistryConfigPath   string `json:"registryConfigPath"`
	RepositoryCache      string `json:"repositoryCache"`
	RepositoryConfigPath string `json:"repositoryConfigPath"`
}

// configPrefix stands before each key in what the engine sends to Configure.
const configPrefix = Name + ":config:"

// stringKeys and boolKeys say where each key goes; boolKeys also names the environment variable that stands in for it.
func (c *Config) stringKeys() map[string]*string {
	var ignored string // clusterIdentifier only matters to diffConfig
	return map[string]*string{
		"kubeconfig": &c.Kubeconfig, "context": &c.Context, "cluster": &c.Cluster, "namespace": &c.Namespace,
		"clusterIdentifier": &ignored,
	}
}

type boolKey struct {
	field *bool
	env   string
}

func (c *Config) boolKeys() map[string]boolKey {
	var ignored bool
	return map[string]boolKey{
		"enableServerSideApply":       {&c.ServerSideApply, "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY"},
		"deleteUnreachable":           {&c.DeleteUnreachable, "PULUMI_K8S_DELETE_UNREACHABLE"},
		"skipUpdateUnreachable":       {&c.SkipUnreachable, "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"},
		"suppressDeprecationWarnings": {&c.SuppressDeprecation, "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS"},
		"suppressHelmHookWarnings":    {&ignored, "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS"},
		"enablePatchForce":            {&c.PatchForce, "PULUMI_K8S_ENABLE_PATCH_FORCE"},
		"upsertExistingObjects":       {&c.Upsert, "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"},
		"enableConfigMapMutable":      {&c.ConfigMapMutable, "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"},
		"enableSecretMutable":         {&c.SecretMutable, "PULUMI_K8S_ENABLE_SECRET_MUTABLE"},
		"strictMode":                  {&ignored, ""},
	}
}

func (c *Config) jsonKeys() map[string]any {
	return map[string]any{"kubeClientSettings": &c.Client, "helmReleaseSettings": &c.Helm}
}

// unsupportedKeys are keys of the official plugin that this one refuses, with what to use instead.
var unsupportedKeys = map[string]string{
	"renderYamlToDirectory":  "this stand-in always applies to a cluster; use the official plugin to render files",
	"alwaysRender":           "this stand-in always applies to a cluster; use the official plugin to render files",
	"rejectUnknownResources": "the API server itself answers for kinds that it does not know",
}

// parseConfig reads keys and their values. All problems are told at once, in the order of the keys.
func parseConfig(values map[string]string) (Config, []p.CheckFailure) {
	c := Config{ServerSideApply: true}
	stringKeys, boolKeys, jsonKeys := c.stringKeys(), c.boolKeys(), c.jsonKeys()
	for _, key := range boolKeys {
		if value, ok := os.LookupEnv(key.env); ok {
			*key.field = value == "true"
		}
	}
	var failures []p.CheckFailure
	fail := func(key, format string, args ...any) {
		failures = append(failures, p.CheckFailure{Property: key, Reason: fmt.Sprintf(format, args...)})
	}
	for _, key := range sortedKeys(values) {
		value := values[key]
		switch {
		case stringKeys[key] != nil:
			*stringKeys[key] = value
		case boolKeys[key].field != nil:
			if value != "true" && value != "false" {
				fail(key, "provider key %q is %q; allowed: true, false", key, value)
			}
			*boolKeys[key].field = value == "true"
		case jsonKeys[key] != nil:
			decoder := json.NewDecoder(bytes.NewBufferString(value))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(jsonKeys[key]); err != nil {
				fail(key, "provider key %q does not hold the settings it should: %v", key, err)
			}
		case unsupportedKeys[key] != "":
			fail(key, "provider key %q is not supported by the offline plugin: %s", key, unsupportedKeys[key])
		case strings.HasPrefix(key, "__") || key == "version" || key == "pluginDownloadURL":
			// The engine's and the framework's own.
		default:
			known := slices.Concat(sortedKeys(stringKeys), sortedKeys(boolKeys), sortedKeys(jsonKeys))
			slices.Sort(known)
			fail(key, "unknown provider key %q: it would have had no effect; known keys: %s", key, strings.Join(known, ", "))
		}
	}
	return c, failures
}

// configStrings turns properties into the strings that Configure gets. Unknown values are left out.
func configStrings(m property.Map) map[string]string {
	values := map[string]string{}
	for key, v := range m.All {
		switch {
		case v.HasComputed() || v.IsNull():
		case v.IsString():
			values[key] = v.AsString()
		default:
			text, err := json.Marshal(toAny(v))
			if err == nil {
				values[key] = string(text)
			}
		}
	}
	return values
}
