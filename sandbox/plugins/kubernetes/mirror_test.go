package kubernetes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opex-project/opex/sandbox/internal/charts"
	"github.com/opex-project/opex/sandbox/internal/pki"
)

// behindMirror is set in a process that reaches the chart repositories through the mirror.
const behindMirror = "OPEX_TEST_BEHIND_MIRROR"

// Go reads the proxy and the trusted certificates from the environment once per process, so the test runs itself in another.
func TestReleaseTakesChartsFromTheirOfficialAddressesThroughTheMirror(t *testing.T) {
	if os.Getenv(behindMirror) == "" {
		runBehindMirror(t)
		return
	}
	h := newHarness(t)
	for _, variable := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(variable, t.TempDir())
	}
	for _, c := range []struct{ chart, version, repository, values string }{
		{"metrics-server", "3.13.1", "https://kubernetes-sigs.github.io/metrics-server/", "{}"},
		{"opencost", "2.5.17", "https://opencost.github.io/opencost-helm-chart", "{opencost: {ui: {enabled: false}, mcp: {enabled: false}}}"},
	} {
		release := fmt.Sprintf("{name: %s, chart: %[1]s, version: %q, repositoryOpts: {repo: %q}, skipAwait: true, values: %s}", c.chart, c.version, c.repository, c.values)
		r := h.up(releaseToken, c.chart, release)
		if h.live("apps/v1", "Deployment", c.chart) == nil {
			t.Errorf("the release %s has no Deployment of its name", c.chart)
		}
		if d, _ := h.diff(r, release); d.HasChanges {
			t.Errorf("the same inputs differ: %v", d.DetailedDiff)
		}
		h.down(r)
	}
	_, err := h.tryUp(releaseToken, "opencost", `{name: opencost, chart: opencost, version: 2.5.17, repositoryOpts: {repo: "https://opencost.github.io/opencost-helm-chart"}}`)
	if err == nil {
		t.Fatal("values that the chart refuses were taken")
	}
	contains(t, err.Error(), "/opencost/ui/enabled")
}

func runBehindMirror(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: no API server")
	}
	ca, err := pki.LoadAuthority(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	mirror, err := charts.Start(ca, charts.Repositories())
	if err != nil {
		t.Fatal(err)
	}
	defer mirror.Close()
	trusted := filepath.Join(t.TempDir(), "trusted.crt")
	if err := os.WriteFile(trusted, ca.CertPEM, 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), behindMirror+"=yes", "HTTPS_PROXY="+mirror.URL, "https_proxy="+mirror.URL, "SSL_CERT_FILE="+trusted)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}
