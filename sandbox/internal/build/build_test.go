package build

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

func TestVersionsSaidAreThoseThatAreBuilt(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, require := range module.Require {
		versions[require.Mod.Path] = require.Mod.Version
	}
	for path, said := range map[string]string{"k8s.io/kubernetes": kubernetesVersion, "github.com/pulumi/pulumi/pkg/v3": pulumiVersion} {
		if versions[path] != said {
			t.Errorf("%s is built at %s, and says %s", path, versions[path], said)
		}
	}
}

func TestNoTargetSplitsTheBuildCache(t *testing.T) {
	for _, target := range Targets() {
		for _, flag := range target.Flags {
			for _, splits := range []string{"-trimpath", "-gcflags", "-race", "-cover"} {
				if strings.HasPrefix(flag, splits) {
					t.Errorf("%s is built with %s: what it shares with the others would be compiled twice", target.Title, flag)
				}
			}
		}
	}
}

func TestABuildThatFailsShowsTheCompilersWords(t *testing.T) {
	repo := t.TempDir()
	s, err := layout.New(repo, "staging", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"go.mod": "module broken\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { undefinedThing() }\n"} {
		if err := os.WriteFile(repo+"/"+name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err = Run(t.Context(), s, Target{Title: "broken", Module: ".", Packages: []string{"broken"}}, func(string, ...any) {})
	if err == nil || !strings.Contains(err.Error(), "undefinedThing") {
		t.Errorf("%v", err)
	}
}
