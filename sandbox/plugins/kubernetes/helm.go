package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/downloader"
	"helm.sh/helm/v4/pkg/getter"
	"helm.sh/helm/v4/pkg/kube"
	helmrelease "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// helmCluster gives Helm this provider's connection, with the release's namespace as the default one.
type helmCluster struct {
	*cluster
	namespace string
}

// ToRESTConfig implements Helm's view of a cluster.
func (h helmCluster) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(h.rest), nil }

// ToDiscoveryClient implements Helm's view of a cluster.
func (h helmCluster) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return h.discovery, nil
}

// ToRESTMapper implements Helm's view of a cluster.
func (h helmCluster) ToRESTMapper() (meta.RESTMapper, error) { return h.mapper, nil }

// ToRawKubeConfigLoader implements Helm's view of a cluster.
func (h helmCluster) ToRawKubeConfigLoader() clientcmd.ClientConfig { return h }

// ClientConfig, Namespace, RawConfig and ConfigAccess make a clientcmd.ClientConfig of the connection.
func (h helmCluster) ClientConfig() (*rest.Config, error)  { return h.ToRESTConfig() }
func (h helmCluster) Namespace() (string, bool, error)     { return h.namespace, true, nil }
func (h helmCluster) RawConfig() (api.Config, error)       { return h.clientConfig.RawConfig() }
func (h helmCluster) ConfigAccess() clientcmd.ConfigAccess { return h.clientConfig.ConfigAccess() }

// helm returns Helm's actions on one namespace. Helm's own log is dropped: see releaseProgress.
func (k *plugin) helm(namespace string) (*action.Configuration, error) {
	actions := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := actions.Init(helmCluster{k.cluster, namespace}, namespace, k.config.Helm.Driver); err != nil {
		return nil, fmt.Errorf("helmReleaseSettings.driver: %w", err)
	}
	return actions, nil
}

// helmEnvironment is where Helm keeps its caches: its environment variables, overridden by the provider's settings.
func (k *plugin) helmEnvironment() *cli.EnvSettings {
	env := cli.New()
	override := func(to *string, setting string) {
		if setting != "" {
			*to = setting
		}
	}
	override(&env.PluginsDirectory, k.config.Helm.PluginsPath)
	override(&env.RegistryConfig, k.config.Helm.RegistryConfigPath)
	override(&env.RepositoryCache, k.config.Helm.RepositoryCache)
	override(&env.RepositoryConfig, k.config.Helm.RepositoryConfigPath)
	return env
}

// loadChart finds a release's chart, in its repository or on disk, with the charts that it depends on.
func (k *plugin) loadChart(r releaseArgs) (*chart.Chart, string, error) {
	env := k.helmEnvironment()
	options := action.ChartPathOptions{
		RepoURL: r.RepositoryOpts.Repo, CaFile: r.RepositoryOpts.CAFile, CertFile: r.RepositoryOpts.CertFile,
		KeyFile: r.RepositoryOpts.KeyFile, Username: r.RepositoryOpts.Username, Password: r.RepositoryOpts.Password,
		Version: strings.TrimSpace(r.Version), Verify: r.Verify, Keyring: r.Keyring,
	}
	if options.Version == "" && r.Devel {
		options.Version = ">0.0.0-0"
	}
	name := r.Chart
	if repo := r.RepositoryOpts.Repo; repo != "" {
		if _, err := url.ParseRequestURI(repo); err != nil {
			// The name of a repository in Helm's own list, not an address.
			options.RepoURL = ""
			if !strings.Contains(name, "/") {
				name = repo + "/" + name
			}
		}
	}
	path, err := options.LocateChart(name, env)
	if err != nil {
		return nil, "", err
	}
	found, err := loader.Load(path)
	if err != nil {
		return nil, "", err
	}
	if r.DependencyUpdate && len(found.Metadata.Dependencies) > 0 {
		update := downloader.Manager{Out: io.Discard, ChartPath: path, Keyring: r.Keyring, Getters: getter.All(env),
			RepositoryConfig: env.RepositoryConfig, RepositoryCache: env.RepositoryCache, ContentCache: env.ContentCache}
		if err := update.Update(); err != nil {
			return nil, "", err
		}
		if found, err = loader.Load(path); err != nil {
			return nil, "", err
		}
	}
	if t := found.Metadata.Type; t != "" && t != "application" {
		return nil, "", fmt.Errorf("the chart is of type %s, which cannot be installed", t)
	}
	return found, path, nil
}

