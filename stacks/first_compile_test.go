package stacks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Both tests keep the first compile short: docs/decisions/0015-typed-on-the-sdks.md.

// TestProgramDoesNotImportEveryKind: each of these packages brings all kinds of Kubernetes, a quarter of an hour of
// compiling.
func TestProgramDoesNotImportEveryKind(t *testing.T) {
	list := exec.Command("go", "list", "-deps", ".")
	list.Dir = projectFolder
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(out))
	const sdk = "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	if !slices.Contains(all, sdk+"/apps/v1") {
		t.Fatalf("the list does not hold %s/apps/v1: it was not read right", sdk)
	}
	for _, heavy := range []string{"/helm/v3", "/helm/v4", "/yaml", "/yaml/v2", "/kustomize", "/kustomize/v2"} {
		if slices.Contains(all, sdk+heavy) {
			t.Errorf("the program imports %s%s", sdk, heavy)
		}
	}
}

func TestVersionsSharedWithTheSandboxAreTheSame(t *testing.T) {
	sandbox := requirements(t, "sandbox/go.mod")
	for file, least := range map[string]int{"go.mod": 50, "cmd/opex/go.mod": 20} {
		shared := 0
		for module, version := range requirements(t, file) {
			if other, is := sandbox[module]; is {
				shared++
				if other != version {
					t.Errorf("%s: %s has %s, the sandbox %s: it is compiled twice", module, file, version, other)
				}
			}
		}
		if shared < least {
			t.Errorf("%s: only %d modules are shared: it was not read right", file, shared)
		}
	}
}

var requirement = regexp.MustCompile(`(?m)^\t([^\s]+) (v[^\s]+)( // indirect)?$`)

func requirements(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(projectFolder, path))
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, match := range requirement.FindAllStringSubmatch(string(data), -1) {
		versions[match[1]] = match[2]
	}
	return versions
}
