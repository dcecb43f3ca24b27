package existing

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/sandbox/internal/deploy"
	"github.com/opex-project/opex/sandbox/internal/image"
)

// Settings are what the user adds to the stack's config.
type Settings struct {
	// Config are keys such as opex:backup, laid over the stack's file.
	Config map[string]any
	// Names are the images of this repository that a registry got.
	Names Names
}

// settingsFile is the form of a file with settings: that of a stack's file.
type settingsFile struct {
	Config map[string]any `yaml:"config"`
}

// Settings reads the user's file; without a path it returns what the last deployment was made with.
func (c *Cluster) Settings(path string) (Settings, error) {
	before, err := readSettings(c.settingsPath())
	if errors.Is(err, fs.ErrNotExist) {
		before, err = Settings{}, nil
	}
	if err != nil || path == "" {
		return before, err
	}
	now, err := readSettings(path)
	if err != nil {
		return now, err
	}
	if len(now.Config) == 0 {
		return now, fmt.Errorf(
			"%s: expected the key config with keys such as opex:backup, as in Pulumi.staging.yaml", path,
		)
	}
	for _, key := range deploy.SecretKeys {
		if now.Config[key] != nil {
			return now, fmt.Errorf(
				"%s: %s is secret: set it in the stack's shell with `pulumi config set --secret --path %[2]s...`", path, key,
			)
		}
	}
	pinned, err := c.pinnedUID()
	if err == nil && pinned != "" && before.backups() != now.backups() {
		err = fmt.Errorf("%s: backups would move to another place, and the old ones would be lost: "+
			"destroy the stack first, or keep opex:backup as it is", path)
	}
	return now, err
}

func readSettings(path string) (Settings, error) {
	var file settingsFile
	err := deploy.ReadYAML(path, &file)
	return Settings{Config: file.Config}, err
}

func (c *Cluster) settingsPath() string { return filepath.Join(c.Folder, "settings.yaml") }

// Pin notes that the stack is deployed on this cluster, with these settings.
func (c *Cluster) Pin(f Facts, settings Settings) error {
	data, err := yaml.Marshal(settingsFile{Config: settings.Config})
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.settingsPath(), data, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Folder, "uid"), []byte(f.UID), 0o600)
}

// NamesBucket says that the user keeps backups in a place of their own, or none.
func (s Settings) NamesBucket() bool {
	backup, _ := s.Config["opex:backup"].(map[string]any)
	return backup["bucket"] != nil || backup["store"] != nil || backup["enabled"] == false
}

// backups is the place where the user keeps them, for comparison with another.
func (s Settings) backups() string {
	backup, _ := s.Config["opex:backup"].(map[string]any)
	return fmt.Sprint(backup["bucket"], backup["store"], backup["enabled"])
}

// Namespace is that of the services.
func (s Settings) Namespace() string {
	if namespace, _ := s.Config["opex:namespace"].(string); namespace != "" {
		return namespace
	}
	return stack
}

// stack is the one that is deployed, and the value of opex:environment in its file.
const stack = "staging"

// Target is the staging stack on the cluster.
func (c *Cluster) Target(repo string, f Facts, settings Settings, store *Store) (deploy.Target, error) {
	target := deploy.Target{
		Repo: repo, Stack: stack, Folder: c.Folder, Kubeconfig: c.Kubeconfig(), Context: c.Context, UID: f.UID,
		Defaults: c.defaults(f), Overlay: map[string]any{}, Environment: map[string]string{},
		Shell: "make shell CLUSTER=" + c.Context,
	}
	if store != nil {
		target.StoreKeys = &store.Keys
		target.Overlay["opex:backup"] = store.Config()
	}
	if len(settings.Names) > 0 {
		target.Overlay["opex:images"] = map[string]any{
			"opex-load": settings.Names[image.Load], "opex": settings.Names[image.Opex],
		}
	}
	target.Overlay = deploy.Merge(target.Overlay, settings.Config)
	if len(settings.Names) > 0 {
		var file settingsFile
		if err := deploy.ReadYAML(filepath.Join(repo, "Pulumi."+stack+".yaml"), &file); err != nil {
			return target, err
		}
		services, err := deploy.Services(repo, deploy.Merge(file.Config, settings.Config))
		if err != nil {
			return target, err
		}
		target.Overlay[deploy.ServicesKey] = settings.Names.rename(services)
	}
	return target, nil
}

// defaults are what follows from the kind of cluster; the stack's file and the user's settings come before them.
func (c *Cluster) defaults(f Facts) map[string]any {
	defaults := map[string]any{}
	if !slices.ContainsFunc(f.Nodes, func(n Node) bool { return n.Cloud }) {
		defaults = deploy.Prices()
	}
	if slices.ContainsFunc(f.Nodes, Node.k3s) {
		defaults["opex:chaos"] = map[string]any{"runtimeSocket": "/run/k3s/containerd/containerd.sock"}
	}
	if c.Context == "minikube" || strings.HasPrefix(c.Context, "kind-") {
		// Their kubelets sign their own certificates.
		defaults["opex:charts"] = map[string]any{"metrics-server": map[string]any{
			"values": map[string]any{"args": []any{"--kubelet-insecure-tls"}},
		}}
	}
	return defaults
}

// rename returns the services with the registry's names in place of this repository's.
func (n Names) rename(services []any) []any {
	renamed := slices.Clone(services)
	for i, entry := range renamed {
		service, _ := entry.(map[string]any)
		built, _ := service["image"].(string)
		if pushed, is := n[built]; is {
			service = maps.Clone(service)
			service["image"] = pushed
			renamed[i] = service
		}
	}
	return renamed
}
