package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// backupCriteria are those that this story is about.
const backupCriteria = "SC-004,SC-005,SC-006,SC-007"

// TestBackup is one story: a drill proves the backup while the service is written to, the namespace is deleted and
// comes back with every row, and each of several wrongs turns the criteria red within the backup that it happens to.
func TestBackup(t *testing.T) {
	must(t, "clean")
	must(t, "up", "--no-deploy")
	// What keeps backups from being deleted is a bucket's from its beginning.
	in(t, "pulumi", "config", "set", "--path", "opex:backup.objectLock.days", "1")
	backupsFarAway(t)
	must(t, "up")
	t.Cleanup(func() { _, _ = sandbox(context.Background(), "clean") })

	for _, step := range []struct {
		promise string
		check   func(*testing.T)
	}{
		{"without a backup nothing is proven, but the schedule", onlyTheSchedule},
		{"a drill under write load proves backup and restore", drillProves},
		{"two drills at once do not collide", drillsDoNotCollide},
		{"a restore is refused while the service is there, and so is a name mistyped", restoreRefuses},
		{"the deleted namespace comes back with every row of its backup", namespaceComesBack},
		{"a hook that fails turns SC-006 red within that backup, and the next good one green", failingHooks},
		{"a backup that Velero's restart cut off is red, and the next one green", veleroRestarted},
		{"a store that stops in the middle loses nothing", storeStops},
		{"what was deleted from the locked bucket can be restored still", lockedBucket},
	} {
		if !t.Run(step.promise, step.check) {
			t.Fatal("the steps after this one stand on it")
		}
	}
}

// backupsFarAway moves the daily backup half a day from now: one that begins by itself in the middle of a story is
// another one's.
func backupsFarAway(t *testing.T) {
	t.Helper()
	schema := readConfig(t, filepath.Join(repo(), "Pulumi.yaml"))
	services := schema["config"].(map[string]any)["services"].(map[string]any)["default"].([]any)
	services[0].(map[string]any)["backup"].(map[string]any)["schedule"] = fmt.Sprintf(
		"0 %d * * *", (time.Now().UTC().Hour()+12)%24,
	)
	stack := readConfig(t, state("Pulumi.staging.yaml"))
	stack["config"].(map[string]any)["opex:services"] = services
	write(t, state("Pulumi.staging.yaml"), stack)
}

// judged waits until the criteria have these verdicts, in order, and one of them says the words.
func judged(t *testing.T, limit time.Duration, want, words string) {
	t.Helper()
	eventually(t, limit, func() error {
		out, _ := opex(t, "verify", "--only="+backupCriteria, "--format=json")
		var report struct {
			Services []struct {
				Criteria []struct{ ID, Verdict, Actual string }
			}
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Services) != 1 {
			return fmt.Errorf("opex verify prints %s: %v", out, err)
		}
		var verdicts, actual []string
		for _, c := range report.Services[0].Criteria {
			verdicts = append(verdicts, c.Verdict)
			actual = append(actual, c.ID+": "+c.Actual)
		}
		if got := strings.Join(verdicts, " "); got != want || !strings.Contains(strings.Join(actual, "\n"), words) {
			return fmt.Errorf("verdicts are %s, want %s and %q\n%s", got, want, words, strings.Join(actual, "\n"))
		}
		return nil
	})
}

func onlyTheSchedule(t *testing.T) {
	judged(t, time.Minute, "PASS UNPROVEN UNPROVEN UNPROVEN", "")
}

// drill runs a drill and returns what it prints and its exit code.
func drill(t *testing.T, args ...string) (string, int) {
	t.Helper()
	return opex(t, append([]string{"drill", "--service=task-api"}, args...)...)
}

func drillProves(t *testing.T) {
	load, stop := context.WithCancel(t.Context())
	defer stop()
	go lightLoad(load)
	out, code := drill(t)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	t.Log(out)
	judged(t, 30*time.Second, "PASS PASS PASS PASS", "")
	nothingOfADrillIsLeft(t)
}

