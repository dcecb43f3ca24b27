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

// Both tests keep the first compile short: docs/decisions/0003-short-first-compile.md.

func TestProgramImportsOnlyThePackagesOfTheSDKsThatItUses(t *testing.T) {
	list := exec.Command("go", "list", "-deps", ".")
	list.Dir = projectFolder
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for sdk, want := range map[string][]string{
		"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes": {"", "meta/v1", "utilities"},
		"github.com/pulumi/pulumi-aws/sdk/v6/go/aws":               {"", "internal"},
	} {
		var got []string
		for _, path := range strings.Fields(string(out)) {
			if below, is := strings.CutPrefix(path, sdk); is {
				got = append(got, strings.TrimPrefix(below, "/"))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("packages of %s:\ngot  %v\nwant %v", sdk, got, want)
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
