package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"sigs.k8s.io/yaml"
)

// releaseArgs are the inputs of a helm.sh/v3:Release, named and defaulted as the official plugin's.
type releaseArgs struct {
	Name, Namespace, Chart, Version, Description, Keyring string

	Values         map[string]any
	RepositoryOpts struct{ Repo, CAFile, CertFile, KeyFile, Username, Password string }

	Atomic, CleanupOnFail, CreateNamespace, DependencyUpdate, Devel, DisableCRDHooks, DisableOpenapiValidation,
	DisableWebhooks, ForceUpdate, Lint, RenderSubchartNotes, Replace, ResetValues, ReuseValues, SkipAwait, SkipCrds,
	Verify, WaitForJobs bool

	MaxHistory int     // 0 means no limit
	Timeout    float64 // seconds; defaultReleaseTimeout unless skipAwait
}

// defaultReleaseTimeout is how long each step of Helm may take, in seconds.
const defaultReleaseTimeout = 300

func (r releaseArgs) timeout() time.Duration {
	if r.Timeout == 0 {
		return defaultReleaseTimeout * time.Second
	}
	return time.Duration(r.Timeout * float64(time.Second))
}

// releaseKeys and repositoryKeys are the inputs by name. Those with a text are refused with it.
var releaseKeys = map[string]string{
	"atomic": "", "chart": "", "cleanupOnFail": "", "createNamespace": "", "dependencyUpdate": "", "description": "",
	"devel": "", "disableCRDHooks": "", "disableOpenapiValidation": "", "disableWebhooks": "", "forceUpdate": "",
	"keyring": "", "lint": "", "maxHistory": "", "name": "", "namespace": "", "renderSubchartNotes": "", "replace": "",
	"repositoryOpts": "", "resetValues": "", "reuseValues": "", "skipAwait": "", "skipCrds": "", "timeout": "",
	"valueYamlFiles": "", "values": "", "verify": "", "version": "", "waitForJobs": "",
	"allowNullValues": "", "compat": "", "manifest": "", "resourceNames": "", // taken and without effect, as in the official plugin
	"postrender":   "Helm 4 runs post-renderers as plugins of its own; change the chart or its values instead.",
	"recreatePods": "Helm 4 has no such option; change an annotation of the pod template instead.",
}

var repositoryKeys = map[string]string{"repo": "", "caFile": "", "certFile": "", "keyFile": "", "username": "", "password": ""}

// passiveKeys are taken from the program but not kept.
var passiveKeys = []string{"allowNullValues", "compat", "manifest", "resourceNames", "valueYamlFiles"}

// refuseReleaseKeys lists every key that is unknown or not supported.
func refuseReleaseKeys(m property.Map) []p.CheckFailure {
	failures := refuseKeys("", m, releaseKeys)
	if opts := m.Get("repositoryOpts"); opts.IsMap() {
		failures = append(failures, refuseKeys("repositoryOpts.", opts.AsMap(), repositoryKeys)...)
	}
	if v := m.Get("chart"); v.IsNull() || v.IsString() && v.AsString() == "" {
		failures = append(failures, p.CheckFailure{Property: "chart", Reason: "chart is missing: nothing says what to install"})
	}
	if chart := m.Get("chart"); chart.IsString() && strings.HasPrefix(chart.AsString(), "oci://") {
		failures = append(failures, p.CheckFailure{Property: "chart", Reason: fmt.Sprintf("chart is %q: charts in an image registry are not supported by the offline plugin; use repositoryOpts.repo or a local path", chart.AsString())})
	}
	return failures
}

func refuseKeys(prefix string, m property.Map, known map[string]string) []p.CheckFailure {
	var failures []p.CheckFailure
	for key, v := range m.AllStable {
		instead, ok := known[key]
		if ok && (instead == "" || v.IsNull()) {
			continue
		}
		reason := fmt.Sprintf("%s%s is not supported by the offline plugin. %s", prefix, key, instead)
		if !ok {
			reason = fmt.Sprintf("unknown key %s%s: it would have had no effect; known keys: %s", prefix, key, strings.Join(sortedKeys(known), ", "))
		}
		failures = append(failures, p.CheckFailure{Property: prefix + key, Reason: reason})
	}
	return failures
}

