package charts

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/opex-project/opex/sandbox/internal/pki"
)

// startMirror returns a client that trusts the mirror's authority and the given server, and goes through the mirror.
func startMirror(t *testing.T, other *httptest.Server) *http.Client {
	t.Helper()
	ca, err := pki.LoadAuthority(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	mirror, err := Start(ca, Repositories())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mirror.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertPEM)
	if other != nil {
		roots.AddCert(other.Certificate())
	}
	proxy, err := url.Parse(mirror.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
}

func get(t *testing.T, client *http.Client, address string) (int, []byte) {
	t.Helper()
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

func TestOfficialAddressesAnswerWithTheVersionsThatTheProgramAsksFor(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads modules")
	}
	client := startMirror(t, nil)
	served := map[string]string{}
	for _, repository := range Repositories() {
		status, body := get(t, client, repository.URL+"index.yaml")
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", repository.URL, status, body)
		}
		var index struct {
			Entries map[string][]struct {
				Version, Digest string
				URLs            []string
			}
		}
		if err := yaml.Unmarshal(body, &index); err != nil {
			t.Fatal(err)
		}
		if len(index.Entries) != len(repository.Charts) {
			t.Errorf("%s: %d charts, want %d", repository.URL, len(index.Entries), len(repository.Charts))
		}
		for name, versions := range index.Entries {
			status, archive := get(t, client, repository.URL+versions[0].URLs[0])
			digest := sha256.Sum256(archive)
			if status != http.StatusOK || hex.EncodeToString(digest[:]) != versions[0].Digest {
				t.Errorf("chart %s: status %d, or its digest is not the index's", name, status)
			}
			served[repository.URL+name] = versions[0].Version
		}
		if status, _ := get(t, client, repository.URL+"none-1.0.0.tgz"); status != http.StatusNotFound {
			t.Errorf("a chart that is not there answers %d", status)
		}
	}
	// As in components/platform/catalog.go.
	for chart, version := range map[string]string{
		"https://kubernetes-sigs.github.io/metrics-server/metrics-server": "3.13.1",
		"https://kubernetes.github.io/autoscaler/vertical-pod-autoscaler": "0.13.0",
		"https://prometheus-community.github.io/helm-charts/prometheus":   "29.27.0",
		"https://opencost.github.io/opencost-helm-chart/opencost":         "2.5.19",
		"https://vmware-tanzu.github.io/helm-charts/velero":               "12.1.0",
		"https://charts.chaos-mesh.org/chaos-mesh":                        "2.8.4",
	} {
		if served[chart] != version {
			t.Errorf("%s is served at version %q, want %s", chart, served[chart], version)
		}
	}
}

// What Helm itself finds in the archive counts: it installs these before the objects of the chart's kinds.
func TestVelerosChartBringsItsDefinitions(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads modules")
	}
	status, packed := get(t, startMirror(t, nil), "https://vmware-tanzu.github.io/helm-charts/velero-12.1.0.tgz")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, packed)
	}
	chart, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, crd := range chart.CRDObjects() {
		var definition struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := yaml.Unmarshal(crd.File.Data, &definition); err != nil {
			t.Fatal(err)
		}
		name, _ := strings.CutSuffix(definition.Metadata.Name, ".velero.io")
		if definition.Kind != "CustomResourceDefinition" || path.Dir(crd.Filename) != "velero/crds" {
			t.Errorf("%s holds %s %s", crd.Filename, definition.Kind, definition.Metadata.Name)
		}
		found = append(found, name)
	}
	slices.Sort(found)
	want := []string{
		"backuprepositories", "backups", "backupstoragelocations", "datadownloads", "datauploads", "deletebackuprequests", "downloadrequests",
		"podvolumebackups", "podvolumerestores", "restores", "schedules", "serverstatusrequests", "volumesnapshotlocations",
	}
	if !slices.Equal(found, want) {
		t.Errorf("definitions\n%v\nwant\n%v", found, want)
	}
}

func TestDefinitionsAreOfTheVersionThatTheImageIsBuiltFrom(t *testing.T) {
	for module, line := range map[string]string{
		"../../go.mod":           velero + " " + veleroVersion,
		"../../kube-1.33/go.mod": "github.com/chaos-mesh/chaos-mesh " + chaosMeshVersion,
	} {
		requirements, err := os.ReadFile(module)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(requirements), line) {
			t.Errorf("%s does not require %q", module, line)
		}
	}
}

func TestOtherHostsArePassedOnUntouched(t *testing.T) {
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "the real one: "+r.URL.Path)
	}))
	defer other.Close()
	client := startMirror(t, other)
	status, body := get(t, client, other.URL+"/thing")
	if status != http.StatusOK || string(body) != "the real one: /thing" {
		t.Errorf("%d %q", status, body)
	}
}

func TestPackRefusesAFolderThatIsNoChart(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no Chart.yaml":     {"values.yaml": {Data: []byte("a: 1")}},
		"Chart.yaml broken": {"Chart.yaml": {Data: []byte("name: [")}},
		"no name":           {"Chart.yaml": {Data: []byte("version: 1.0.0")}},
		"no version":        {"Chart.yaml": {Data: []byte("name: a")}},
	} {
		if _, err := pack(files, ""); err == nil || !strings.Contains(err.Error(), "Chart.yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPackRefusesDefinitionsThatAreNotThere(t *testing.T) {
	chart := fstest.MapFS{"Chart.yaml": {Data: []byte("name: a\nversion: 1.0.0")}}
	if _, err := pack(chart, "", os.DirFS(filepath.Join(t.TempDir(), "none"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want a refusal, got %v", err)
	}
}

func TestPackStampsTheVersion(t *testing.T) {
	packed, err := pack(
		fstest.MapFS{"Chart.yaml": {Data: []byte("name: a\nversion: 0.0.0")}, "templates/x.yaml": {Data: []byte("x")}},
		"2.8.4",
	)
	if err != nil || packed.file() != "a-2.8.4.tgz" {
		t.Errorf("%s, %v", packed.file(), err)
	}
}
