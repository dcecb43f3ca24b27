package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"golang.org/x/mod/module"
)

// GetRequiredPackages tells which providers, in which versions, the program's modules were made for. It reads the
// pulumi-plugin.json in each module that go.mod requires.
func (h *Host) GetRequiredPackages(ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	modules, err := requiredModules(ctx, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetRequiredPackagesResponse{}
	for _, m := range modules {
		pkg, err := m.providerPackage()
		if err != nil {
			return nil, fmt.Errorf("pulumi-language-go: module %s: %w", m.Path, err)
		}
		if pkg != nil {
			resp.Packages = append(resp.Packages, pkg)
		}
	}
	return resp, nil
}

// GetProgramDependencies lists the modules that go.mod requires; a replaced one has no version of its own.
func (h *Host) GetProgramDependencies(ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	modules, err := listModules(ctx, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetProgramDependenciesResponse{}
	for _, m := range modules {
		if m.Indirect && !req.GetTransitiveDependencies() {
			continue
		}
		dep := &pulumirpc.DependencyInfo{Name: m.Path, Version: m.Version}
		if m.Replace != nil {
			dep.Version = ""
		}
		resp.Dependencies = append(resp.Dependencies, dep)
	}
	return resp, nil
}

// providerPackage tells which provider the module is the SDK of: nil when it is none.
func (m goModule) providerPackage() (*pulumirpc.PackageDependency, error) {
	if m.Dir == "" {
		return nil, nil
	}
	info, err := m.pluginFile()
	if err != nil || info == nil || !info.Resource {
		return nil, err
	}
	name := info.Name
	if name == "" {
		// github.com/pulumi/pulumi-aws/sdk/v6 is the SDK of aws.
		parts := strings.Split(m.Path, "/")
		if len(parts) < 3 || !strings.Contains(parts[2], "-") {
			return nil, errors.New("its pulumi-plugin.json has no name, and its path does not tell one")
		}
		_, name, _ = strings.Cut(parts[2], "-")
	}
	version := info.Version
	if version == "" {
		version = m.Version
	}
	if version, err = releasedVersion(version); err != nil {
		return nil, err
	}
	return &pulumirpc.PackageDependency{
		Name: name, Version: version, Kind: "resource", Server: info.Server,
		Parameterization: parameterization(info.Parameterization),
		Extension:        parameterization(info.ExtensionParameterization),
	}, nil
}

// pluginFile reads the module's pulumi-plugin.json from the places where SDKs keep it: nil when there is none.
func (m goModule) pluginFile() (*plugin.PulumiPluginJSON, error) {
	for _, pattern := range []string{".", "go", "go/*", "*"} {
		paths, _ := filepath.Glob(filepath.Join(m.Dir, pattern, "pulumi-plugin.json"))
		for _, path := range paths {
			info, err := plugin.LoadPulumiPluginJSON(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return info, nil
		}
	}
	return nil, nil
}

func parameterization(p *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if p == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{Name: p.Name, Version: p.Version, Value: p.Value}
}

// releasedVersion turns the version of a module into that of a provider that was released: a commit between two
// releases has none of its own, so the release before it is meant.
func releasedVersion(version string) (string, error) {
	v, err := semver.ParseTolerant(version)
	if err != nil {
		return "", fmt.Errorf("its version %q is not a semantic version, so the provider's is not known", version)
	}
	if !module.IsPseudoVersion("v" + v.String()) {
		return version, nil
	}
	if v.Major == 0 && v.Minor == 0 && v.Patch == 0 {
		return "", fmt.Errorf("its version %s comes before every release, so the provider's is not known", version)
	}
	if v.Patch > 0 {
		v.Patch--
	}
	return fmt.Sprintf("v%d.%d.%d", v.Major, v.Minor, v.Patch), nil
}