func nothingOfADrillIsLeft(t *testing.T) {
	t.Helper()
	if left := in(t, "kubectl", "get", "namespaces", "--output=name"); strings.Contains(left, "drill") {
		t.Errorf("namespaces left: %s", left)
	}
	if left := in(t, "kubectl", "--namespace=velero", "get", "restores.velero.io", "--output=name"); left != "" {
		t.Errorf("restores left: %s", left)
	}
}

func drillsDoNotCollide(t *testing.T) {
	type result struct {
		out  string
		code int
	}
	both := make(chan result, 2)
	for range 2 {
		go func() {
			out, err := sandbox(t.Context(), "exec", "--", "opex", "drill", "--service=task-api", "--from=latest")
			code := 0
			if err != nil {
				code = 1
			}
			both <- result{out, code}
		}()
	}
	first, second := <-both, <-both
	if first.code+second.code != 1 {
		t.Fatalf("one of two must be refused:\n%s\n%s", first.out, second.out)
	}
	if !strings.Contains(first.out+second.out, "another drill of task-api") {
		t.Errorf("one failed for another reason:\n%s\n%s", first.out, second.out)
	}
	nothingOfADrillIsLeft(t)
}

func restoreRefuses(t *testing.T) {
	refused(t, []string{"exist"}, "opex", "restore", "latest", "--service=task-api", "--yes")
	refused(t, []string{"no-such-backup"}, "opex", "restore", "no-such-backup", "--service=task-api", "--yes")
	refused(t, []string{"task-apu"}, "opex", "restore", "latest", "--service=task-apu", "--yes")
	refused(t, []string{"staging"}, "opex", "drill", "--service=task-api", "--from=latest", "--namespace=staging")
	refused(t, []string{"velero"}, "opex", "drill", "--service=task-api", "--from=latest", "--namespace=velero")
}

// content is what a table of the database holds, as the dumps reckon it.
func content(t *testing.T) string {
	t.Helper()
	return kubectl(t, "exec", "task-api-db-0", "--container=postgres", "--",
		"bash", "-c", ". /opex/hooks/connect.sh; query --file=/opex/hooks/tables.sql")
}

// backup makes a backup as the schedule would, waits for its end and returns its name and phase. What is to happen
// during it is done as soon as it is there.
func backup(t *testing.T, during func(name string)) (name, phase string) {
	t.Helper()
	return backupOf(t, func(template string) string { return template }, during)
}

