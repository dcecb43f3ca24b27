package stacks

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"github.com/opex-project/opex/internal/pulumitest"
)

const (
	projectFolder = ".."
	testUID       = "6d2f0a53-6f6e-4a4b-9c0f-6a1d1f7a0b11"
	testPassword  = "correct-horse-battery"
)

// projectKey is a key of Pulumi.yaml's config.
type projectKey struct {
	Type        string `yaml:"type"`
	Description string `yaml:"description"`
	Default     any    `yaml:"default"`
	Value       any    `yaml:"value"`
}

func projectKeys(t *testing.T) map[string]projectKey {
	t.Helper()
	var project struct {
		Config map[string]projectKey `yaml:"config"`
	}
	readYAML(t, filepath.Join(projectFolder, "Pulumi.yaml"), &project)
	return project.Config
}

// stackConfig is what Pulumi hands to the program for a stack: the stack's own file over the defaults of Pulumi.yaml,
// with objects and lists as JSON.
func stackConfig(t *testing.T, stack string) map[string]string {
	t.Helper()
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	readYAML(t, filepath.Join(projectFolder, "Pulumi."+stack+".yaml"), &file)
	values := map[string]any{}
	for key, declared := range projectKeys(t) {
		if !strings.Contains(key, ":") {
			key = keyPrefix + key
		}
		if declared.Value != nil {
			values[key] = declared.Value
		} else if declared.Default != nil {
			values[key] = declared.Default
		}
	}
	maps.Copy(values, file.Config)
	values["opex:databasePasswords"] = map[string]string{"task-api": testPassword}
	values["opex:backupSecrets"] = map[string]string{"repositoryPassword": testPassword + "-too"}
	config := map[string]string{}
	for key, value := range values {
		config[key] = asConfig(t, value)
	}
	return config
}

func asConfig(t *testing.T, value any) string {
	t.Helper()
	if text, is := value.(string); is {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// homeWithKubeconfig is a home folder such as the stack files expect, whose clusters answer as a cluster does that
// holds nothing yet. What answers is told what else there is, by path.
func homeWithKubeconfig(t *testing.T) map[string]string {
	t.Helper()
	answers := map[string]string{
		"/api/v1/namespaces/kube-system":                                         `{"metadata": {"name": "kube-system", "uid": "` + testUID + `"}}`,
		"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes": `{"endpoints": [{"addresses": ["10.0.0.12", "10.0.0.11"]}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, is := answers[r.URL.Path]
		if !is {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	home(t, server.URL)
	return answers
}

// home is a home folder with a kubeconfig for a server.
func home(t *testing.T, server string) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	kubeconfig := `{"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "test", "cluster": {"server": "` + server + `"}}], "users": [{"name": "test", "user": {}}],
		"contexts": [{"name": "opex-staging", "context": {"cluster": "test", "user": "test"}}, {"name": "opex-prod", "context": {"cluster": "test", "user": "test"}}]}`
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".kube", "config"), []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

// deploy runs the whole program with a stack's config.
func deploy(
	t *testing.T, stack string, config map[string]string, options pulumitest.Options,
) (*pulumitest.Record, error) {
	t.Helper()
	t.Setenv(pulumi.EnvConfig, asConfig(t, config))
	t.Setenv(pulumi.EnvConfigSecretKeys, `["opex:databasePasswords", "opex:backupSecrets"]`)
	options.Stack, options.Folder = stack, projectFolder
	return pulumitest.Run(t, Deploy, options)
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
