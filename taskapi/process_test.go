package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opex-project/opex/taskapi/internal/pgtest"
)

// binary builds the program as it is shipped, once.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "task-api")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "task-api-"); err != nil {
		panic(err)
	}
	code := pgtest.Main(m)
	_ = os.RemoveAll(buildDir)
	os.Exit(code)
}

// process is a running task-api.
type process struct {
	url  string
	cmd  *exec.Cmd
	exit chan int
	mu   sync.Mutex
	out  bytes.Buffer
}

// launch starts the program with an environment and nothing else, and waits for its address.
func launch(t *testing.T, env ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(path), exit: make(chan int, 1)}
	p.cmd.Env = append([]string{"PORT=0", "LOG_LEVEL=debug"}, env...)
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			p.mu.Lock()
			p.out.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			var entry struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "listening" {
				listening <- "http://127.0.0.1:" + entry.Address[strings.LastIndex(entry.Address, ":")+1:]
			}
		}
	}()
	ended := make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		_ = w.Close()
		<-read
		p.exit <- p.cmd.ProcessState.ExitCode()
		close(ended)
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-ended })
	select {
	case p.url = <-listening:
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatalf("task-api neither listens nor ends:\n%s", p.logs())
	}
	return p
}

func (p *process) logs() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

func (p *process) wantExit(t *testing.T, code int, within time.Duration) {
	t.Helper()
	select {
	case got := <-p.exit:
		if got != code {
			t.Errorf("exit %d, want %d:\n%s", got, code, p.logs())
		}
	case <-time.After(within):
		t.Fatalf("still running after %s:\n%s", within, p.logs())
	}
}

func (p *process) status(t *testing.T, path string) int {
	t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (p *process) waitReady(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); p.status(t, "/ready") != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not ready:\n%s", p.logs())
		}
	}
}
