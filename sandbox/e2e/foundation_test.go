package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFoundation is one story: each step stands on the one before.
func TestFoundation(t *testing.T) {
	for _, step := range []struct {
		promise string
		check   func(*testing.T)
	}{
		{"up boots, deploys and says where the API answers", upAnswers},
		{"the API creates and lists through its Service", createsAndLists},
		{"rows survive the death of the database's pod", rowsSurviveTheDatabase},
		{"rows survive the death of all pods of the service", rowsSurviveTheService},
		{"the password is nowhere in clear", passwordIsSecret},
		{"up again changes nothing", upAgainChangesNothing},
		{"what a rule finds fails the preview, and is reported by the command", reviewReports},
		{"a changed replica count previews as exactly that update", replicaCountPreviews},
		{"a new password reaches the database and the pods", passwordChanges},
		{"drift is seen by refresh and repaired by up", driftIsRepaired},
		{"wrong input is refused and changes nothing", wrongInputIsRefused},
		{"an up whose engine was killed converges with nothing orphaned", killedUpConverges},
		{"a sandbox that was killed starts again with its rows", killedSandboxRestarts},
		{"destroy leaves nothing in the cluster", destroyLeavesNothing},
		{"down leaves nothing on the host", downLeavesNothing},
	} {
		if !t.Run(step.promise, step.check) {
			t.Fatal("the steps after this one stand on it")
		}
	}
}

func upAnswers(t *testing.T) {
	out := must(t, "up")
	for _, want := range []string{"task-api answers at http://" + host, "curl", `"cost-center": "engineering"`} {
		if !strings.Contains(out, want) {
			t.Errorf("up does not say %q:\n%s", want, out)
		}
	}
}

func createsAndLists(t *testing.T) {
	created := create(t, "first")
	if !slices.Contains(list(t), created) {
		t.Errorf("%v is not listed in %v", created, list(t))
	}
}

func rowsSurviveTheDatabase(t *testing.T) {
	created := create(t, "before the database dies")
	before := kubectl(t, "get", "pod", "task-api-db-0", "--output=jsonpath={.metadata.uid}")
	kubectl(t, "delete", "pod", "task-api-db-0", "--grace-period=0", "--force")
	eventually(t, time.Minute, func() error { // for a moment there is none
		if now := kubectl(t, "get", "pod", "task-api-db-0", "--ignore-not-found", "--output=jsonpath={.metadata.uid}"); now == "" ||
			now == before {
			return fmt.Errorf("pod %s, now %q, was not replaced", before, now)
		}
		return nil
	})
	kubectl(t, "wait", "--for=condition=Ready", "--timeout=120s", "pod/task-api-db-0")
	has(t, created)
}

func rowsSurviveTheService(t *testing.T) {
	created := create(t, "before the service dies")
	kubectl(t, "delete", "pods", "--selector=app.kubernetes.io/component=api", "--grace-period=0", "--force")
	kubectl(t, "rollout", "status", "--timeout=120s", "deployment/task-api")
	has(t, created)
}

