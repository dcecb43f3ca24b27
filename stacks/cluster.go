package stacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/components"
	"github.com/opex-project/opex/internal/problem"
)

// connect returns the provider for the cluster and the cluster's identity, which is checked before anything else is
// registered. The identity is "" in a preview that cannot know it.
func connect(ctx *pulumi.Context, c Cluster) (*kubernetes.Provider, string, error) {
	path, err := c.path(ctx.RootDirectory())
	if err != nil {
		return nil, "", err
	}
	// The path, not the contents: no credentials enter the state. Unset switches would be read from the environment.
	provider, err := kubernetes.NewProvider(ctx, "cluster", &kubernetes.ProviderArgs{
		Kubeconfig:            pulumi.String(path),
		Context:               pulumi.String(c.Context),
		EnableServerSideApply: pulumi.Bool(true),
		DeleteUnreachable:     pulumi.Bool(false), // an outage must not empty the state
		// A replaced one would be missing for a moment.
		EnableSecretMutable:    pulumi.Bool(true),
		EnableConfigMapMutable: pulumi.Bool(true),
	})
	if err != nil {
		return nil, "", err
	}
	system, err := components.GetNamespace(ctx, "cluster-identity", "kube-system", pulumi.Provider(provider))
	if err != nil {
		return nil, "", err
	}
	answer, err := internals.UnsafeAwaitOutput(ctx.Context(), system.Metadata.Uid())
	if err != nil {
		err = fmt.Errorf("opex:cluster: the cluster of context %q in %s could not be asked for its identity: %w\nNothing was changed", c.Context, path, err)
		// After a failed call the SDK drops what the program returns, so this is said at once.
		return nil, "", errors.Join(err, ctx.Log.Error(err.Error(), nil))
	}
	uid := ""
	if known, is := answer.Value.(*string); is && known != nil {
		uid = *known
	}
	switch {
	case uid == "" && !ctx.DryRun():
		return nil, "", fmt.Errorf("opex:cluster: the cluster of context %q does not tell its identity, the UID of kube-system. Nothing was changed", c.Context)
	case uid == "" && c.UID != "":
		return provider, "", ctx.Log.Warn("opex:cluster.uid: the cluster's identity is not known in this preview; `pulumi up` will check it", nil)
	case c.UID != "" && uid != c.UID:
		return nil, "", fmt.Errorf("opex:cluster.uid: context %q of %s leads to the cluster %s, expected is %s. Nothing was changed",
			c.Context, path, uid, c.UID)
	}
	return provider, uid, nil
}

// problems checks that the kubeconfig can be read and holds the context.
func (c Cluster) problems(folder string) problem.List {
	var found problem.List
	if c.Kubeconfig == "" {
		found.Add("kubeconfig", "is empty: a default would be whichever cluster was used last")
		return found
	}
	path, err := c.path(folder)
	if err != nil {
		found.Add("kubeconfig", "%v", err)
		return found
	}
	data, err := os.ReadFile(path)
	if err != nil {
		found.Add("kubeconfig", "cannot be read: %v", err)
		return found
	}
	var file struct {
		Contexts []struct {
			Name string `yaml:"name"`
		} `yaml:"contexts"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		found.Add("kubeconfig", "%s is no kubeconfig: it is not valid YAML", path) // the parser's words could quote a credential
		return found
	}
	var names []string
	for _, context := range file.Contexts {
		if context.Name == c.Context && c.Context != "" {
			return found
		}
		names = append(names, context.Name)
	}
	found.Add("context", "%q is not in %s; it holds: %s", c.Context, path, strings.Join(names, ", "))
	return found
}

// path returns the kubeconfig's absolute path.
func (c Cluster) path(folder string) (string, error) { return fromProject(folder, c.Kubeconfig) }

// fromProject returns the absolute path of a file that is named from the project's folder, or with ~/ from the home folder.
func fromProject(folder, file string) (string, error) {
	if below, is := strings.CutPrefix(file, "~/"); is {
		home, err := os.UserHomeDir()
		return filepath.Join(home, below), err
	}
	if filepath.IsAbs(file) {
		return file, nil
	}
	return filepath.Abs(filepath.Join(folder, file))
}
