package stacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opex-project/opex/components/spec"
	"github.com/opex-project/opex/internal/problem"
)

// connect returns the provider for the cluster, and what the cluster was found to hold. That it is the expected cluster
// is checked before anything is registered. A preview goes on without a cluster, and says what it could not check.
func connect(ctx *pulumi.Context, c Config) (*kubernetes.Provider, facts, error) {
	found, err := lookUp(ctx.Context(), c, ctx.RootDirectory())
	switch {
	case err != nil && ctx.DryRun():
		text := "opex:cluster: %v\nThis preview could not check: the cluster's identity, which addresses its API server has, whether metrics-server and " +
			"the Vertical Pod Autoscaler's kinds are there already, and the size and class of the databases' claims"
		if err := ctx.Log.Warn(fmt.Sprintf(text, err), nil); err != nil {
			return nil, facts{}, err
		}
	case err != nil:
		return nil, facts{}, fmt.Errorf("opex:cluster: %w\nNothing was changed", err)
	default:
		var problems problem.List
		found.check(&problems, c)
		if err := problems.Err("opex: the cluster", "Nothing was changed."); err != nil {
			return nil, facts{}, err
		}
	}
	// The path as it is written, not the contents: no credentials enter the state, and another home folder is no
	// difference.
	args := &kubernetes.ProviderArgs{
		Kubeconfig:            pulumi.String(c.Cluster.Kubeconfig),
		Context:               pulumi.String(c.Cluster.Context),
		EnableServerSideApply: pulumi.Bool(true),
		DeleteUnreachable:     pulumi.Bool(false), // an outage must not empty the state
		// A replaced one would be missing for a moment.
		EnableSecretMutable:    pulumi.Bool(true),
		EnableConfigMapMutable: pulumi.Bool(true),
	}
	if uid := found.identity(c); uid != "" {
		args.ClusterIdentifier = pulumi.String(uid) // and not what the kubeconfig says: an address may change
	}
	provider, err := kubernetes.NewProvider(ctx, "cluster", args, pulumi.Protect(c.protected()))
	return provider, found, err
}

// problems checks that the kubeconfig can be read and holds the context. A file that is missing is left to connect: a
// preview may do without.
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
	if errors.Is(err, os.ErrNotExist) {
		return found
	} else if err != nil {
		found.Add("kubeconfig", "cannot be read: %v", err)
		return found
	}
	config, err := clientcmd.Load(data)
	if err != nil {
		found.Add("kubeconfig", "%s is no kubeconfig", path) // the parser's words could quote a credential
		return found
	}
	if _, is := config.Contexts[c.Context]; !is {
		found.Add(
			"context", "%q is not in %s; it holds: %s", c.Context, path,
			strings.Join(sortedKeys(config.Contexts), ", "),
		)
	}
	for i, cidr := range c.ControlPlane {
		spec.CheckCIDR(&found, fmt.Sprintf("controlPlane[%d]", i), cidr)
	}
	return found
}

// path returns the kubeconfig's absolute path.
func (c Cluster) path(folder string) (string, error) { return fromProject(folder, c.Kubeconfig) }

// fromProject returns the absolute path of a file that is named from the project's folder, or with ~/ from the home
// folder.
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
