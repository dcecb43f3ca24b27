// Package existing deploys the staging stack onto a cluster that exists already: it checks the cluster before anything
// is changed, delivers the images that are on no registry, and keeps backups in the cluster where no bucket is named.
package existing

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// Cluster is a cluster that a context of the user's kubeconfig leads to.
type Cluster struct {
	Context, Server string
	// Folder is this project's own folder for the cluster: keys, Pulumi's state, a kubeconfig with this context only.
	Folder string
	config *rest.Config
	client kubernetes.Interface
}

// Open reads the context from the files that KUBECONFIG names, or from ~/.kube/config. It asks the cluster nothing.
func Open(repo, context string) (*Cluster, error) {
	all, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	chosen, known := all.Contexts[context]
	if !known {
		return nil, fmt.Errorf("no context %q in the kubeconfig; contexts are: %s", context, contexts(all))
	}
	server, known := all.Clusters[chosen.Cluster]
	if !known {
		return nil, fmt.Errorf("context %q names the cluster %q, which the kubeconfig does not have", context, chosen.Cluster)
	}
	config, err := clientcmd.NewDefaultClientConfig(*all, &clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", context, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", context, err)
	}
	c := &Cluster{
		Context: context, Server: server.Server, config: config, client: client,
		Folder: filepath.Join(repo, layout.StateFolder, "clusters", folderName(context)),
	}
	return c, c.keepKubeconfig(*all)
}

// Kubeconfig is a file with this context and no other, so that nothing else can be reached by mistake.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.Folder, "kubeconfig") }

// keepKubeconfig writes the file anew each time: credentials change.
func (c *Cluster) keepKubeconfig(all clientcmdapi.Config) error {
	all.CurrentContext = c.Context
	if err := clientcmdapi.MinifyConfig(&all); err != nil {
		return fmt.Errorf("context %q: %w", c.Context, err)
	}
	if err := clientcmdapi.FlattenConfig(&all); err != nil {
		return fmt.Errorf("context %q: %w", c.Context, err)
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return err
	}
	return clientcmd.WriteToFile(all, c.Kubeconfig())
}

// folderName turns a context's name, which may be an ARN, into the name of one folder.
func folderName(context string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, context)
}

func contexts(all *clientcmdapi.Config) string {
	if len(all.Contexts) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(all.Contexts)), ", ")
}

// HasContext says whether the kubeconfig has the context.
func HasContext(context string) (bool, error) {
	all, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		return false, fmt.Errorf("kubeconfig: %w", err)
	}
	return all.Contexts[context] != nil, nil
}
