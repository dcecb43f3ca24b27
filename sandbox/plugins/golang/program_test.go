package golang

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProgramSeesItsStackAndKeepsSecrets(t *testing.T) {
	p := newProject(t)
	if out := p.must("up", "--yes"); !strings.Contains(out, "dry run: false") {
		t.Errorf("the program's own output is not shown:\n%s", out)
	}
	var got struct {
		Names                 []string
		Root, Plain, Password string
	}
	if err := json.Unmarshal([]byte(p.must("stack", "output", "--json", "--show-secrets")), &got); err != nil {
		t.Fatal(err)
	}
	if want := "organization program dev"; strings.Join(got.Names, " ") != want {
		t.Errorf("organization, project and stack are %v, not %s", got.Names, want)
	}
	if got.Root != p.dir || got.Plain != "hello" || got.Password != "hunter2" {
		t.Errorf("wrong outputs: %+v", got)
	}
	if state := p.must("stack", "export"); strings.Contains(state, "hunter2") {
		t.Error("the state holds the secret in clear")
	}

	// Unchanged, it is neither compiled again nor does anything change.
	program := p.compiled()
	before, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	p.must("preview", "--expect-no-changes")
	after, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) { // The toolchain touches an up-to-date file, and replaces any other.
		t.Error("an unchanged program was compiled again")
	}
	p.must("destroy", "--yes")
	if state := p.must("stack", "export"); strings.Contains(state, "test:index:Box") {
		t.Errorf("destroy left the component in the state:\n%s", state)
	}
}

func TestFailingProgramsAreReported(t *testing.T) {
	p := newProject(t)
	source := string(read(t, "testdata/program/main.go"))
	for name, c := range map[string]struct{ do, runtime, source, want string }{
		"error":     {do: "error", want: "told to fail"},
		"exit code": {do: "exit", want: "program exited with non-zero exit code: 3"},
		"does not compile": {
			source: strings.Replace(source, "c.Require(", "c.Requier(", 1),
			want:   "does not compile, so nothing was run (exit status 1):\n    # example.com/program\n    ./main.go:",
		},
		"no Go files": {runtime: "main: elsewhere\nruntime: go\n", want: "there are no Go files in "},
		"options": {
			runtime: "runtime: {name: go, options: {binry: x, buildTarget: 4}}\n",
			want:    "binry is not an option: allowed are binary, buildTarget\n    buildTarget must be a string",
		},
		"missing binary": {
			runtime: "runtime: {name: go, options: {binary: nowhere}}\n",
			want:    `runtime.options.binary: "nowhere" is neither a file under`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.source == "" {
				c.source = source
			}
			if c.runtime == "" {
				c.runtime = "runtime: go\n"
			}
			p.write("main.go", c.source)
			p.write("Pulumi.yaml", "name: program\n"+c.runtime)
			if err := os.MkdirAll(filepath.Join(p.dir, "elsewhere"), 0o755); err != nil {
				t.Fatal(err)
			}
			p.must("config", "set", "do", c.do)
			out, err := p.pulumi("up", "--yes", "--skip-preview")
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("err %v, want a failure that says %q:\n%s", err, c.want, out)
			}
			if state := p.must("stack", "export"); strings.Contains(state, "test:index:Box") {
				t.Errorf("the failed program left resources:\n%s", state)
			}
		})
	}
}

func TestKilledEngineTakesItsProgramAlong(t *testing.T) {
	p := newProject(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	p.must("config", "set", "do", "hang")
	p.must("config", "set", "pidFile", pidFile)
	engine := p.command("preview")
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	eventually(t, "the program starts", time.Minute, func() bool {
		data, err := os.ReadFile(pidFile)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(string(data))
		return err == nil
	})
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = engine.Wait()
	eventually(t, "the program ends", 15*time.Second, func() bool { return syscall.Kill(pid, 0) != nil })
}

func eventually(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// compiled is the path of the compiled program, which must be there once.
func (p *project) compiled() string {
	p.t.Helper()
	for _, v := range p.env {
		if home, ok := strings.CutPrefix(v, "PULUMI_HOME="); ok {
			found, _ := filepath.Glob(filepath.Join(home, "programs", "*", "program"))
			if len(found) == 1 {
				return found[0]
			}
			p.t.Fatalf("want one compiled program, found %v", found)
		}
	}
	p.t.Fatal("no Pulumi home")
	return ""
}