// passwordIsSecret reads the password from the cluster and looks for it wherever it must not be.
func passwordIsSecret(t *testing.T) {
	password := kubectl(
		t, "get", "secret", "task-api-db", `--output=go-template={{range $k, $v := .data}}{{$v | base64decode}}{{end}}`,
	)
	if len(password) < 16 {
		t.Fatalf("the Secret holds %d characters", len(password))
	}
	encoded := strings.TrimSpace(
		kubectl(t, "get", "secret", "task-api-db", `--output=go-template={{range $k, $v := .data}}{{$v}}{{end}}`),
	)
	holds := func(text string) bool { return strings.Contains(text, password) || strings.Contains(text, encoded) }
	for what, text := range map[string]string{
		"stack outputs":     in(t, "pulumi", "stack", "output", "--json"),
		"exported state":    in(t, "pulumi", "stack", "export"),
		"preview":           in(t, "pulumi", "preview", "--diff"),
		"service's logs":    kubectl(t, "logs", "--selector=app.kubernetes.io/component=api", "--tail=-1"),
		"database's logs":   kubectl(t, "logs", "task-api-db-0"),
		"pods' manifests":   kubectl(t, "get", "pods", "--output=yaml"),
		"process arguments": processes(t),
		"events":            kubectl(t, "get", "events", "--output=yaml"),
	} {
		if holds(text) {
			t.Errorf("%s: the password stands there in clear", what)
		}
	}
	for _, folder := range []string{state("pulumi"), state("logs"), filepath.Join(repo(), "Pulumi.staging.yaml"), state("Pulumi.staging.yaml")} {
		err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if err == nil && holds(string(content)) {
				t.Errorf("%s: the password stands there in clear", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// processes returns every process's arguments, those inside the sandbox too: the host sees them all.
func processes(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, file := range files {
		content, _ := os.ReadFile(file) // it may have ended meanwhile
		all.Write(content)
	}
	return all.String()
}

func upAgainChangesNothing(t *testing.T) {
	in(t, "pulumi", "up", "--yes", "--skip-preview", "--expect-no-changes")
	for _, looks := range [][]string{{"pulumi", "preview", "--expect-no-changes"}, {"opex", "review"}} {
		if out := in(t, looks...); !strings.Contains(out, "nothing found by ") {
			t.Errorf("%v did not review what is declared:\n%s", looks, out)
		}
	}
	// The first one after a create notes what the cluster's controllers have filled in since.
	in(t, "pulumi", "refresh", "--yes", "--skip-preview")
	in(t, "pulumi", "refresh", "--yes", "--skip-preview", "--expect-no-changes")
	in(t, "pulumi", "preview", "--expect-no-changes")
}

// reviewReports asks for a recovery that the probes alone take longer than: the config allows it, and SUR-05 does not.
func reviewReports(t *testing.T) {
	const recovery = "opex:services[0].chaos.recovery"
	set(t, recovery, "1s")
	refused(t, []string{"opex: review of what is declared", "SUR-05"}, "pulumi", "preview")
	refused(t, []string{"SUR-05", "Next: opex explain"}, "opex", "review")
	set(t, recovery, "30s") // as it is without being set
}

// set writes Task API's entry, with one change, into the stack's configuration.
func set(t *testing.T, path, value string) {
	t.Helper()
	in(t, "pulumi", "config", "set", "--path", "opex:services[0].name", "task-api")
	in(t, "pulumi", "config", "set", "--path", "opex:services[0].image", "ghcr.io/opex-project/task-api:0.1.0")
	in(t, "pulumi", "config", "set", "--path", "opex:services[0].metricsPath", "/metrics")
	in(t, "pulumi", "config", "set", "--path", "opex:services[0].database.kind", "postgres")
	in(t, "pulumi", "config", "set", "--path", path, value)
}

// changes previews and returns what would happen to each object that does not stay the same: operation and name.
// Components are left out: their inputs stand in the state, so they change with any key of their service.
func changes(t *testing.T) map[string][]string {
	t.Helper()
	var preview struct {
		Steps []struct {
			Op, URN      string
			DetailedDiff map[string]any
		}
	}
	out := in(t, "pulumi", "preview", "--json")
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &preview); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := map[string][]string{}
	for _, s := range preview.Steps {
		kind := strings.Split(s.URN, "::")[2]
		if s.Op == "same" || s.Op == "read" || strings.HasPrefix(kind[strings.LastIndex(kind, "$")+1:], "opex:") {
			continue
		}
		fields := []string{}
		for field := range s.DetailedDiff {
			fields = append(fields, field)
		}
		slices.Sort(fields)
		found[s.Op+" "+s.URN[strings.LastIndex(s.URN, "::")+2:]] = fields
	}
	return found
}

func replicaCountPreviews(t *testing.T) {
	set(t, "opex:services[0].replicas", "4")
	found := changes(t)
	if fields, only := found["update task-api-deployment"]; !only || len(found) != 1 ||
		!slices.Equal(fields, []string{"spec.replicas"}) {
		t.Fatalf("the preview shows %v, not just an update of the Deployment's spec.replicas", found)
	}
	in(t, "pulumi", "up", "--yes", "--skip-preview")
	if got := kubectl(t, "get", "deployment", "task-api", "--output=jsonpath={.status.readyReplicas}"); got != "4" {
		t.Errorf("%s replicas are ready", got)
	}
	in(t, "pulumi", "config", "rm", "opex:services")
	in(t, "pulumi", "up", "--yes", "--skip-preview")
}

func passwordChanges(t *testing.T) {
	created := create(t, "before the password changes")
	in(
		t, "pulumi", "config", "set", "--secret", "--path", "opex:databasePasswords.task-api",
		"another-password-0123456789",
	)
	in(t, "pulumi", "up", "--yes", "--skip-preview")
	kubectl(t, "rollout", "status", "--timeout=120s", "deployment/task-api")
	has(t, created)
	create(t, "after the password changed")
}

// driftIsRepaired: what somebody deleted comes back; what somebody changed is not overwritten unasked, since with
// server-side apply the field is theirs.
func driftIsRepaired(t *testing.T) {
	kubectl(t, "delete", "poddisruptionbudget", "task-api")
	out := in(t, "pulumi", "refresh", "--yes", "--skip-preview")
	if !strings.Contains(out, "1 deleted") {
		t.Errorf("refresh did not see the deletion:\n%s", out)
	}
	if found := changes(t); len(found) != 1 || found["create task-api-poddisruptionbudget"] == nil {
		t.Errorf("the preview after the deletion shows %v", found)
	}
	in(t, "pulumi", "up", "--yes", "--skip-preview")
	kubectl(t, "get", "poddisruptionbudget", "task-api")

	kubectl(t, "scale", "--replicas=1", "deployment/task-api")
	out = in(t, "pulumi", "refresh", "--yes", "--skip-preview")
	if !strings.Contains(out, "task-api-deployment") || !strings.Contains(out, "1 updated") {
		t.Errorf("refresh did not see the change:\n%s", out)
	}
	refused(t, []string{"task-api-deployment", "kubectl", "spec.replicas"}, "pulumi", "up", "--yes", "--skip-preview")
	kubectl(t, "scale", "--replicas=3", "deployment/task-api")
	kubectl(t, "rollout", "status", "--timeout=60s", "deployment/task-api")
	in(t, "pulumi", "up", "--yes", "--skip-preview")
}

func wrongInputIsRefused(t *testing.T) {
	eventually(t, time.Minute, func() error { // those of the step before
		if left := kubectl(t, "get", "pods", "--output=jsonpath={.items[*].metadata.deletionTimestamp}"); left != "" {
			return errors.New("pods are still going")
		}
		return nil
	})
	before := kubectl(
		t, "get", "all,secrets,pvc",
		"--output=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{\"\\n\"}{end}",
	)
	for name, c := range map[string]struct {
		path, value string
		words       []string
	}{
		"another cluster":    {"opex:cluster.uid", "00000000-0000-0000-0000-000000000000", []string{"opex:cluster.uid", "00000000-0000-0000-0000-000000000000", "Nothing was changed"}},
		"missing kubeconfig": {"opex:cluster.kubeconfig", "/nowhere/kubeconfig", []string{"kubeconfig", "/nowhere/kubeconfig"}},
		"unknown context":    {"opex:cluster.context", "somewhere-else", []string{"somewhere-else"}},
		"misspelt key":       {"opex:servces", "[]", []string{"opex:servces"}},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := os.ReadFile(state("Pulumi.staging.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			defer os.WriteFile(state("Pulumi.staging.yaml"), kept, 0o600)
			in(t, "pulumi", "config", "set", "--path", c.path, c.value)
			refused(t, c.words, "pulumi", "up", "--yes", "--skip-preview")
		})
	}
	after := kubectl(
		t, "get", "all,secrets,pvc",
		"--output=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{\"\\n\"}{end}",
	)
	if before != after {
		t.Errorf("a refused up changed the cluster\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

// killedUpConverges kills the engine while it waits for a new service's database.
func killedUpConverges(t *testing.T) {
	set(t, "opex:services[1].name", "second")
	in(t, "pulumi", "config", "set", "--path", "opex:services[1].image", "ghcr.io/opex-project/task-api:0.1.0")
	in(t, "pulumi", "config", "set", "--path", "opex:services[1].database.kind", "postgres")
	in(t, "pulumi", "config", "set", "--path", "opex:services[1].replicas", "1") // the node is small
	in(t, "pulumi", "config", "set", "--path", "opex:services[1].chaos.waived", "one replica")
	in(
		t, "pulumi", "config", "set", "--secret", "--path", "opex:databasePasswords.second",
		"second-password-0123456789",
	)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan string, 1)
	go func() {
		out, err := sandbox(ctx, "exec", "--", "pulumi", "up", "--yes", "--skip-preview")
		ended <- fmt.Sprintf("%s\n%v", out, err)
	}()
	eventually(t, time.Minute, func() error {
		select {
		case said := <-ended:
			t.Fatalf("the up ended before anything was killed:\n%s", said)
		default:
		}
		_, err := sandbox(ctx, "exec", "--", "kubectl", "--namespace="+namespace, "get", "statefulset", "second-db")
		return err
	})
	if killed := killEngine(t); killed == 0 {
		t.Fatal("no engine ran any more: nothing was interrupted")
	}
	refused(t, []string{"locked"}, "pulumi", "up", "--yes", "--skip-preview")

	out := must(t, "up")
	if !strings.Contains(out, "interrupted") {
		t.Errorf("up does not say that an update was interrupted:\n%s", out)
	}
	in(t, "pulumi", "up", "--yes", "--skip-preview", "--expect-no-changes")
	kubectl(t, "rollout", "status", "--timeout=60s", "deployment/second")

	in(t, "pulumi", "config", "rm", "opex:services")
	in(t, "pulumi", "config", "rm", "--path", "opex:databasePasswords.second")
	in(t, "pulumi", "up", "--yes", "--skip-preview")
	left := kubectl(
		t, "get", "all,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets", "--selector=app=second",
		"--output=name",
	)
	if left != "" {
		t.Errorf("the second service was removed, and left:\n%s", left)
	}
}

// killEngine kills every pulumi process of the test's sandbox and returns how many there were.
func killEngine(t *testing.T) int {
	t.Helper()
	killed := 0
	files, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		target, err := os.Readlink(file)
		if err != nil || filepath.Base(target) != "pulumi" {
			continue
		}
		environment, err := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
		if err != nil || !strings.Contains(string(environment), state("pulumi")) {
			continue
		}
		if exec.Command("kill", "-KILL", filepath.Base(filepath.Dir(file))).Run() == nil {
			killed++
		}
	}
	return killed
}

func killedSandboxRestarts(t *testing.T) {
	created := create(t, "before the sandbox is killed")
	pid, err := os.ReadFile(state("lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", "-KILL", string(pid)).Run(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error { // the kernel ends everything under it
		if status, _ := call(t, "GET", "/health", ""); status != 0 {
			return syscall.EBUSY
		}
		return nil
	})
	must(t, "up")
	has(t, created)
	in(t, "pulumi", "up", "--yes", "--skip-preview", "--expect-no-changes")
}

func destroyLeavesNothing(t *testing.T) {
	in(t, "pulumi", "destroy", "--yes", "--skip-preview")
	if left := in(t, "kubectl", "get", "namespace", namespace, "--ignore-not-found", "--output=name"); left != "" {
		t.Errorf("left: %s", left)
	}
	enginesAreGone(t)
	eventually(t, time.Minute, func() error {
		if left := in(t, "kubectl", "get", "persistentvolumes", "--output=name"); left != "" {
			return &os.PathError{Op: "volumes left", Path: left, Err: syscall.EEXIST}
		}
		return nil
	})
	folders, err := filepath.Glob(state("node-0", "volumes", "*"))
	if err != nil || len(folders) > 0 {
		t.Errorf("volumes' folders left: %v, %v", folders, err)
	}
	var exported struct {
		Deployment struct{ Resources []struct{ Type string } }
	}
	out := in(t, "pulumi", "stack", "export")
	if err := json.Unmarshal([]byte(out), &exported); err != nil {
		t.Fatal(err)
	}
	if n := len(exported.Deployment.Resources); n > 0 {
		t.Errorf("%d resources are left in the state", n)
	}
}

func downLeavesNothing(t *testing.T) {
	must(t, "down")
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), state()) {
		t.Errorf("mounts left:\n%s", mounts)
	}
	if left, err := filepath.Glob("/sys/fs/cgroup/*/opex-" + instance); err != nil || len(left) > 0 {
		t.Errorf("cgroups left: %v, %v", left, err)
	}
	if left, err := filepath.Glob("/sys/fs/cgroup/opex-" + instance); err != nil || len(left) > 0 {
		t.Errorf("cgroups left: %v, %v", left, err)
	}
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if content, _ := os.ReadFile(file); strings.Contains(string(content), "/opex-"+instance) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "comm"))
			t.Errorf("process left: %s", name)
		}
	}
	must(t, "down") // twice is no error
}
