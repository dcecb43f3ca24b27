package existing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/opex-project/opex/sandbox/internal/foreground"
	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

// CheckPulumi says why the user's own Pulumi cannot run the program, or nil. Its official plugins come by themselves.
func CheckPulumi(ctx context.Context, repo string) error {
	pinned, err := os.ReadFile(filepath.Join(repo, ".pulumi.version"))
	if err != nil {
		return err
	}
	oldest := version.MustParseGeneric(strings.TrimSpace(string(pinned)))
	out, err := exec.CommandContext(ctx, "pulumi", "version").Output()
	if err != nil {
		return fmt.Errorf("`pulumi version`: %w: install Pulumi %s or later (https://www.pulumi.com/docs/install)", err, oldest)
	}
	found, err := version.ParseGeneric(strings.TrimSpace(string(out)))
	if err != nil {
		return fmt.Errorf("`pulumi version`: %w", err)
	}
	if found.LessThan(oldest) {
		return fmt.Errorf("Pulumi is %s: %s or later is needed (https://www.pulumi.com/docs/install)", found, oldest)
	}
	return nil
}

const (
	kindCluster = "opex"
	// KindContext is the context that kind writes for the cluster that MakeKind makes.
	KindContext = "kind-" + kindCluster
)

var errNoDaemon = errors.New("no answer of the daemon")

// CheckKind says why no kind cluster can be made, or nil.
func CheckKind(ctx context.Context) error {
	if _, err := exec.LookPath("kind"); err != nil {
		return fmt.Errorf("%w: install it (https://kind.sigs.k8s.io), or name a context of a cluster that you have", err)
	}
	// Docker versions exist that end with 0 without a daemon, but none that knows its version.
	docker := exec.CommandContext(ctx, "docker", "version", "--format={{.Server.Version}}")
	var stderr strings.Builder
	docker.Stderr = &stderr
	if out, err := docker.Output(); err != nil || strings.TrimSpace(string(out)) == "" {
		return fmt.Errorf("kind needs Docker, which does not run: %s: %w\n%s", docker, errors.Join(err, errNoDaemon), &stderr)
	}
	return nil
}

// MakeKind makes a kind cluster with Docker.
func MakeKind() error {
	command := exec.Command("kind", "create", "cluster", "--name", kindCluster, "--wait", "3m")
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := foreground.Run(command); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(command.Args, " "), err)
	}
	return nil
}

// loaders put an image's archive into the nodes of a local cluster, by the prefix that its tool gives to contexts. What
// follows the prefix is the cluster's name.
var loaders = map[string]func(archive, cluster string) []string{
	"kind-": func(archive, cluster string) []string {
		return []string{"kind", "load", "image-archive", archive, "--name", cluster}
	},
	"k3d-": func(archive, cluster string) []string {
		return []string{"k3d", "image", "import", archive, "--cluster", cluster}
	},
	"minikube": func(archive, _ string) []string { return []string{"minikube", "image", "load", archive} },
}

// loaderOf returns the commands that load this repository's images into the nodes of a context's cluster; none for a
// cluster whose nodes pull.
func loaderOf(s layout.Sandbox, context string) [][]string {
	var commands [][]string
	for prefix, loader := range loaders {
		cluster, is := strings.CutPrefix(context, prefix)
		if !is || prefix == "minikube" && cluster != "" {
			continue
		}
		for _, i := range image.Own() {
			commands = append(commands, loader(image.Archive(s, i), cluster))
		}
	}
	return commands
}

// CheckLoader says why this repository's images cannot be loaded into the cluster's nodes, or nil: only those of kind,
// k3d and minikube can.
func (c *Cluster) CheckLoader() error {
	commands := loaderOf(layout.Sandbox{}, c.Context)
	if len(commands) == 0 {
		return errors.New("its nodes cannot get this repository's images: name a registry that you may push to and they may " +
			"pull from, such as REGISTRY=ghcr.io/acme")
	}
	if _, err := exec.LookPath(commands[0][0]); err != nil {
		return fmt.Errorf("its nodes get images by a program that is not here: %w", err)
	}
	return nil
}

// LoadImages puts this repository's images into the nodes of a local cluster.
func (c *Cluster) LoadImages(ctx context.Context, s layout.Sandbox) error {
	for _, args := range loaderOf(s, c.Context) {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
