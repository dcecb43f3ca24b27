package golang

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func TestRequiredPackagesComeFromTheModulesPluginFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/program\n\ngo 1.26\n\n" +
			"require (\n\tgithub.com/pulumi/pulumi-cloud/sdk/v2 v2.3.4\n\texample.com/plain v1.0.0 // indirect\n)\n\n" +
			"replace github.com/pulumi/pulumi-cloud/sdk/v2 => ./cloud\n\nreplace example.com/plain => ./plain\n",
		"cloud/go.mod":                      "module github.com/pulumi/pulumi-cloud/sdk/v2\n\ngo 1.26\n",
		"cloud/go/cloud/pulumi-plugin.json": `{"resource": true, "name": "cloud", "server": "https://example.com"}`,
		"plain/go.mod":                      "module example.com/plain\n\ngo 1.26\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, info := NewHost(""), &pulumirpc.ProgramInfo{ProgramDirectory: dir}
	got, err := h.GetRequiredPackages(context.Background(), &pulumirpc.GetRequiredPackagesRequest{Info: info})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Packages) != 1 {
		t.Fatalf("want one package, got %v", got.Packages)
	}
	if p := got.Packages[0]; p.Name != "cloud" || p.Version != "v2.3.4" || p.Kind != "resource" ||
		p.Server != "https://example.com" {
		t.Errorf("wrong package: %v", p)
	}

	for transitive, want := range map[bool]int{false: 1, true: 2} {
		deps, err := h.GetProgramDependencies(context.Background(),
			&pulumirpc.GetProgramDependenciesRequest{Info: info, TransitiveDependencies: transitive})
		if err != nil {
			t.Fatal(err)
		}
		if len(deps.Dependencies) != want {
			t.Errorf("transitive %v: want %d modules, got %v", transitive, want, deps.Dependencies)
		}
	}
}

func TestVersionOfAProviderIsAReleasedOne(t *testing.T) {
	for in, want := range map[string]string{
		"v6.83.2":                               "v6.83.2",
		"v4.30.0":                               "v4.30.0",
		"v1.29.1-0.20200403140640-efb5e2a48a86": "v1.29.0",
		"v2.0.0-beta.1":                         "v2.0.0-beta.1",
	} {
		if got, err := releasedVersion(in); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "main", "v0.0.0-20200403140640-efb5e2a48a86"} {
		if got, err := releasedVersion(in); err == nil {
			t.Errorf("%q gives %q, want a refusal", in, got)
		}
	}
}

func TestUnsupportedCallsAreRefusedByName(t *testing.T) {
	h := NewHost("")
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"GenerateProgram": func() error { _, err := h.GenerateProgram(ctx, nil); return err },
		"GenerateProject": func() error { _, err := h.GenerateProject(ctx, nil); return err },
		"GeneratePackage": func() error { _, err := h.GeneratePackage(ctx, nil); return err },
		"Pack":            func() error { _, err := h.Pack(ctx, nil); return err },
		"Link":            func() error { _, err := h.Link(ctx, nil); return err },
		"RunPlugin":       func() error { return h.RunPlugin(nil, nil) },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: want a refusal with its name, got %v", name, err)
		}
	}
	if _, err := h.Run(ctx, &pulumirpc.RunRequest{}); err == nil || !strings.Contains(err.Error(), "engine's address") {
		t.Errorf("Run without an engine: got %v", err)
	}
}