// backupOf is backup with a change of the schedule's template, in JSON.
func backupOf(t *testing.T, change func(template string) string, during func(name string)) (name, phase string) {
	t.Helper()
	name = fmt.Sprintf("staging-task-api-%d", time.Now().UnixMilli())
	template := change(
		velero(t, "get", "schedules.velero.io", "staging-task-api", "--output=jsonpath={.spec.template}"),
	)
	object, err := json.Marshal(map[string]any{
		"apiVersion": "velero.io/v1", "kind": "Backup", "spec": json.RawMessage(template),
		"metadata": map[string]any{
			"name":   name,
			"labels": map[string]string{"velero.io/schedule-name": "staging-task-api"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := state("backup.json") // kubectl would split the test's own folder, named after its promise, at commas
	if err := os.WriteFile(file, object, 0o600); err != nil {
		t.Fatal(err)
	}
	velero(t, "create", "--filename="+file)
	if during != nil {
		during(name)
	}
	eventually(t, 5*time.Minute, func() error {
		phase = strings.TrimSpace(velero(t, "get", "backup", name, "--output=jsonpath={.status.phase}"))
		switch phase {
		case "Completed", "PartiallyFailed", "Failed", "FailedValidation":
			return nil
		}
		return fmt.Errorf("backup %s is %q", name, phase)
	})
	return name, phase
}

// velero runs kubectl in Velero's namespace.
func velero(t *testing.T, args ...string) string {
	t.Helper()
	return in(t, append([]string{"kubectl", "--namespace=velero"}, args...)...)
}

func namespaceComesBack(t *testing.T) {
	load, stop := context.WithCancel(t.Context())
	go lightLoad(load)
	first := create(t, "written before the backup")
	name, phase := backup(t, nil)
	if phase != "Completed" {
		t.Fatalf("the backup is %s", phase)
	}
	kubectl(t, "delete", "namespace", namespace, "--timeout=180s")
	stop()
	began := time.Now()
	out, code := opex(t, "restore", name, "--service=task-api", "--yes")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	t.Log(out)
	has(t, first)
	// As the hooks reckon it, but for what a request brought that had waited for the service to come back.
	manifest := kubectl(t, "exec", "task-api-db-0", "--container=postgres", "--", "cat", "/dumps/current/manifest.json")
	restored := strings.TrimSpace(
		kubectl(t, "exec", "task-api-db-0", "--container=postgres", "--", "bash", "-c", fmt.Sprintf(
			`. /opex/hooks/connect.sh; query --command="SELECT json_build_object('table', 'public.tasks', 'rows', count(*),
		'checksum', sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text) FROM tasks AS t WHERE created_at < '%s'"`,
			began.UTC().Format(time.RFC3339),
		)),
	)
	if !strings.Contains(restored, "rows") || !strings.Contains(manifest, restored) {
		t.Errorf("the tasks are %s, and the manifest says\n%s", restored, manifest)
	}
	in(t, "pulumi", "refresh", "--yes", "--skip-preview")
	in(t, "pulumi", "up", "--yes", "--skip-preview")
	in(t, "pulumi", "preview", "--expect-no-changes")
	has(t, first)
	// The copy that is served now is another database: its first backup has to be made and proven anew.
	if out, code := drill(t); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	judged(t, 30*time.Second, "PASS PASS PASS PASS", "")
}

// sql runs as the database's owner through its socket, where no password is asked for.
func sql(t *testing.T, text string) {
	t.Helper()
	kubectl(
		t, "exec", "task-api-db-0", "--container=postgres", "--", "psql", "--username=task_api", "--quiet",
		"--command="+text,
	)
}

// inDatabase starts a command in the database's container that may fail, or go on.
func inDatabase(t *testing.T, command ...string) {
	_, _ = sandbox(
		t.Context(),
		append(
			[]string{
				"exec", "--", "kubectl", "--namespace=" + namespace, "exec", "task-api-db-0", "--container=postgres",
				"--",
			},
			command...)...)
}

// hold keeps a statement's locks in a session of its own.
func hold(t *testing.T, statement string) {
	t.Helper()
	go inDatabase(
		t, "psql", "--username=task_api", "--command=BEGIN", "--command="+statement,
		"--command=SELECT pg_sleep(600) /* held */",
	)
	eventually(t, 20*time.Second, func() error {
		if out := kubectl(t, "exec", "task-api-db-0", "--container=postgres", "--", "psql", "--username=task_api", "--tuples-only",
			"--command=SELECT 'holds' FROM pg_stat_activity WHERE query LIKE '%/* held */'"); !strings.Contains(
			out,
			"holds",
		) {
			return errors.New("the session does not hold it yet")
		}
		return nil
	})
}

func release(t *testing.T) {
	t.Helper()
	sql(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/* held */'")
}

func failingHooks(t *testing.T) {
	same := func(template string) string { return template }
	for _, c := range []struct {
		wrong        string
		make, unmake func()
		change       func(template string) string
	}{
		{"the Secret's password does not open the database", func() {
			sql(t, "ALTER ROLE task_api PASSWORD 'another'")
		}, func() {
			kubectl(t, "exec", "task-api-db-0", "--container=postgres", "--", "bash", "-c",
				`psql --username=task_api --quiet --set=p="$(cat "$POSTGRES_PASSWORD_FILE")" <<< "ALTER ROLE task_api PASSWORD :'p'"`)
		}, same},
		{"the dump volume is full", func() {
			// Without the dump of before, which would make room.
			inDatabase(t, "bash", "-c", "rm -rf /dumps/current; dd if=/dev/zero of=/dumps/filler bs=16M; dd if=/dev/zero of=/dumps/filler2 bs=4k")
		}, func() {
			kubectl(t, "exec", "task-api-db-0", "--container=postgres", "--", "rm", "/dumps/filler", "/dumps/filler2")
		}, same},
		{"another dump is running", func() {
			hold(t, "SELECT pg_advisory_lock(hashtext('opex-backup'))")
		}, func() { release(t) }, same},
		{"the dump is slower than its time", func() {
			hold(t, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
		}, func() { release(t) }, func(template string) string {
			slow := regexp.MustCompile(`dump\.sh","\d+"`).ReplaceAllString(template, `dump.sh","5"`)
			if slow == template {
				t.Fatalf("the dump's time was not found in %s", template)
			}
			return slow
		}},
		{"the database does not run", func() {
			kubectl(t, "scale", "statefulset/task-api-db", "--replicas=0")
			kubectl(t, "wait", "--for=delete", "pod/task-api-db-0", "--timeout=120s")
		}, func() {
			kubectl(t, "scale", "statefulset/task-api-db", "--replicas=1")
			kubectl(t, "rollout", "status", "statefulset/task-api-db", "--timeout=120s")
		}, same},
	} {
		c.make()
		name, phase := backupOf(t, c.change, nil)
		eventually(t, time.Minute, func() error {
			if verdict, actual := verdictOf(t, "SC-006"); verdict != "FAIL" {
				return fmt.Errorf("%s, backup %s is %s, and SC-006 is %s: %s", c.wrong, name, phase, verdict, actual)
			}
			return nil
		})
		c.unmake()
	}
	good(t)
}

// verdictOf judges one criterion.
func verdictOf(t *testing.T, id string) (verdict, actual string) {
	t.Helper()
	out, _ := opex(t, "verify", "--only="+id, "--format=json")
	var report struct {
		Services []struct {
			Criteria []struct{ Verdict, Actual string }
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Services) != 1 ||
		len(report.Services[0].Criteria) != 1 {
		t.Fatalf("opex verify prints %s: %v", out, err)
	}
	return report.Services[0].Criteria[0].Verdict, report.Services[0].Criteria[0].Actual
}

// good makes a backup that must be good, and requires all to be green again.
func good(t *testing.T) {
	t.Helper()
	if name, phase := backup(t, nil); phase != "Completed" {
		t.Errorf("backup %s is %s", name, phase)
	}
	judged(t, time.Minute, "PASS PASS PASS PASS", "")
}

func veleroRestarted(t *testing.T) {
	// the dump waits for it, and so the backup is in progress until then
	hold(t, "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
	_, phase := backup(t, func(name string) {
		eventually(t, time.Minute, func() error {
			if phase := velero(t, "get", "backup", name, "--output=jsonpath={.status.phase}"); phase != "InProgress" {
				return fmt.Errorf("backup is %q", phase)
			}
			return nil
		})
		velero(t, "delete", "pod", "--selector=name=velero", "--grace-period=0", "--force")
		release(t)
	})
	if phase == "Completed" {
		t.Error("a backup that was cut off is called complete")
	}
	judged(t, time.Minute, "PASS PASS FAIL PASS", "")
	good(t)
}

// breakStore ends the S3 server again and again, as often as it is started anew, until the function that it returns is
// called.
func breakStore(t *testing.T) (mend func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				for _, pid := range running("versitygw") {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
	}()
	return func() { close(stop); <-done }
}

// running returns the processes of the test's sandbox that were started under a name.
func running(name string) []int {
	var found []int
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		arguments, _ := os.ReadFile(folder + "/cmdline")
		group, _ := os.ReadFile(folder + "/cgroup")
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil &&
			bytes.HasPrefix(arguments, []byte(name+"\x00")) && bytes.Contains(group, []byte("opex-"+instance)) {
			found = append(found, pid)
		}
	}
	return found
}

func storeStops(t *testing.T) {
	if len(running("versitygw")) != 1 {
		t.Fatal("the S3 server was not found")
	}
	looks := func(every string) {
		velero(
			t, "patch", "backupstoragelocations.velero.io", "default", "--type=merge",
			`--patch={"spec":{"validationFrequency":`+every+`}}`,
		)
	}
	looks(`"10s"`) // instead of once a minute
	defer looks("null")
	before := content(t)
	name, phase := backup(t, func(string) {
		mend := breakStore(t)
		defer mend()
		eventually(t, 3*time.Minute, func() error {
			if verdict, actual := verdictOf(t, "SC-004"); verdict != "FAIL" ||
				!strings.Contains(actual, "Unavailable") {
				return fmt.Errorf("SC-004 is %s: %s", verdict, actual)
			}
			return nil
		})
	})
	t.Logf("backup %s, through an outage, ended %s", name, phase)
	judged(
		t, 2*time.Minute,
		map[bool]string{true: "PASS PASS PASS PASS", false: "PASS PASS FAIL PASS"}[phase == "Completed"], "",
	)
	good(t)

	done := make(chan int)
	go func() {
		_, code := drill(t, "--from=latest")
		done <- code
	}()
	eventually(t, time.Minute, func() error {
		if velero(t, "get", "restores.velero.io", "--output=name") == "" {
			return errors.New("no restore yet")
		}
		return nil
	})
	mend := breakStore(t)
	time.Sleep(20 * time.Second) // the outage
	mend()
	t.Logf("a drill through an outage of 20 s ended with %d", <-done)
	nothingOfADrillIsLeft(t)
	eventually(t, 2*time.Minute, func() error {
		if verdict, actual := verdictOf(t, "SC-004"); verdict != "PASS" {
			return fmt.Errorf("SC-004 is %s: %s", verdict, actual)
		}
		return nil
	})
	if out, code := drill(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if after := content(t); after != before {
		t.Errorf("the service's own data changed from\n%s\nto\n%s", before, after)
	}
	judged(t, time.Minute, "PASS PASS PASS PASS", "")
}

// bucket is the sandbox's S3 server, asked as its owner may.
func bucket(t *testing.T) (*s3.Client, string) {
	t.Helper()
	var outputs struct {
		Backup struct{ Bucket, URL, Region, CACertificate string }
	}
	if err := json.Unmarshal([]byte(in(t, "pulumi", "stack", "output", "--json")), &outputs); err != nil {
		t.Fatal(err)
	}
	var keys struct{ Access, Secret string }
	data, err := os.ReadFile(state("s3-keys.json"))
	if err == nil {
		err = json.Unmarshal(data, &keys)
	}
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(outputs.Backup.CACertificate))
	return s3.New(s3.Options{
		BaseEndpoint: &outputs.Backup.URL, Region: outputs.Backup.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(keys.Access, keys.Secret, ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}},
	}), outputs.Backup.Bucket
}

// lockedBucket deletes everything, as somebody with the keys could, and brings it back.
func lockedBucket(t *testing.T) {
	client, name := bucket(t)
	// Velero forgets the backups that it no longer finds in the bucket, and it may look just then.
	sync := func(period string) {
		velero(
			t, "patch", "backupstoragelocations.velero.io", "default", "--type=merge",
			`--patch={"spec":{"backupSyncPeriod":`+period+`}}`,
		)
	}
	sync(`"0s"`)
	objects, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name})
	if err != nil || len(objects.Versions) == 0 {
		t.Fatalf("%d versions in the bucket: %v", len(objects.Versions), err)
	}
	for _, v := range objects.Versions {
		if !*v.IsLatest {
			continue
		}
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: v.Key, VersionId: v.VersionId}); err == nil {
			t.Fatalf("a locked version of %s was deleted", *v.Key)
		}
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: v.Key}); err != nil {
			t.Fatal(err)
		}
	}
	if live, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name}); err != nil ||
		len(live.Contents) > 0 {
		t.Fatalf("%d objects are left: %v", len(live.Contents), err)
	}
	markers, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range markers.DeleteMarkers {
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: m.Key, VersionId: m.VersionId}); err != nil {
			t.Fatal(err)
		}
	}
	sync("null")
	if out, code := drill(t, "--from=latest"); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
