package kubernetes

import (
	"context"
	"errors"
	"reflect"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"k8s.io/client-go/tools/clientcmd/api"
)

func (k *plugin) checkConfig(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	_, failures := parseConfig(configStrings(req.Inputs))
	if v := req.Inputs.Get("strictMode"); v.IsString() && v.AsString() == "true" || v.IsBool() && v.AsBool() {
		for _, key := range []string{"kubeconfig", "context"} {
			if v := req.Inputs.Get(key); v.IsNull() || v.IsString() && v.AsString() == "" {
				failures = append(failures, p.CheckFailure{Property: key,
					Reason: "strictMode needs the provider key \"" + key + "\": without it an ambient default would be used"})
			}
		}
	}
	return p.CheckResponse{Inputs: req.Inputs, Failures: failures}, nil
}

// diffConfig decides whether the provider points at another cluster, in which case all its objects are replaced.
// A clusterIdentifier, once given and unchanged, decides alone; otherwise the cluster entry of the kubeconfig does.
func (k *plugin) diffConfig(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	changes := diffObjects(toObject(req.State), toObject(req.Inputs))
	response := p.DiffResponse{HasChanges: len(changes) > 0, DetailedDiff: map[string]p.PropertyDiff{}}
	for _, c := range changes {
		response.DetailedDiff[c.String()] = p.PropertyDiff{Kind: c.kind, InputDiff: true}
	}
	oldID, newID := req.State.Get("clusterIdentifier"), req.Inputs.Get("clusterIdentifier")
	replace := func(keys ...string) {
		for name, d := range response.DetailedDiff {
			for _, key := range keys {
				if name == key {
					response.DetailedDiff[name] = p.PropertyDiff{Kind: replacing(d.Kind), InputDiff: true}
				}
			}
		}
	}
	if oldID.IsString() && newID.IsString() {
		if oldID.AsString() != newID.AsString() {
			replace("clusterIdentifier")
		}
		return response, nil
	}
	before, errBefore := activeCluster(req.State)
	after, errAfter := activeCluster(req.Inputs)
	if errors.Is(errAfter, errUnknown) || errBefore == nil && errAfter == nil && !reflect.DeepEqual(before, after) {
		replace("kubeconfig", "context", "cluster")
	}
	return response, nil
}

var errUnknown = errors.New("not known before the update")

// activeCluster is the kubeconfig's entry of the cluster that the configuration selects.
func activeCluster(m property.Map) (*api.Cluster, error) {
	for _, key := range []string{"kubeconfig", "context", "cluster"} {
		if m.Get(key).HasComputed() {
			return nil, errUnknown
		}
	}
	config, _ := parseConfig(configStrings(m))
	raw, err := config.clientConfig().RawConfig()
	if err != nil {
		return nil, err
	}
	name := config.Cluster
	if name == "" {
		current := raw.CurrentContext
		if config.Context != "" {
			current = config.Context
		}
		if raw.Contexts[current] == nil {
			return nil, errors.New("no such context")
		}
		name = raw.Contexts[current].Cluster
	}
	if raw.Clusters[name] == nil {
		return nil, errors.New("no such cluster")
	}
	cluster := raw.Clusters[name].DeepCopy()
	cluster.LocationOfOrigin = ""
	return cluster, nil
}

func (k *plugin) configure(_ context.Context, req p.ConfigureRequest) error {
	values := map[string]string{}
	for name, value := range req.Variables {
		if key, ok := strings.CutPrefix(name, configPrefix); ok {
			values[key] = value
		}
	}
	config, failures := parseConfig(values)
	if len(failures) > 0 {
		var problems []error
		for _, f := range failures {
			problems = append(problems, errors.New(f.Reason))
		}
		return errors.Join(problems...)
	}
	k.config = config
	k.cluster, k.unreachable = connect(config, warnings(k.warn))
	return nil
}
