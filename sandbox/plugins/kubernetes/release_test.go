package kubernetes

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
)

// chartFiles are a chart with a ConfigMap, a hook, and a Deployment if replicas are asked for.
func chartFiles(version string) map[string]string {
	return map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: shop\nversion: " + version + "\nappVersion: \"7\"\n",
		"values.yaml": "greeting: hello\nreplicas: 0\n",
		"templates/map.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-map"}
data: {greeting: "{{ .Values.greeting }}", chart: "{{ .Chart.Version }}"}
`,
		"templates/hook.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-hook", annotations: {helm.sh/hook: pre-install}}
`,
		"templates/web.yaml": `{{ if gt (int .Values.replicas) 0 }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-web"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: web, image: "x:1"}]}
{{ end }}`,
	}
}

// chartDir writes the chart to disk.
func chartDir(t *testing.T, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	for name, text := range chartFiles(version) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// chartRepository serves the chart in the given versions, as a repository does.
func chartRepository(t *testing.T, versions ...string) string {
	t.Helper()
	for _, variable := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(variable, t.TempDir())
	}
	mux := http.NewServeMux()
	index := "apiVersion: v1\nentries:\n  shop:\n"
	for _, version := range versions {
		var archive bytes.Buffer
		zip := gzip.NewWriter(&archive)
		out := tar.NewWriter(zip)
		for name, text := range chartFiles(version) {
			if err := out.WriteHeader(&tar.Header{Name: "shop/" + name, Mode: 0o644, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = out.Close(), zip.Close()
		mux.HandleFunc("/shop-"+version+".tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) })
		index += fmt.Sprintf("    - {apiVersion: v2, name: shop, version: %s, urls: [shop-%s.tgz]}\n", version, version)
	}
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(index)) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (h *harness) data(name, key string) string {
	h.t.Helper()
	u := h.live("v1", "ConfigMap", name)
	if u == nil {
		return ""
	}
	return str(u.Object, "data", key)
}

func TestReleaseLivesItsWholeLife(t *testing.T) {
	h := newHarness(t)
	repo := chartRepository(t, "1.0.0", "1.1.0")
	text := func(version, greeting string) string {
		return fmt.Sprintf("{name: shop, chart: shop, version: %q, repositoryOpts: {repo: %q}, values: {greeting: %s, nested: {count: 3}}, compat: \"true\"}", version, repo, greeting)
	}
	r := h.up(releaseToken, "shop", text("1.0.0", "hi"))
	if r.id != h.namespace+"/shop" || h.data("shop-map", "greeting") != "hi" || h.live("v1", "ConfigMap", "shop-hook") == nil {
		t.Errorf("the release %s did not install the chart, its values and its hook", r.id)
	}
	status := r.state.Get("status").AsMap()
	if status.Get("status").AsString() != "deployed" || status.Get("revision").AsNumber() != 1 || status.Get("appVersion").AsString() != "7" {
		t.Errorf("the status is %v", status)
	}
	if names := r.state.Get("resourceNames").AsMap().Get("ConfigMap/v1"); !names.IsArray() || names.AsArray().Get(0).AsString() != "shop-map" {
		t.Errorf("the resource names are %v", r.state.Get("resourceNames"))
	}
	if d, _ := h.diff(r, text("1.0.0", "hi")); d.HasChanges {
		t.Errorf("the same inputs differ: %v", d.DetailedDiff)
	}
	if err := h.change(r, text("1.1.0", "bye")); err != nil {
		t.Fatal(err)
	}
	if h.data("shop-map", "greeting") != "bye" || h.data("shop-map", "chart") != "1.1.0" {
		t.Error("the upgrade changed nothing")
	}
	if !h.refresh(r) || r.state.Get("status").AsMap().Get("revision").AsNumber() != 2 {
		t.Errorf("a refresh finds %v", r.state.Get("status"))
	}
	if d, _ := h.diff(r, text("1.1.0", "bye")); d.HasChanges {
		t.Errorf("after a refresh the same inputs differ: %v", d.DetailedDiff)
	}
	h.down(r)
	if h.live("v1", "ConfigMap", "shop-map") != nil || h.refresh(r) {
		t.Error("something is left after the uninstall")
	}
	h.down(r) // what is gone is uninstalled already
}

func TestReleaseWithoutVersionTakesTheNewestAndANameOfItsOwn(t *testing.T) {
	h := newHarness(t)
	repo := chartRepository(t, "1.0.0", "1.1.0")
	inputs := h.check(urn(releaseToken, "shop"), noProps, props(t, fmt.Sprintf("{chart: shop, repositoryOpts: {repo: %q}}", repo)))
	if got := inputs.Get("version").AsString(); got != "1.1.0" {
		t.Errorf("the version is %q", got)
	}
	if got := inputs.Get("name").AsString(); !strings.HasPrefix(got, "shop-") || len(got) != len("shop-")+8 {
		t.Errorf("the name is %q", got)
	}
}

func TestFailedAtomicReleaseLeavesNothing(t *testing.T) {
	h := newHarness(t)
	r, err := h.tryUp(releaseToken, "shop", fmt.Sprintf("{name: shop, chart: %q, atomic: true, timeout: 3, values: {replicas: 1}}", chartDir(t, "1.0.0")))
	if err == nil {
		t.Fatal("a release of which no pod is ready was called ready")
	}
	contains(t, err.Error(), "shop: the release "+h.namespace+"/shop was not installed")
	if h.live("apps/v1", "Deployment", "shop-web") != nil || r.state.Get("status").IsMap() {
		t.Error("the failed release is still there")
	}
}

func TestFailedReleaseIsKeptInTheStateAndRepairedByTheNextUpdate(t *testing.T) {
	h := newHarness(t)
	chart := chartDir(t, "1.0.0")
	r, err := h.tryUp(releaseToken, "shop", fmt.Sprintf("{name: shop, chart: %q, timeout: 3, values: {replicas: 1}}", chart))
	if err == nil {
		t.Fatal("a release of which no pod is ready was called ready")
	}
	contains(t, err.Error(), "Deployment "+h.namespace+"/shop-web is not ready yet")
	if r.state.Get("status").AsMap().Get("status").AsString() != "failed" {
		t.Errorf("the state does not hold the failed release: %v", r.state.Get("status"))
	}
	if err := h.change(r, fmt.Sprintf("{name: shop, chart: %q, timeout: 3, values: {replicas: 0}}", chart)); err != nil {
		t.Fatal(err)
	}
}

func TestFailedAtomicUpgradeRollsBack(t *testing.T) {
	h := newHarness(t)
	chart := chartDir(t, "1.0.0")
	r := h.up(releaseToken, "shop", fmt.Sprintf("{name: shop, chart: %q, atomic: true, timeout: 4}", chart))
	err := h.change(r, fmt.Sprintf("{name: shop, chart: %q, atomic: true, timeout: 4, values: {replicas: 1, greeting: broken}}", chart))
	if err == nil {
		t.Fatal("a failed upgrade was called done")
	}
	if got := h.data("shop-map", "greeting"); got != "hello" {
		t.Errorf("after the rollback the greeting is %q", got)
	}
	if d, _ := h.diff(r, fmt.Sprintf("{name: shop, chart: %q, atomic: true, timeout: 4, values: {replicas: 1, greeting: broken}}", chart)); !d.HasChanges {
		t.Error("the next update would not try again")
	}
}

func TestInterruptedReleaseIsTakenUp(t *testing.T) {
	h := newHarness(t, "upsertExistingObjects", "true")
	chart := chartDir(t, "1.0.0")
	r := h.up(releaseToken, "shop", fmt.Sprintf("{name: shop, chart: %q}", chart))
	k := &plugin{cluster: h.cluster}
	actions, err := k.helm(h.namespace)
	if err != nil {
		t.Fatal(err)
	}
	last, err := lastRelease(actions, "shop")
	if err != nil {
		t.Fatal(err)
	}
	last.Info.Status = "pending-install"
	if err := actions.Releases.Update(last); err != nil {
		t.Fatal(err)
	}
	if _, err := h.provider.Create(p.CreateRequest{Urn: r.urn, Properties: r.inputs}); err != nil {
		t.Errorf("a half-made release stops its creation: %v", err)
	}
}

func TestReleaseRefusesWhatItDoesNotKnow(t *testing.T) {
	provider := New()
	for _, c := range []struct{ name, text, wanted string }{
		{"an unknown key", "{chart: x, verison: 1}", "unknown key verison"},
		{"an unknown key of the repository", "{chart: x, repositoryOpts: {url: y}}", "unknown key repositoryOpts.url"},
		{"a post-renderer", "{chart: x, postrender: y}", "postrender is not supported"},
		{"no chart", "{}", "chart is missing"},
		{"an image registry", "{chart: \"oci://registry.example/x\"}", "image registry"},
		{"a wrong type", "{chart: x, atomic: [maybe]}", "atomic is a array; allowed: a bool"},
		{"a chart that is not there", "{chart: ./no-such-chart}", "cannot be loaded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := provider.Check(t.Context(), p.CheckRequest{Urn: urn(releaseToken, "x"), Inputs: props(t, c.text)})
			if err != nil {
				t.Fatal(err)
			}
			contains(t, fmt.Sprint(r.Failures), c.wanted)
		})
	}
}