// completeRelease fills in name, namespace and timeout, and merges the values files into the values.
func (k *plugin) completeRelease(object, old map[string]any, urn resource.URN) error {
	if s, given := object["name"]; !given || s == "" {
		if object["name"] = old["name"]; object["name"] == nil {
			name, err := resource.NewUniqueHex(urn.Name()+"-", 8, 0)
			if err != nil {
				return err
			}
			object["name"] = name
		}
	}
	if s, given := object["namespace"]; !given || s == "" {
		object["namespace"] = "default"
		if k.cluster != nil {
			object["namespace"] = canonicalNamespace(k.cluster.namespace)
		}
	}
	if _, given := object["timeout"]; !given && object["skipAwait"] != true {
		object["timeout"] = int64(defaultReleaseTimeout)
	}
	if keyring, _ := object["keyring"].(string); object["verify"] == true && keyring == "" {
		object["keyring"] = os.ExpandEnv("$HOME/.gnupg/pubring.gpg")
	}
	values, err := fileValues(object["valueYamlFiles"])
	if err != nil {
		return err
	}
	if given, ok := object["values"].(map[string]any); ok {
		values = mergeValues(values, given)
	}
	if _, isUnknown := object["values"].(unknown); !isUnknown {
		object["values"] = values
	}
	for _, key := range passiveKeys {
		delete(object, key)
	}
	return nil
}

// fileValues reads the valueYamlFiles; a later file wins.
func fileValues(files any) (map[string]any, error) {
	values := map[string]any{}
	list, _ := files.([]any)
	var problems []error
	for i, file := range list {
		asset, ok := file.(property.Asset)
		if !ok {
			if _, isUnknown := file.(unknown); !isUnknown {
				problems = append(problems, fmt.Errorf("valueYamlFiles[%d] is no asset: give a pulumi.FileAsset or pulumi.StringAsset", i))
			}
			continue
		}
		text, err := asset.Bytes()
		if err == nil {
			more := map[string]any{}
			if err = yaml.Unmarshal(text, &more); err == nil {
				values = mergeValues(values, more)
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("valueYamlFiles[%d]: %w", i, err))
		}
	}
	return values, errors.Join(problems...)
}

// mergeValues puts over on top of base, map by map.
func mergeValues(base, over map[string]any) map[string]any {
	result := map[string]any{}
	for key, v := range base {
		result[key] = v
	}
	for key, v := range over {
		below, okBelow := result[key].(map[string]any)
		above, okAbove := v.(map[string]any)
		if okBelow && okAbove {
			v = mergeValues(below, above)
		}
		result[key] = v
	}
	return result
}

// decodeRelease reads completed inputs. What is not known yet is left out.
func decodeRelease(object map[string]any) (releaseArgs, error) {
	var args releaseArgs
	text, err := json.Marshal(known(object))
	if err != nil {
		return args, err
	}
	// Helm's templates tell whole numbers from others, as YAML does: values must not go through JSON's floats.
	if err := json.Unmarshal(text, &args); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return args, fmt.Errorf("%s is a %s; allowed: a %s", lowerFirst(wrong.Field), wrong.Value, wrong.Type)
		}
		return args, err
	}
	values, _ := known(object)["values"].(map[string]any)
	args.Values = values
	return args, nil
}

// known is a value without the parts that are not known yet.
func known(object map[string]any) map[string]any {
	result := map[string]any{}
	for key, v := range object {
		switch v := v.(type) {
		case unknown:
		case map[string]any:
			result[key] = known(v)
		case []any:
			result[key] = slices.DeleteFunc(slices.Clone(v), func(item any) bool { _, isUnknown := item.(unknown); return isUnknown })
		default:
			result[key] = v
		}
	}
	return result
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
