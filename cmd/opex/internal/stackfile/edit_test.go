package stackfile

import (
	"os"
	"strings"
	"testing"
)

const projectText = `name: opex
runtime: go
config:
  environment:
    type: string
  services:
    type: array
    items:
      type: object
    default:
      # The reference service.
      - name: task-api
        image: "ghcr.io/opex-project/task-api:0.1.0" # pinned
        database: {}
`

var (
	requestCPU  = Setting{Service: "task-api", Keys: []string{"resources", "requests", "cpu"}, From: "250m", To: "105m"}
	databaseCPU = Setting{
		Service: "task-api",
		Keys:    []string{"database", "resources", "requests", "cpu"},
		From:    "250m",
		To:      "100m",
	}
)

func edit(t *testing.T, text string, settings ...Setting) (string, []string) {
	t.Helper()
	result, err := Edit(
		File{"Pulumi.staging.yaml", []byte(text)}, File{"Pulumi.yaml", []byte(projectText)}, "staging", settings,
	)
	if err != nil {
		t.Fatal(err)
	}
	return string(result.Data), result.Notes
}

const head = "config:\n  opex:environment: staging\n"

func TestEditChangesTheValueAndNothingElse(t *testing.T) {
	cases := map[string]struct{ before, after string }{
		"plain, with a comment behind it": {
			"  opex:services:\n    - name: task-api\n      resources: # why\n        requests:\n          cpu:   250m   # measured\n\n\n# end\n",
			"  opex:services:\n    - name: task-api\n      resources: # why\n        requests:\n          cpu:   105m   # measured\n\n\n# end\n"},
		"double quotes": {
			"  opex:services:\n  - {name: other}\n  - name: task-api\n    resources: {requests: {memory: 1Gi, cpu: \"250m\"}}\n",
			"  opex:services:\n  - {name: other}\n  - name: task-api\n    resources: {requests: {memory: 1Gi, cpu: \"105m\"}}\n"},
		"single quotes": {
			"  opex:services:\n  - resources:\n      requests: {cpu: '0.25'}\n    name: 'task-api'\n",
			"  opex:services:\n  - resources:\n      requests: {cpu: '105m'}\n    name: 'task-api'\n"},
		"JSON": {
			"  opex:services: [{\"name\": \"task-api\", \"resources\": {\"requests\": {\"cpu\": \"250m\"}}}]\n",
			"  opex:services: [{\"name\": \"task-api\", \"resources\": {\"requests\": {\"cpu\": \"105m\"}}}]\n"},
		"after characters of several bytes": {
			"  opex:services: [{name: task-api, team: żółw, resources: {requests: {cpu: 250m}}}] # ñ\n",
			"  opex:services: [{name: task-api, team: żółw, resources: {requests: {cpu: 105m}}}] # ñ\n"},
		"a number": {
			"  opex:services:\n  - name: task-api\n    resources: {requests: {cpu: 2}}\n",
			"  opex:services:\n  - name: task-api\n    resources: {requests: {cpu: 105m}}\n"},
		"a key that was not there, before other services": {
			"  opex:services:\n    - name: task-api\n      # three, for the tests\n      replicas: 3\n    # the other\n    - name: other\n",
			"  opex:services:\n    - name: task-api\n      # three, for the tests\n      replicas: 3\n      resources:\n        requests:\n          cpu: 105m\n    # the other\n    - name: other\n"},
		"a key that was not there, after a text of several lines": {
			"  opex:services:\n    - name: task-api\n      replicas: 3\n      env:\n        A: |\n          one\n          # two\n",
			"  opex:services:\n    - name: task-api\n      replicas: 3\n      resources:\n        requests:\n          cpu: 105m\n      env:\n        A: |\n          one\n          # two\n"},
		"a key that was not there, after braces of several lines": {
			"  opex:services:\n    - name: task-api\n      replicas: 3\n      env: {A: '}',\n        B: c}\n",
			"  opex:services:\n    - name: task-api\n      replicas: 3\n      resources:\n        requests:\n          cpu: 105m\n      env: {A: '}',\n        B: c}\n"},
		"a key that was not there, after quotes of several lines": {
			"  opex:services:\n    - name: task-api\n      env: {A: '}', B: \"\\\"}\"}\n      note: \"a\\\"\n        b\"\n",
			"  opex:services:\n    - name: task-api\n      env: {A: '}', B: \"\\\"}\"}\n      resources:\n        requests:\n          cpu: 105m\n      note: \"a\\\"\n        b\"\n"},
		"a key that was not there, in braces": {
			"  opex:services: [{name: task-api}]\n",
			"  opex:services: [{resources: {requests: {cpu: 105m}}, name: task-api}]\n"},
		"an empty object": {
			"  opex:services:\n    - name: task-api\n      resources: {} # all defaults\n      replicas: 3\n",
			"  opex:services:\n    - name: task-api\n      resources: # all defaults\n        requests:\n          cpu: 105m\n      replicas: 3\n"},
		"an empty object in braces": {
			"  opex:services:\n    - {name: task-api, resources: { }}\n",
			"  opex:services:\n    - {name: task-api, resources: {requests: {cpu: 105m} }}\n"},
		"a key beside the limit": {
			"  opex:services:\n    - name: task-api\n      resources:\n        requests:\n          memory: 1Gi\n        limits: {cpu: 500m}\n",
			"  opex:services:\n    - name: task-api\n      resources:\n        requests:\n          memory: 1Gi\n          cpu: 105m\n        limits: {cpu: 500m}\n"},
		"no newline at the end": {
			"  opex:services:\n  - name: task-api",
			"  opex:services:\n  - name: task-api\n    resources:\n      requests:\n        cpu: 105m"},
		"an encrypted password after it": {
			"  opex:services:\n  - name: task-api\n  opex:databasePasswords:\n    task-api:\n      secure: v1:abc:def==\nencryptionsalt: v1:salt\n",
			"  opex:services:\n  - name: task-api\n    resources:\n      requests:\n        cpu: 105m\n  opex:databasePasswords:\n    task-api:\n      secure: v1:abc:def==\nencryptionsalt: v1:salt\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, _ := edit(t, head+c.before, requestCPU); got != head+c.after {
				t.Errorf("got\n%s\nwant\n%s", got, head+c.after)
			}
			windows := strings.ReplaceAll(head+c.before, "\n", "\r\n")
			if got, _ := edit(t, windows, requestCPU); got != strings.ReplaceAll(head+c.after, "\n", "\r\n") {
				t.Errorf("with CRLF: got\n%q", got)
			}
		})
	}
}