func (r releaseArgs) waitStrategy() kube.WaitStrategy {
	if r.SkipAwait {
		return kube.HookOnlyStrategy
	}
	return kube.LegacyStrategy // as Helm 3 waits, on which the official plugin is built
}

func install(ctx context.Context, actions *action.Configuration, r releaseArgs, c *chart.Chart) (*helmrelease.Release, error) {
	do := action.NewInstall(actions)
	do.ReleaseName, do.Namespace, do.CreateNamespace = r.Name, r.Namespace, r.CreateNamespace
	do.ServerSideApply = false // as Helm 3
	do.WaitStrategy, do.WaitForJobs, do.Timeout = r.waitStrategy(), !r.SkipAwait && r.WaitForJobs, r.timeout()
	do.RollbackOnFailure, do.Replace, do.Devel = r.Atomic, r.Replace, r.Devel
	do.DisableHooks, do.SkipCRDs = r.DisableWebhooks, r.SkipCrds
	do.DisableOpenAPIValidation, do.SubNotes, do.Description = r.DisableOpenapiValidation, r.RenderSubchartNotes, r.Description
	made, err := do.RunWithContext(ctx, c, r.Values)
	return asRelease(made), err
}

func upgrade(ctx context.Context, actions *action.Configuration, r releaseArgs, c *chart.Chart) (*helmrelease.Release, error) {
	do := action.NewUpgrade(actions)
	do.Namespace = r.Namespace
	do.ServerSideApply = "false" // as Helm 3
	do.WaitStrategy, do.WaitForJobs, do.Timeout = r.waitStrategy(), !r.SkipAwait && r.WaitForJobs, r.timeout()
	do.RollbackOnFailure, do.CleanupOnFail, do.ForceReplace = r.Atomic, r.CleanupOnFail, r.ForceUpdate
	do.DisableHooks = r.DisableCRDHooks // sic: the official plugin takes this key on an upgrade, disableWebhooks on an install
	do.ResetValues, do.ReuseValues, do.MaxHistory = r.ResetValues, r.ReuseValues, r.MaxHistory
	do.SubNotes, do.Description, do.Devel = r.RenderSubchartNotes, r.Description, r.Devel
	made, err := do.RunWithContext(ctx, r.Name, c, r.Values)
	return asRelease(made), err
}

// lastRelease is the newest revision of a release, or nil if there is none.
func lastRelease(actions *action.Configuration, name string) (*helmrelease.Release, error) {
	found, err := actions.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	return asRelease(found), err
}

// asRelease undoes Helm's any. A typed nil stays nil.
func asRelease(r any) *helmrelease.Release {
	made, _ := r.(*helmrelease.Release)
	return made
}

// manifestObjects are the objects of a rendered chart.
func manifestObjects(manifest string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewBufferString(manifest), 4096); ; {
		object := map[string]any{}
		if err := decoder.Decode(&object); err == io.EOF {
			return objects, nil
		} else if err != nil {
			return objects, err
		}
		if object["kind"] != nil {
			objects = append(objects, wrap(object))
		}
	}
}

// resourceNames groups the names of a release's objects by their kind: "Deployment.apps/apps/v1" has ["web/api"].
func resourceNames(objects []*unstructured.Unstructured) map[string]any {
	names := map[string][]string{}
	for _, u := range objects {
		key := u.GroupVersionKind().GroupKind().String() + "/" + u.GetAPIVersion()
		if name := fqName(u.GetNamespace(), u.GetName()); !slices.Contains(names[key], name) {
			names[key] = append(names[key], name)
		}
	}
	result := map[string]any{}
	for key, list := range names {
		slices.Sort(list)
		items := make([]any, len(list))
		for i, name := range list {
			items[i] = name
		}
		result[key] = items
	}
	return result
}
