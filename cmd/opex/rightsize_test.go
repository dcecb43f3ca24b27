package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	rightsizeUID     = "6d2f0a53-6f6e-4a4b-9c0f-6a1d1f7a0b11"
	rightsizeProject = "name: opex\nconfig:\n  services:\n    default:\n    - name: task-api\n      image: task-api:1 # pinned\n      database: {}\n"
	rightsizeStack   = "# why\nconfig:\n  opex:environment: staging # here\n"
)

// rightsizeFolder is a project's folder with a kubeconfig that leads to a server with the answers of a file, and the
// outputs of a stack on it.
func rightsizeFolder(t *testing.T, change func(answers map[string]any)) {
	t.Helper()
	data, err := os.ReadFile("internal/rightsize/testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]any{}
	if err := yaml.Unmarshal(data, &answers); err != nil {
		t.Fatal(err)
	}
	answers["/api/v1/namespaces/kube-system"] = map[string]any{
		"kind":       "Namespace",
		"apiVersion": "v1",
		"metadata":   map[string]any{"uid": rightsizeUID},
	}
	if change != nil {
		change(answers)
	}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		answer, found := answers[r.URL.Path]
		if !found {
			out.WriteHeader(http.StatusNotFound)
			answer = map[string]any{
				"kind":       "Status",
				"apiVersion": "v1",
				"status":     "Failure",
				"code":       404,
				"reason":     "NotFound",
			}
		}
		_ = json.NewEncoder(out).Encode(answer)
	}))
	t.Cleanup(server.Close)
	outputs, err := os.ReadFile("../../stacks/testdata/staging-outputs.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"outputs.json":        string(outputs),
		"Pulumi.yaml":         rightsizeProject,
		"Pulumi.staging.yaml": rightsizeStack,
		"kubeconfig": `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"` + server.URL + `"}}],
			"users":[{"name":"u","user":{}}],"contexts":[{"name":"opex-staging","context":{"cluster":"c","user":"u"}}]}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func runRightsize(args ...string) (code int, out, people string) {
	root := newRoot()
	var outText, peopleText bytes.Buffer
	root.SetOut(&outText)
	root.SetErr(&peopleText)
	root.SetArgs(append([]string{"rightsize", "--outputs", "outputs.json", "--kubeconfig", "kubeconfig"}, args...))
	code = run(context.Background(), root)
	return code, outText.String(), peopleText.String()
}

func TestRightsizePutsDataOutAndSpeaksToPeopleApart(t *testing.T) {
	rightsizeFolder(t, nil)
	code, out, people := runRightsize("--format", "json")
	if !json.Valid([]byte(out)) || code != exitOK {
		t.Errorf("exit code %d, data:\n%s\n%s", code, out, people)
	}
	lines := strings.Split(strings.TrimSpace(people), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "3 requests to change") ||
		!strings.Contains(last, "opex rightsize --patch") {
		t.Errorf("the last line is %q", last)
	}
}

func TestRightsizePatchIsADiffAndWritesNothing(t *testing.T) {
	rightsizeFolder(t, nil)
	code, out, people := runRightsize("--patch")
	want := `--- a/Pulumi.staging.yaml
+++ b/Pulumi.staging.yaml
@@ -1,3 +1,17 @@
 # why
 config:
   opex:environment: staging # here
+  # A stack's list replaces that of Pulumi.yaml as a whole.
+  opex:services:
+    - name: task-api
+      image: task-api:1 # pinned
+      database:
+        resources:
+          requests:
+            memory: 576Mi
+          limits:
+            memory: 576Mi
+      resources:
+        requests:
+          cpu: 145m
+          memory: 128Mi
`
	if code != exitOK || out != want || !strings.Contains(people, "Nothing was written") ||
		!strings.Contains(people, "the limit of 512Mi is raised") {
		t.Errorf("exit code %d, data:\n%s\n%s", code, out, people)
	}
	if data, err := os.ReadFile("Pulumi.staging.yaml"); err != nil || string(data) != rightsizeStack {
		t.Errorf("the file became\n%s (error %v)", data, err)
	}
}

func TestRightsizeWritesThePatchOnce(t *testing.T) {
	rightsizeFolder(t, nil)
	if code, _, people := runRightsize("--patch", "--write", "--stack-file", "Pulumi.staging.yaml"); code != exitOK ||
		!strings.Contains(people, "was changed") {
		t.Fatalf("exit code %d\n%s", code, people)
	}
	once, err := os.ReadFile("Pulumi.staging.yaml")
	if err != nil || !strings.HasPrefix(string(once), rightsizeStack) || !strings.Contains(string(once), "cpu: 145m") {
		t.Fatalf("the file is\n%s (error %v)", once, err)
	}
	code, out, people := runRightsize("--patch", "--write")
	twice, err := os.ReadFile("Pulumi.staging.yaml")
	if err != nil || code != exitOK || out != "" || string(once) != string(twice) ||
		!strings.Contains(people, "stays as it is") {
		t.Errorf("exit code %d, error %v, data:\n%s\n%s", code, err, out, people)
	}
}

func TestRightsizeRefusesAFileOfAnotherStack(t *testing.T) {
	rightsizeFolder(t, nil)
	other := filepath.Join(t.TempDir(), "Pulumi.prod.yaml")
	if err := os.WriteFile(other, []byte("config:\n  opex:environment: production\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, people := runRightsize("--patch", "--write", "--stack-file", other)
	if code != exitUnknown || out != "" || !strings.Contains(people, "belongs to another stack") {
		t.Errorf("exit code %d, data:\n%s\n%s", code, out, people)
	}
}

func TestRightsizeShowsWhatItCanAndExitsWithTwoWhereSomethingIsMissing(t *testing.T) {
	rightsizeFolder(t, func(answers map[string]any) {
		delete(answers, "/apis/apps/v1/namespaces/staging/deployments/task-api")
	})
	code, out, people := runRightsize()
	if code != exitUnknown || !strings.Contains(out, "task-api-db/postgres") ||
		!strings.Contains(people, "not read: task-api: VerticalPodAutoscaler staging/task-api: its target") {
		t.Errorf("exit code %d, data:\n%s\n%s", code, out, people)
	}
}

func TestRightsizeRefusesFlagsThatMakeNoSense(t *testing.T) {
	rightsizeFolder(t, nil)
	cases := map[string]struct {
		args []string
		want []string
	}{
		"an unknown format": {[]string{"--format", "xml"}, []string{"allowed are table, json, csv, markdown"}},
		"all at once": {
			[]string{"--format", "xml", "--write", "--stack-file", "a"},
			[]string{"--format xml", "--write without --patch", "--stack-file without --patch"},
		},
		"a patch's format":   {[]string{"--patch", "--format", "json"}, []string{"one format only"}},
		"a threshold":        {[]string{"--threshold", "-5"}, []string{"threshold: is -5"}},
		"an argument":        {[]string{"task-api"}, []string{"unknown command"}},
		"an unknown service": {[]string{"--service", "shop"}, []string{`no service "shop"; it has task-api`}},
		"no such file": {
			[]string{"--patch", "--stack-file", "Pulumi.dev.yaml"}, []string{"stack file", "Pulumi.dev.yaml"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, out, people := runRightsize(c.args...)
			if code != exitUnknown || out != "" {
				t.Errorf("exit code %d, data:\n%s", code, out)
			}
			for _, want := range c.want {
				if !strings.Contains(people, want) {
					t.Errorf("%q is not in\n%s", want, people)
				}
			}
		})
	}
}
