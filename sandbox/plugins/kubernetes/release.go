package kubernetes

import (
	"context"
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	helmrelease "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// checkRelease completes a release's inputs, loads its chart, and writes down the version that it found: a newer chart
// in the repository then shows as a difference.
func (k *plugin) checkRelease(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	object := toObject(req.Inputs)
	failures := refuseReleaseKeys(req.Inputs)
	if err := k.completeRelease(object, toObject(req.State), req.Urn); err != nil {
		failures = append(failures, p.CheckFailure{Property: "valueYamlFiles", Reason: err.Error()})
	}
	args, err := decodeRelease(object)
	if err != nil {
		failures = append(failures, p.CheckFailure{Reason: err.Error()})
	}
	if len(failures) == 0 && !hasComputed(req.Inputs) {
		if found, _, err := k.loadChart(args); err != nil {
			failures = append(failures, p.CheckFailure{Property: "chart", Reason: fmt.Sprintf(
				"the chart %q cannot be loaded: %v; check its name, its version and repositoryOpts", args.Chart, err)})
		} else {
			object["version"] = found.Metadata.Version
			k.rememberScopes(found.CRDObjects())
		}
	}
	like := req.Inputs
	if req.Inputs.Get("valueYamlFiles").HasSecrets() {
		like = like.Set("values", like.Get("values").WithSecret(true))
	}
	return p.CheckResponse{Inputs: fromObject(object, like), Failures: failures}, nil
}

// diffRelease compares with the release as last seen: a refresh finds values that someone else has set.
func (k *plugin) diffRelease(req p.DiffRequest) (p.DiffResponse, error) {
	inputs := toObject(req.Inputs)
	state := toObject(req.State)
	oldInputs, _ := state[inputsKey].(map[string]any)
	old := map[string]any{}
	for key, given := range oldInputs {
		if old[key] = given; state[key] != nil {
			old[key] = state[key]
		}
	}
	changes, err := withoutIgnored(diffObjects(old, inputs), req.IgnoreChanges)
	if err != nil {
		return p.DiffResponse{}, fmt.Errorf("%s: %w", req.Urn.Name(), err)
	}
	markReplacing(changes, []string{"name", "namespace"})
	return p.DiffResponse{HasChanges: len(changes) > 0, DetailedDiff: detailed(changes)}, nil
}

func (k *plugin) createRelease(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	if req.DryRun {
		return p.CreateResponse{Properties: releaseState(req.Properties, nil)}, nil
	}
	args, made, err := k.runRelease(ctx, req.Urn.Name(), req.Properties, true)
	response := p.CreateResponse{ID: fqName(args.Namespace, args.Name), Properties: releaseState(req.Properties, made)}
	if err != nil && made != nil {
		response.PartialState = partial(err)
	}
	return response, err
}

func (k *plugin) updateRelease(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	if req.DryRun {
		return p.UpdateResponse{Properties: releaseState(req.Inputs, nil)}, nil
	}
	_, made, err := k.runRelease(ctx, req.Urn.Name(), req.Inputs, false)
	response := p.UpdateResponse{Properties: releaseState(req.Inputs, made)}
	if err != nil && made != nil {
		response.PartialState = partial(err)
	}
	return response, err
}

func (k *plugin) readRelease(_ context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	namespace, name := splitID(req.ID)
	actions, err := k.helm(canonicalNamespace(namespace))
	if err != nil {
		return p.ReadResponse{}, err
	}
	found, err := lastRelease(actions, name)
	if err != nil || found == nil {
		return p.ReadResponse{}, err
	}
	inputs := req.Inputs
	if inputs.Len() == 0 {
		// An import. Where the chart came from is not recorded; the program says it, and the next check finds out.
		inputs = fromObject(map[string]any{"name": name, "namespace": found.Namespace, "chart": found.Chart.Metadata.Name,
			"version": found.Chart.Metadata.Version, "values": found.Config, "timeout": int64(defaultReleaseTimeout)}, property.Map{})
	}
	return p.ReadResponse{ID: req.ID, Inputs: inputs, Properties: releaseState(inputs, found)}, nil
}

func (k *plugin) deleteRelease(_ context.Context, req p.DeleteRequest) error {
	args, err := decodeRelease(toObject(req.Properties))
	if err != nil {
		return err
	}
	actions, err := k.helm(args.Namespace)
	if err != nil {
		return err
	}
	do := action.NewUninstall(actions)
	do.IgnoreNotFound, do.Timeout, do.WaitStrategy = true, args.timeout(), args.waitStrategy()
	if _, err := do.Run(args.Name); err != nil {
		return fmt.Errorf("%s: the release %s was not uninstalled: %w", req.Urn.Name(), fqName(args.Namespace, args.Name), err)
	}
	return nil
}

// releaseState is what the engine keeps of a release: its inputs with what the cluster has of them, the objects' names
// and the status. Without a release, in a preview, the last two are not known. The inputs are kept secret as a whole:
// values hold passwords, and any of them may have become part of another string.
func releaseState(inputs property.Map, r *helmrelease.Release) property.Map {
	state := inputs.Set(inputsKey, property.New(inputs).WithSecret(true))
	if r == nil {
		return state.Set("resourceNames", property.New(property.Computed)).Set("status", property.New(property.Computed))
	}
	objects, _ := manifestObjects(r.Manifest) // the server has taken it: it can be read
	seen := fromObject(map[string]any{
		"values": r.Config, "version": r.Chart.Metadata.Version, "resourceNames": resourceNames(objects),
		"status": map[string]any{
			"status": r.Info.Status.String(), "name": r.Name, "namespace": r.Namespace, "revision": int64(r.Version),
			"chart": r.Chart.Metadata.Name, "version": r.Chart.Metadata.Version, "appVersion": r.Chart.Metadata.AppVersion,
		},
	}, inputs)
	for key, v := range seen.All {
		state = state.Set(key, v)
	}
	return state
}

// rememberScopes notes the kinds that a chart defines, for previews of objects of them.
func (k *plugin) rememberScopes(definitions []chart.CRD) {
	for _, d := range definitions {
		objects, _ := manifestObjects(string(d.File.Data))
		for _, u := range objects {
			if k.cluster != nil && isCRD(u.Object) {
				k.cluster.scopes.Store(schema.GroupKind{Group: str(u.Object, "spec", "group"), Kind: str(u.Object, "spec", "names", "kind")},
					str(u.Object, "spec", "scope") != "Cluster")
			}
		}
	}
}
