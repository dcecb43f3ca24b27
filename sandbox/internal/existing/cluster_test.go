package existing

import (
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

const twoContexts = `apiVersion: v1
kind: Config
current-context: production
clusters:
- {name: a, cluster: {server: "https://a.example.com"}}
- {name: b, cluster: {server: "https://b.example.com"}}
users:
- {name: a, user: {token: of-a}}
- {name: b, user: {token: of-b}}
contexts:
- {name: production, context: {cluster: a, user: a}}
- {name: "arn:aws:eks:eu-west-1:1:cluster/staging", context: {cluster: b, user: b}}
- {name: broken, context: {cluster: c, user: b}}
`

func TestOnlyTheNamedContextIsKept(t *testing.T) {
	t.Setenv("KUBECONFIG", write(t, t.TempDir(), "config", twoContexts))
	const context = "arn:aws:eks:eu-west-1:1:cluster/staging"
	c, err := Open(t.TempDir(), context)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := clientcmd.LoadFromFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if len(kept.Contexts) != 1 || kept.CurrentContext != context || kept.AuthInfos["a"] != nil || kept.AuthInfos["b"] == nil {
		t.Errorf("kept %+v", kept)
	}
	info, err := os.Stat(c.Kubeconfig())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, error %v", info.Mode(), err)
	}
	if c.Server != "https://b.example.com" {
		t.Errorf("server %s", c.Server)
	}
}

func TestAContextThatCannotBeUsedIsRefused(t *testing.T) {
	file := write(t, t.TempDir(), "config", twoContexts)
	for name, c := range map[string]struct {
		kubeconfig, context string
		words               []string
	}{
		"unknown":          {file, "elsewhere", []string{`no context "elsewhere"`, "broken, production"}},
		"without cluster":  {file, "broken", []string{`"broken"`, `"c"`}},
		"no kubeconfig":    {file + ".missing", "production", []string{`no context "production"`, "none"}},
		"not a kubeconfig": {write(t, t.TempDir(), "config", "["), "production", []string{"kubeconfig"}},
	} {
		t.Setenv("KUBECONFIG", c.kubeconfig)
		_, err := Open(t.TempDir(), c.context)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
	}
}
