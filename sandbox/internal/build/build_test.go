package build

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

func TestVersionsSaidAreThoseThatAreBuilt(t *testing.T) {
	for _, c := range []struct{ module, path, said string }{
		{"../../go.mod", "k8s.io/kubernetes", kubernetesVersion},
		{"../../go.mod", "github.com/pulumi/pulumi/pkg/v3", pulumiVersion},
		{"../../go.mod", "github.com/prometheus/prometheus", prometheusModule(t)},
		{"../../go.mod", "github.com/vmware-tanzu/velero", veleroVersion},
		{"../../kube-1.33/go.mod", "github.com/opencost/opencost", openCostVersion},
		{"../../../go.mod", "github.com/pulumi/pulumi-kubernetes/sdk/v4", providerVersion},
	} {
		if built := required(t, c.module)[c.path]; built != c.said {
			t.Errorf("%s is built at %s, and says %s", c.path, built, c.said)
		}
	}
	if !strings.HasSuffix(image.Prometheus, ":v"+prometheusRelease) {
		t.Errorf("the image %s holds Prometheus %s", image.Prometheus, prometheusRelease)
	}
}

// prometheusModule is the version of Prometheus' module that is a release: minor numbers have two digits there.
func prometheusModule(t *testing.T) string {
	t.Helper()
	var major, minor, patch int
	if _, err := fmt.Sscanf(prometheusRelease, "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("v0.%d%02d.%d", major, minor, patch)
}

// required are the versions that a go.mod requires, or puts in their place.
func required(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
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
	for _, replace := range module.Replace {
		versions[replace.Old.Path] = replace.New.Version
	}
	return versions
}

func TestNoTargetSplitsTheBuildCache(t *testing.T) {
	for _, target := range Targets() {
		for _, arg := range Args(layout.Sandbox{}, target) {
			for _, splits := range []string{"-trimpath", "-gcflags", "-race", "-cover"} {
				if strings.HasPrefix(arg, splits) {
					t.Errorf(
						"%s is built with %s: what it shares with the others would be compiled twice", target.Title,
						arg,
					)
				}
			}
		}
	}
}

// What two modules use at different versions is compiled twice. These are: Kubernetes and Pulumi, at the versions of
// the provider's own go.mod, and what those two need at a version that fits them.
func TestTheTwoModulesShareTheVersionsOfWhatBothUse(t *testing.T) {
	apart := regexp.MustCompile(
		`^(k8s\.io|sigs\.k8s\.io|github\.com/(pulumi|fluxcd|google/gnostic-models|minio|opencontainers|opentracing)|oras\.land)/?`,
	)
	newer, older := required(t, "../../go.mod"), required(t, "../../kube-1.33/go.mod")
	shared := 0
	for path, version := range older {
		if apart.MatchString(path) || newer[path] == "" {
			continue
		}
		if shared++; newer[path] != version {
			t.Errorf("%s is %s in sandbox/go.mod and %s in sandbox/kube-1.33/go.mod", path, newer[path], version)
		}
	}
	if shared < 100 {
		t.Errorf("the modules share only %d modules", shared)
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
	err = Run(
		t.Context(), s, Target{Title: "broken", Module: ".", Programs: programs("broken")}, func(string, ...any) {},
	)
	if err == nil || !strings.Contains(err.Error(), "undefinedThing") {
		t.Errorf("%v", err)
	}
}
