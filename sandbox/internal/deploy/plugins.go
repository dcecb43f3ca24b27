package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/opex-project/opex/sandbox/internal/build"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

// resourcePlugins maps the program's SDK modules to the plugins that serve them.
var resourcePlugins = map[string]string{
	"github.com/pulumi/pulumi-kubernetes/sdk/v4": "kubernetes",
	"github.com/pulumi/pulumi-aws/sdk/v6":        "aws",
}

// installPlugins fills the sandbox's Pulumi home with the resource plugins that the program's go.mod asks for. There,
// and not on the PATH, no warning is printed about them.
func installPlugins(s layout.Sandbox) error {
	path := filepath.Join(s.Repo, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	module, err := modfile.ParseLax(path, data, nil)
	if err != nil {
		return err
	}
	folder := filepath.Join(pulumiHome(s), "plugins")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for _, require := range module.Require {
		name, is := resourcePlugins[require.Mod.Path]
		if !is {
			continue
		}
		// Pulumi follows a link to a plugin's file, but not to its folder.
		installed := filepath.Join(folder, fmt.Sprintf("resource-%s-%s", name, require.Mod.Version))
		file := "pulumi-resource-" + name
		if err := os.MkdirAll(installed, 0o755); err != nil {
			return err
		}
		if err := os.Symlink(s.Shared(build.PluginFolder, file), filepath.Join(installed, file)); err != nil {
			return err
		}
	}
	return nil
}

// searchPath puts the sandbox's programs first. Where Pulumi is installed with its language plugin for Go, that comes
// before them: the official CLI and the official plugin belong together.
func searchPath(s layout.Sandbox, path string) string {
	own := s.Shared("bin")
	if strings.HasPrefix(path, own+":") {
		return path // in `make shell` already
	}
	if official, err := exec.LookPath("pulumi-language-go"); err == nil {
		return filepath.Dir(official) + ":" + own + ":" + path
	}
	return own + ":" + path
}

// pulumiHome is each sandbox's own: two that are brought up side by side would take each other's plugins away.
func pulumiHome(s layout.Sandbox) string { return s.State("pulumi-home") }
