// Package e2e drives the sandbox and the Pulumi program as a person does, on a sandbox of its own.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

const namespace = "staging"

// instance is the sandbox that the tests run on: INSTANCE chooses the other one, so that two runs fit beside each
// other.
var instance = cmp.Or(os.Getenv("INSTANCE"), layout.TestInstances[0])

// door is where the host reaches Services, and host the name by which Task API's is asked for there.
var (
	door = fmt.Sprintf("127.0.0.1:%d", layout.Sandbox{Instance: instance}.Ports().HTTP)
	host = fmt.Sprintf("8000.task-api.%s.localhost:%d", namespace, layout.Sandbox{Instance: instance}.Ports().HTTP)
)

// repo is the repository's folder, and binary the sandbox's command in it.
func repo() string {
	folder, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return folder
}

func state(parts ...string) string {
	return filepath.Join(append([]string{repo(), ".sandbox", instance}, parts...)...)
}

// slowness is how many times longer than on the reference machine things take here: scripts/test measures it. Limits of
// waiting are multiplied by it, so that a slow machine makes a test slow and not red.
var slowness = func() float64 {
	factor, err := strconv.ParseFloat(cmp.Or(os.Getenv("SLOWNESS"), "1"), 64)
	if err != nil || factor < 1 {
		panic(fmt.Sprintf("SLOWNESS=%q: expected a number, 1 or more", os.Getenv("SLOWNESS")))
	}
	return factor
}()

// patience is a limit of waiting on this machine.
func patience(limit time.Duration) time.Duration { return time.Duration(float64(limit) * slowness) }

// patient is an argument with its limit of waiting, if it is one, as this machine needs it.
func patient(arg string) string {
	const flag = "--timeout="
	limit, err := time.ParseDuration(strings.TrimPrefix(arg, flag))
	if !strings.HasPrefix(arg, flag) || err != nil {
		return arg
	}
	return flag + patience(limit).Round(time.Second).String()
}

// sandbox runs the sandbox's command and returns its output, standard and error.
func sandbox(ctx context.Context, args ...string) (string, error) {
	for i, arg := range args {
		args[i] = patient(arg)
	}
	command := exec.CommandContext(ctx, filepath.Join(repo(), ".sandbox", "bin", "sandbox"),
		append([]string{"--repo", repo(), "--stack", "staging", "--instance", instance}, args...)...)
	command.Dir = repo()
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("sandbox %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), err
}

// must runs the sandbox's command and fails the test where that fails.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := sandbox(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// in runs a command in the sandbox's environment.
func in(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, append([]string{"exec", "--"}, args...)...)
}

// refused runs a command in the sandbox's environment that must fail with all these words.
func refused(t *testing.T, words []string, args ...string) {
	t.Helper()
	out, err := sandbox(t.Context(), append([]string{"exec", "--"}, args...)...)
	if err == nil {
		t.Fatalf("%v was accepted:\n%s", args, out)
	}
	for _, word := range words {
		if !strings.Contains(out, word) {
			t.Errorf("%v does not say %q:\n%s", args, word, out)
		}
	}
}

// kubectl runs kubectl in the stack's namespace.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return in(t, append([]string{"kubectl", "--namespace=" + namespace}, args...)...)
}

// task is what the tests read of Task API's answers.
type task struct{ ID, Title string }

// create adds a task through the Service and returns it as acknowledged.
func create(t *testing.T, title string) task {
	t.Helper()
	status, body := call(t, http.MethodPost, "/tasks", fmt.Sprintf(`{"title": %q}`, title))
	if status != http.StatusCreated {
		t.Fatalf("POST /tasks: %d %s", status, body)
	}
	var created task
	if err := json.Unmarshal(body, &created); err != nil || created.ID == "" {
		t.Fatalf("POST /tasks answers %s: %v", body, err)
	}
	return created
}

// list returns the first page of tasks.
func list(t *testing.T) []task {
	t.Helper()
	status, body := call(t, http.MethodGet, "/tasks", "")
	if status != http.StatusOK {
		t.Fatalf("GET /tasks: %d %s", status, body)
	}
	var page struct{ Tasks []task }
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatalf("GET /tasks answers %s: %v", body, err)
	}
	return page.Tasks
}

// has fails the test unless the task is listed. The service may need a moment to find its database again.
func has(t *testing.T, want task) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		status, body := call(t, http.MethodGet, "/tasks/"+want.ID, "")
		if status != http.StatusOK || !strings.Contains(string(body), want.Title) {
			return fmt.Errorf("task %s: %d %s", want.ID, status, body)
		}
		return nil
	})
}

// call asks Task API through the cluster's Service. No answer is status 0.
func call(t *testing.T, method, path, body string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+door+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return answer.StatusCode, content
}

func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	limit = patience(limit)
	var last error
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		began := time.Now()
		if last = check(); last == nil {
			return
		}
		// Until the next look: looking takes half of the time at most, since another story runs on the same two cores.
		time.Sleep(min(max(200*time.Millisecond, time.Since(began)), 5*time.Second))
	}
	t.Fatalf("not within %s: %v", limit, last)
}

func TestMain(m *testing.M) {
	if _, err := os.Stat(filepath.Join(repo(), ".sandbox", "bin", "sandbox")); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: nothing is built: run `make build` first")
		os.Exit(1)
	}
	_, _ = sandbox(context.Background(), "clean") // what a run before may have left
	code := m.Run()
	if os.Getenv("KEEP") == "" {
		if _, err := sandbox(context.Background(), "clean"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
