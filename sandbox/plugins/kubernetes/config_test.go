package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

func TestConfigRefusesByName(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		wanted []string
	}{
		{"unknown keys, all at once", map[string]string{"kubeconfg": "x", "nmespace": "y"}, []string{`unknown provider key "kubeconfg"`, `unknown provider key "nmespace"`}},
		{"a key that is neither true nor false", map[string]string{"enableServerSideApply": "yes"}, []string{`"yes"; allowed: true, false`}},
		{"rendering to files", map[string]string{"renderYamlToDirectory": "out"}, []string{`"renderYamlToDirectory" is not supported`}},
		{"unknown settings of the client", map[string]string{"kubeClientSettings": `{"qsp": 1}`}, []string{"qsp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, failures := parseConfig(c.values)
			contains(t, fmt.Sprint(failures), c.wanted...)
		})
	}
	if _, failures := parseConfig(map[string]string{"kubeconfig": "a", "enableServerSideApply": "false", "version": "4.30.0"}); len(failures) > 0 {
		t.Errorf("good keys are refused: %v", failures)
	}
}

const kubeconfigText = `
apiVersion: v1
kind: Config
current-context: %s
clusters: [{name: one, cluster: {server: "https://one.example"}}, {name: two, cluster: {server: "https://two.example"}}]
contexts: [{name: one, context: {cluster: one}}, {name: two, context: {cluster: two}}]
`

func TestAnotherClusterReplacesTheProvider(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, fmt.Appendf(nil, kubeconfigText, "one"), 0o600); err != nil {
		t.Fatal(err)
	}
	provider := New()
	for _, c := range []struct {
		name, before, after string
		replaces            bool
	}{
		{"another context of another cluster", "{kubeconfig: " + path + ", context: one}", "{kubeconfig: " + path + ", context: two}", true},
		{"another namespace", "{kubeconfig: " + path + ", namespace: a}", "{kubeconfig: " + path + ", namespace: b}", false},
		{"the same cluster, said otherwise", "{kubeconfig: " + path + "}", "{kubeconfig: " + path + ", context: one}", false},
		{"another cluster under the same identifier", "{kubeconfig: " + path + ", clusterIdentifier: first}", "{kubeconfig: " + path + ", context: two, clusterIdentifier: first}", false},
		{"another identifier", "{kubeconfig: " + path + ", clusterIdentifier: first}", "{kubeconfig: " + path + ", clusterIdentifier: second}", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := provider.DiffConfig(t.Context(), p.DiffRequest{State: props(t, c.before), Inputs: props(t, c.after)})
			if err != nil {
				t.Fatal(err)
			}
			if !d.HasChanges || replacesAny(d) != c.replaces {
				t.Errorf("replaces: %v, wanted %v: %v", replacesAny(d), c.replaces, d.DetailedDiff)
			}
		})
	}
}

func TestUnreachableClusterIsSaidWhenItIsNeeded(t *testing.T) {
	provider := New()
	if err := provider.Configure(t.Context(), p.ConfigureRequest{Variables: map[string]string{configPrefix + "kubeconfig": "/no/such/kubeconfig"}}); err != nil {
		t.Fatalf("a preview needs no cluster: %v", err)
	}
	inputs := props(t, "{metadata: {name: a}}")
	u := urn("kubernetes:core/v1:ConfigMap", "a")
	if _, err := provider.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs, DryRun: true}); err != nil {
		t.Errorf("the preview fails: %v", err)
	}
	_, err := provider.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs})
	if err == nil {
		t.Fatal("an object was created without a cluster")
	}
	contains(t, err.Error(), "a: the cluster cannot be reached", "/no/such/kubeconfig", "nothing was done")
}

func TestUnsupportedTypesAreRefusedByName(t *testing.T) {
	provider := New()
	for _, token := range []string{"kubernetes:apps/v1:DeploymentPatch", "kubernetes:core/v1:NamespacePatch", "kubernetes:core/v1:ConfigMapList",
		"kubernetes:yaml:ConfigFile", "kubernetes:yaml/v2:ConfigGroup", "kubernetes:kustomize:Directory", "kubernetes:helm.sh/v4:Chart", "kubernetes:helm.sh/v3:Chart"} {
		_, err := provider.Check(t.Context(), p.CheckRequest{Urn: urn(token, "x")})
		if err == nil {
			t.Errorf("%s is accepted", token)
			continue
		}
		contains(t, err.Error(), "x: "+token+" is not supported by the offline plugin; nothing was applied.")
		if _, err := provider.Read(t.Context(), p.ReadRequest{ID: "x", Urn: urn(token, "x")}); err == nil {
			t.Errorf("%s can be read", token)
		}
	}
	for _, token := range []string{"kubernetes:yaml:decode", "kubernetes:helm:template", "kubernetes:kustomize:directory"} {
		_, err := provider.Invoke(t.Context(), p.InvokeRequest{Token: tokens.Type(token)})
		if err == nil {
			t.Errorf("%s is accepted", token)
			continue
		}
		contains(t, err.Error(), token+" is not supported")
	}
	for _, token := range []string{"kubernetes:apps/v1:", "kubernetes:X", "other:apps/v1:Deployment"} {
		if _, err := kindOf(urn(token, "x")); err == nil {
			t.Errorf("the token %q is accepted", token)
		}
	}
}