func TestEditIndentsAsTheFileDoes(t *testing.T) {
	got, _ := edit(
		t, "config:\n    opex:environment: staging\n    opex:services:\n        - name: task-api\n", requestCPU,
	)
	want := "config:\n    opex:environment: staging\n    opex:services:\n        - name: task-api\n          resources:\n              requests:\n                  cpu: 105m\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestEditCopiesTheDefaultServicesIntoAFileWithoutAny(t *testing.T) {
	before := "encryptionsalt: v1:salt\n" + head + "  opex:cluster:\n    context: opex-staging # one\n# the end\n"
	got, notes := edit(t, before, requestCPU, databaseCPU)
	want := "encryptionsalt: v1:salt\n" + head + `  opex:cluster:
    context: opex-staging # one
  # A stack's list replaces that of Pulumi.yaml as a whole.
  opex:services:
    # The reference service.
    - name: task-api
      image: "ghcr.io/opex-project/task-api:0.1.0" # pinned
      database:
        resources:
          requests:
            cpu: 100m
      resources:
        requests:
          cpu: 105m
# the end
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "copied") {
		t.Errorf("notes are %q", notes)
	}
}

func TestEditSettlesWithTheStackFilesOfThisRepository(t *testing.T) {
	project, err := os.ReadFile("../../../../Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for path, environment := range map[string]string{"Pulumi.staging.yaml": "staging", "Pulumi.prod.yaml": "production"} {
		old, err := os.ReadFile("../../../../" + path)
		if err != nil {
			t.Fatal(err)
		}
		settings := []Setting{requestCPU, databaseCPU}
		once, err := Edit(File{path, old}, File{"Pulumi.yaml", project}, environment, settings)
		if err != nil {
			t.Fatal(err)
		}
		if string(once.Data) == string(old) {
			t.Errorf("%s did not change", path)
		}
		twice, err := Edit(File{path, once.Data}, File{}, environment, settings)
		if err != nil || string(twice.Data) != string(once.Data) || len(twice.Notes) > 0 {
			t.Errorf("%s: the same edit again changed it, or said %q (error %v)", path, twice.Notes, err)
		}
	}
}

func TestEditSaysWhereTheFileWasNotDeployed(t *testing.T) {
	_, notes := edit(
		t, head+"  opex:services:\n  - name: task-api\n    resources: {requests: {cpu: 300m}}\n", requestCPU,
	)
	if len(notes) != 1 || !strings.Contains(notes[0], "300m") || !strings.Contains(notes[0], "250m") {
		t.Errorf("notes are %q", notes)
	}
}

func TestEditLeavesWhatIsAlreadySo(t *testing.T) {
	text := head + "  opex:services:\n  - name: task-api\n    resources: {requests: {cpu: 0.105}}\n"
	if got, notes := edit(t, text, requestCPU); got != text || len(notes) > 0 {
		t.Errorf("got\n%s\n%q", got, notes)
	}
}
