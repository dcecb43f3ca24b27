package golang

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// project is a Pulumi project with a stack of its own, driven by the real CLI with this package's plugin on its PATH.
type project struct {
	t   *testing.T
	cli string
	dir string
	env []string
}

// newProject makes a project of the program in testdata, and its stack dev.
func newProject(t *testing.T) *project {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the Pulumi CLI")
	}
	cli, err := filepath.Abs("../../../.sandbox/bin/pulumi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cli); err != nil {
		t.Fatalf("the Pulumi CLI is not built: run `make build` first: %v", err)
	}
	p := &project{t: t, cli: cli, dir: filepath.Join(t.TempDir(), "program")}
	bin, home, state := t.TempDir(), t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/pulumi-language-go").CombinedOutput(); err != nil {
		t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	p.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "PULUMI_HOME="+home,
		"PULUMI_BACKEND_URL=file://"+state, "PULUMI_CONFIG_PASSPHRASE=test", "PULUMI_SKIP_UPDATE_CHECK=true")
	if err := os.CopyFS(p.dir, os.DirFS("testdata/program")); err != nil {
		t.Fatal(err)
	}
	// The program is compiled against the sandbox's own module list, so that its SDK comes from the build cache.
	gomod := regexp.MustCompile(`(?m)^module .*$`).
		ReplaceAll(read(t, "../../go.mod"), []byte("module example.com/program"))
	p.write("go.mod", string(gomod))
	p.write("go.sum", string(read(t, "../../go.sum")))
	p.write("Pulumi.yaml", "name: program\nruntime: go\n")
	p.must("stack", "init", "dev")
	p.must("config", "set", "plain", "hello")
	p.must("config", "set", "--secret", "password", "hunter2")
	return p
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// command is a Pulumi command that has not started.
func (p *project) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.cli, append(args, "--non-interactive")...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// pulumi runs a command and returns all it printed.
func (p *project) pulumi(args ...string) (string, error) {
	out, err := p.command(args...).CombinedOutput()
	return string(out), err
}

func (p *project) must(args ...string) string {
	p.t.Helper()
	out, err := p.pulumi(args...)
	if err != nil {
		p.t.Fatalf("pulumi %v: %v\n%s", args, err, out)
	}
	return out
}
