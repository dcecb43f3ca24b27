package stackfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	where := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(where, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return where
}

func TestFindTakesTheOnlyFileOfTheEnvironment(t *testing.T) {
	where := folder(t, map[string]string{
		"Pulumi.yaml": projectText, "Pulumi.a.yaml": head, "Pulumi.b.yaml": "config: {opex:environment: production}\n", "Pulumi.c.yaml": "config: [\n",
	})
	if path, err := Find(where, "", "staging"); err != nil || filepath.Base(path) != "Pulumi.a.yaml" {
		t.Errorf("found %q, error %v", path, err)
	}
	for _, stack := range []string{"dev", "team/opex/dev"} {
		if path, err := Find(where, stack, "staging"); err != nil || filepath.Base(path) != "Pulumi.dev.yaml" {
			t.Errorf("for %s: found %q, error %v", stack, path, err)
		}
	}
}

func TestFindRefusesToChoose(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		want  string
	}{
		"two of the environment": {
			map[string]string{"Pulumi.a.yaml": head, "Pulumi.b.yaml": head}, "2 have opex:environment staging",
		},
		"another one only": {
			map[string]string{"Pulumi.a.yaml": "config: {opex:environment: production}\n"}, "Pulumi.a.yaml), 0 have",
		},
		"a broken one": {map[string]string{"Pulumi.a.yaml": "a: [\n"}, "Pulumi.a.yaml is no YAML"},
		"no project":   {nil, "no folder of a Pulumi project"},
	}
	for name, c := range cases {
		if path, err := Find(folder(t, c.files), "", "staging"); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), "--stack-file") {
			t.Errorf("%s: found %q, error %v", name, path, err)
		}
	}
}

func TestReadWantsTheStackFileAndNotTheProjectFile(t *testing.T) {
	where := folder(t, map[string]string{"Pulumi.a.yaml": head})
	stack, project, err := Read(filepath.Join(where, "Pulumi.a.yaml"))
	if err != nil || string(stack.Data) != head || project.Data != nil {
		t.Errorf("%q, %q, %v", stack.Data, project.Data, err)
	}
	if _, _, err := Read(filepath.Join(where, "Pulumi.b.yaml")); err == nil ||
		!strings.Contains(err.Error(), "stack file") {
		t.Errorf("a file that is not there: error %v", err)
	}
}

func TestWriteKeepsPermissionsAndLinksAndLeavesNothingBehind(t *testing.T) {
	where := folder(t, map[string]string{"file": "old"})
	link := filepath.Join(where, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(where, "file"))
	if err != nil || string(data) != "new" {
		t.Errorf("the file holds %q, error %v", data, err)
	}
	info, err := os.Stat(filepath.Join(where, "file"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its permissions are %v, error %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(where)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, error %v", entries, err)
	}
	if err := Write(filepath.Join(where, "other"), nil); err == nil {
		t.Error("a file that is not there was written")
	}
}
