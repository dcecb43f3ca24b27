package charts

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/kubernetes" // registers kubernetes_sd_configs
	"gopkg.in/yaml.v3"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	release "helm.sh/helm/v4/pkg/release/v1"

	"github.com/opex-project/opex/sandbox/internal/golden"
)

// namespaces are those that the program gives the releases, which have the names of their charts.
var namespaces = map[string]string{"opencost": "opencost", "prometheus": "prometheus-system"}

// render returns the manifest that Helm makes of a chart.
func render(t *testing.T, chart string, values map[string]any) (string, error) {
	t.Helper()
	var files []*archive.BufferedFile
	err := fs.WalkDir(Files, chart, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(Files, path)
		files = append(files, &archive.BufferedFile{Name: strings.TrimPrefix(path, chart+"/"), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy, install.ReleaseName, install.Namespace = action.DryRunClient, chart, namespaces[chart]
	made, err := install.Run(loaded, values)
	if err != nil {
		return "", err
	}
	return made.(*release.Release).Manifest, nil
}

// parse reads values as YAML.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// program are values such as the program sets, with a change on top.
func program(t *testing.T, chart, change string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", chart+".values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return over(parse(t, string(data)), parse(t, change))
}

func over(below, above map[string]any) map[string]any {
	for key, value := range above {
		nested, isMap := value.(map[string]any)
		under, both := below[key].(map[string]any)
		if isMap && both {
			value = over(under, nested)
		}
		below[key] = value
	}
	return below
}

// The program's own golden is read, so that a key which it adds and the charts lack is found here.
func TestChartsTakeWhatTheProgramSets(t *testing.T) {
	data, err := os.ReadFile("../../components/testdata/cost-visibility.yaml")
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, document := range strings.Split(string(data), "\n---\n") {
		object := parse(t, document)
		chart, _ := object["chart"].(string)
		if chart == "" {
			continue
		}
		if about, err := fs.ReadFile(Files, chart+"/Chart.yaml"); err != nil || parse(t, string(about))["version"] != object["version"] {
			t.Errorf("the program installs chart %s at %v, which is not here (%v)", chart, object["version"], err)
		}
		values, _ := object["values"].(map[string]any)
		if _, err := render(t, chart, values); err != nil {
			t.Errorf("%s: %v", chart, err)
		}
		taken[chart] = true
	}
	for chart := range namespaces {
		if !taken[chart] {
			t.Errorf("the program installs no chart %s", chart)
		}
	}
}

func TestChartsRenderWholeObjects(t *testing.T) {
	for chart := range namespaces {
		manifest, err := render(t, chart, program(t, chart, ""))
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, chart+".golden.yaml", manifest)
	}
}

func TestOtherValuesRenderToo(t *testing.T) {
	for name, c := range map[string]struct{ chart, values, want, not string }{
		"no volume":             {"prometheus", "server: {persistentVolume: {enabled: false}}", "emptyDir: {}", "PersistentVolumeClaim"},
		"a volume of a class":   {"prometheus", "server: {persistentVolume: {storageClass: fast}}", `storageClassName: "fast"`, "emptyDir"},
		"an image by digest":    {"prometheus", "server: {image: {digest: sha256:abc}}", "image: quay.io/prometheus/prometheus@sha256:abc", ""},
		"a job switched on":     {"prometheus", "scrapeConfigs: {prometheus: {enabled: true}}", "localhost:9090", ""},
		"flags":                 {"prometheus", "server: {retentionSize: 1GB, extraArgs: {log.level: debug}}", "--log.level=debug", ""},
		"prices of the cloud":   {"opencost", "opencost: {customPricing: {enabled: false}}", "", "custom-pricing-model"},
		"another Prometheus":    {"opencost", `opencost: {prometheus: {internal: {enabled: false}, external: {enabled: true, url: "https://p/x"}}}`, `"https://p/x"`, "prometheus-server"},
		"no metrics of its own": {"opencost", "opencost: {metrics: {kubeStateMetrics: {emitKsmV1Metrics: false}}}", `EMIT_KSM_V1_METRICS, value: "false"`, "EMIT_KSM_V1_METRICS_ONLY"},
		"image parts":           {"opencost", "opencost: {exporter: {image: {fullImageName: null, tag: x}}}", "ghcr.io/opencost/opencost:x", ""},
		"volumes":               {"opencost", "{extraVolumes: [{name: t, emptyDir: {}}], opencost: {exporter: {extraVolumeMounts: [{name: t, mountPath: /t}]}}}", "mountPath: /t", ""},
		"a strategy":            {"opencost", "updateStrategy: {rollingUpdate: {maxUnavailable: 0}}", "maxUnavailable: 0", "maxUnavailable: 1"},
		"environment":           {"opencost", "opencost: {exporter: {extraEnv: {A: b}, env: [{name: C, value: d}]}}", `{name: A, value: "b"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			manifest, err := render(t, c.chart, program(t, c.chart, c.values))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(manifest, c.want) || (c.not != "" && strings.Contains(manifest, c.not)) {
				t.Errorf("want %q and not %q in\n%s", c.want, c.not, manifest)
			}
		})
	}
}

func TestChartsRefuseWhatTheyWouldNotActOn(t *testing.T) {
	for name, c := range map[string]struct{ chart, values, want string }{
		"a misspelt key":          {"opencost", "opencost: {customPrices: {enabled: true}}", "customPrices"},
		"a key at the top":        {"opencost", "networkPolicies: {enabled: true}", "networkPolicies"},
		"the pages":               {"opencost", "opencost: {ui: {enabled: true}}", "/opencost/ui/enabled"},
		"the second server":       {"opencost", "opencost: {mcp: {enabled: true}}", "/opencost/mcp/enabled"},
		"the collector":           {"opencost", "opencost: {exporter: {collectorDataSource: {enabled: true}}}", "collectorDataSource"},
		"two Prometheis":          {"opencost", "opencost: {prometheus: {external: {enabled: true}}}", "exactly one of"},
		"no Prometheus":           {"opencost", "opencost: {prometheus: {internal: {enabled: false}}}", "exactly one of"},
		"a price that is a list":  {"opencost", "opencost: {customPricing: {costModel: {CPU: [1]}}}", "/costModel/CPU"},
		"Alertmanager":            {"prometheus", "alertmanager: {enabled: true}", "/alertmanager/enabled"},
		"its subchart's keys":     {"prometheus", "alertmanager: {persistence: {enabled: false}}", "persistence"},
		"the reloader":            {"prometheus", "configmapReload: {prometheus: {enabled: true}}", "/configmapReload/prometheus/enabled"},
		"a misspelt server key":   {"prometheus", "server: {retentions: 1d}", "retentions"},
		"a StatefulSet":           {"prometheus", "server: {statefulSet: {enabled: true}}", "statefulSet"},
		"a job that is not there": {"prometheus", "scrapeConfigs: {kubernetes-pods: {enabled: true}}", "/scrapeConfigs/kubernetes-pods/enabled"},
		"jobs of the old form":    {"prometheus", "serverFiles: {prometheus.yml: {scrape_configs: []}}", "scrape_configs"},
		"rules of the old form":   {"prometheus", "serverFiles: {alerts: {mine: []}}", "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, c.chart, program(t, c.chart, c.values))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want a refusal with %q, got %v", c.want, err)
			}
		})
	}
}

func TestDefaultsOfTheOfficialChartsThatAreNotHereMustBeSwitchedOff(t *testing.T) {
	for chart, want := range map[string][]string{
		"opencost":   {"/opencost/ui/enabled", "/opencost/mcp/enabled"},
		"prometheus": {"/alertmanager/enabled", "/kube-state-metrics/enabled", "/prometheus-node-exporter/enabled", "/prometheus-pushgateway/enabled"},
	} {
		_, err := render(t, chart, map[string]any{})
		if err == nil {
			t.Fatalf("%s: its defaults were taken", chart)
		}
		for _, key := range want {
			if !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %q is not in\n%v", chart, key, err)
			}
		}
	}
}

// The jobs must keep what the official chart's have when the program adds to them.
func TestPrometheusTakesTheConfigurationThatIsRendered(t *testing.T) {
	manifest, err := render(t, "prometheus", program(t, "prometheus", ""))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, document := range strings.Split(manifest, "\n---\n") {
		var object struct {
			Kind string
			Data map[string]string
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		if object.Kind == "ConfigMap" {
			text = object.Data["prometheus.yml"]
		}
	}
	loaded, err := config.Load(text, promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := loaded.GetScrapeConfigs()
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for _, job := range jobs {
		paths[job.JobName] = job.Scheme + " " + job.MetricsPath
	}
	for job, want := range map[string]string{
		"kubernetes-nodes": "https /metrics", "kubernetes-nodes-cadvisor": "https /metrics/cadvisor", "opencost": "http /metrics",
	} {
		if paths[job] != want {
			t.Errorf("job %s scrapes %q, want %q", job, paths[job], want)
		}
	}
	if len(jobs) != 3 {
		t.Errorf("jobs: %v", paths)
	}
}
