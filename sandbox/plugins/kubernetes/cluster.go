package kubernetes

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// cluster is a connection to one API server.
type cluster struct {
	rest         *rest.Config
	clientConfig clientcmd.ClientConfig
	client       dynamic.Interface
	discovery    discovery.CachedDiscoveryInterface
	mapper       *restmapper.DeferredDiscoveryRESTMapper
	// namespace is for namespaced objects that name none.
	namespace string
	// scopes holds, for kinds that the program itself defines, whether they are namespaced: a preview meets objects of
	// them before the API server knows them.
	scopes sync.Map // schema.GroupKind -> bool
}

// clientConfig loads the kubeconfig: contents or path, or client-go's usual places when none is named.
func (c Config) clientConfig() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{
		Context:        api.Context{Cluster: c.Cluster, Namespace: c.Namespace},
		CurrentContext: c.Context,
	}
	if c.Kubeconfig == "" {
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), overrides)
	}
	contents := []byte(c.Kubeconfig)
	if !strings.Contains(c.Kubeconfig, "\n") && !strings.HasPrefix(strings.TrimSpace(c.Kubeconfig), "{") {
		path := c.Kubeconfig
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			path = os.Getenv("HOME") + "/" + rest
		}
		var err error
		if contents, err = os.ReadFile(path); err != nil {
			return failedConfig{clientcmd.NewDefaultClientConfig(*api.NewConfig(), overrides), err}
		}
	}
	config, err := clientcmd.Load(contents)
	if err != nil {
		return failedConfig{clientcmd.NewDefaultClientConfig(*api.NewConfig(), overrides), err}
	}
	return clientcmd.NewDefaultClientConfig(*config, overrides)
}

// failedConfig is a kubeconfig that could not be read; it says so when it is used.
type failedConfig struct {
	kubeconfigLoader
	err error
}

// kubeconfigLoader lets failedConfig embed an interface of which it has a method of the same name.
type kubeconfigLoader = clientcmd.ClientConfig

func (f failedConfig) ClientConfig() (*rest.Config, error) { return nil, f.err }
func (f failedConfig) RawConfig() (api.Config, error)      { return api.Config{}, f.err }

// connect makes the clients and asks the server for its version, to learn now whether it answers.
func connect(c Config, warnings rest.WarningHandlerWithContext) (*cluster, error) {
	kubeconfig := c.clientConfig()
	config, err := kubeconfig.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig cannot be used: %w", err)
	}
	config.QPS, config.Burst = 50, 120
	if c.Client.QPS != nil {
		config.QPS = float32(*c.Client.QPS)
	}
	if c.Client.Burst != nil {
		config.Burst = *c.Client.Burst
	}
	if c.Client.Timeout != nil {
		config.Timeout = time.Duration(*c.Client.Timeout) * time.Second
	}
	config.UserAgent = "pulumi-resource-kubernetes/" + Version
	config.WarningHandlerWithContext = warnings

	uncached, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	if _, err := uncached.ServerVersion(); err != nil {
		return nil, fmt.Errorf("the API server at %s does not answer: %w", config.Host, err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	namespace, _, err := kubeconfig.Namespace()
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(uncached)
	return &cluster{
		rest: config, clientConfig: kubeconfig, client: client, namespace: namespace,
		discovery: cached, mapper: restmapper.NewDeferredDiscoveryRESTMapper(cached),
	}, nil
}

// mapping finds the resource of a kind. A miss is looked up once more with a fresh list: its definition may be new.
func (c *cluster) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	m, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		m, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	return m, err
}

// resource returns the client for objects of a kind in a namespace, which is ignored for cluster-scoped kinds.
func (c *cluster) resource(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	m, err := c.mapping(gvk)
	if err != nil {
		return nil, err
	}
	if m.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.client.Resource(m.Resource), nil
	}
	return c.client.Resource(m.Resource).Namespace(canonicalNamespace(namespace)), nil
}

// namespaced says whether objects of a kind live in a namespace. A kind that neither the server nor the program defines
// yet is taken to be namespaced, as most are.
func (c *cluster) namespaced(gvk schema.GroupVersionKind) (bool, error) {
	m, err := c.mapping(gvk)
	if meta.IsNoMatchError(err) {
		scope, known := c.scopes.Load(gvk.GroupKind())
		return !known || scope.(bool), nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot tell whether %s is namespaced: %w", gvk.Kind, err)
	}
	return m.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// exists says whether the server serves a kind now.
func (c *cluster) exists(gvk schema.GroupVersionKind) bool {
	_, err := c.mapping(gvk)
	return err == nil
}

func canonicalNamespace(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}

// warn shows a warning of the API server (a misspelt field, a deprecated version) once.
func (k *plugin) warn(ctx context.Context, code int, _, text string) {
	deprecation := strings.Contains(text, "deprecated")
	if code != 299 || text == "" || deprecation && k.config.SuppressDeprecation {
		return
	}
	log := p.GetLogger(ctx)
	if _, seen := k.warned.LoadOrStore(text, true); !seen {
		log.Warning("the API server warns: " + text)
	}
}

// warnings makes a function a handler of the API server's warnings.
type warnings func(ctx context.Context, code int, agent, text string)

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (w warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, agent, text string) {
	w(ctx, code, agent, text)
}
