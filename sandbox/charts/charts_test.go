package charts

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
var namespaces = map[string]string{"opencost": "opencost", "prometheus": "prometheus-system", "velero": "velero"}

// render returns the manifest that Helm makes of a chart, with its hooks at the end.
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
	whole := made.(*release.Release)
	manifest := whole.Manifest
	for _, hook := range whole.Hooks {
		manifest += "---\n# Source: " + hook.Path + "\n" + hook.Manifest + "\n"
	}
	return manifest, nil
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

// installed are the releases of the program's own goldens: of manifests, and of lists of resources with their inputs.
func installed(t *testing.T) []map[string]any {
	t.Helper()
	var objects []map[string]any
	for _, file := range []string{
		"cost/testdata/cost-visibility.yaml", "backup/testdata/vault-store.json", "backup/testdata/vault-aws.json",
	} {
		data, err := os.ReadFile(filepath.Join("../../components", file))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(file) == ".json" {
			var resources []struct{ Inputs map[string]any }
			if err := yaml.Unmarshal(data, &resources); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, resource := range resources {
				objects = append(objects, resource.Inputs)
			}
			continue
		}
		for _, document := range strings.Split(string(data), "\n---\n") {
			objects = append(objects, parse(t, document))
		}
	}
	return slices.DeleteFunc(objects, func(object map[string]any) bool { return object["chart"] == nil })
}

// The program's own goldens are read, so that a key which it adds and the charts lack is found here.
func TestChartsTakeWhatTheProgramSets(t *testing.T) {
	taken := map[string]bool{}
	for _, object := range installed(t) {
		chart, _ := object["chart"].(string)
		if about, err := fs.ReadFile(Files, chart+"/Chart.yaml"); err != nil ||
			parse(t, string(about))["version"] != object["version"] {
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
		"no hook":               {"velero", "upgradeCRDs: false", "kind: Deployment", "upgrade-crds"},
		"a role of AWS":         {"velero", "{credentials: {useSecret: false}, serviceAccount: {server: {annotations: {eks.amazonaws.com/role-arn: r}}}}", "eks.amazonaws.com/role-arn: r", "/credentials"},
		"keys in the chart":     {"velero", "credentials: {existingSecret: null, secretContents: {cloud: key}}", `cloud: "a2V5"`, "velero-store-credentials"},
		"a snapshot location":   {"velero", "{snapshotsEnabled: true, configuration: {volumeSnapshotLocation: [{provider: aws, config: {region: x}}]}}", "kind: VolumeSnapshotLocation", ""},
		"no node agent":         {"velero", "deployNodeAgent: false", "kind: Deployment", "kind: DaemonSet"},
		"no location":           {"velero", "{backupsEnabled: false, configuration: {backupStorageLocation: [{provider: '', bucket: ''}]}}", "kind: Deployment", "kind: BackupStorageLocation"},
		"no metrics":            {"velero", "metrics: {enabled: false}", "kind: Deployment", "http-monitoring"},
		"a server's flags": {"velero", `configuration: {fsBackupTimeout: 1h, defaultBackupTTL: 2h, defaultItemOperationTimeout: 3h,
			defaultVolumesToFsBackup: true, garbageCollectionFrequency: 4h, logFormat: json, logLevel: debug, storeValidationFrequency: 5m,
			defaultSnapshotMoveData: true, features: EnableCSI, namespace: x, extraArgs: [--client-qps=50]}`, strings.Join([]string{
			"--uploader-type=kopia", "--fs-backup-timeout=1h", "--default-backup-ttl=2h", "--default-item-operation-timeout=3h",
			"--default-volumes-to-fs-backup=true", "--garbage-collection-frequency=4h", "--log-format=json", "--log-level=debug",
			"--store-validation-frequency=5m", "--default-snapshot-move-data=true", "--features=EnableCSI", "--namespace=x",
			"--repo-maintenance-job-configmap=velero-repo-maintenance", "--client-qps=50",
		}, "\n        - "), ""},
		"an agent's flags": {"velero", "configuration: {dataMoverPrepareTimeout: 5m}", "--data-mover-prepare-timeout=5m", ""},
		"fewer rights":     {"velero", "rbac: {clusterAdministrator: false}", "kind: RoleBinding", "cluster-admin"},
		"Velero by digest": {"velero", "image: {digest: sha256:abc}", "image: docker.io/velero/velero@sha256:abc", "velero:v1"},
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
		"a misspelt node agent":   {"velero", "nodeAgents: {}", "nodeAgents"},
		"a misspelt flag":         {"velero", "configuration: {defaultBackupTtl: 1h}", "defaultBackupTtl"},
		"a flag that has no key":  {"velero", "configuration: {itemOperationSyncFrequency: 1s}", "itemOperationSyncFrequency"},
		"a map of locations":      {"velero", "configuration: {backupStorageLocation: {name: default}}", "/configuration/backupStorageLocation"},
		"no provider":             {"velero", "configuration: {backupStorageLocation: [{provider: '', bucket: b}]}", "/configuration/backupStorageLocation/0/provider"},
		"no bucket":               {"velero", "configuration: {backupStorageLocation: [{provider: aws, bucket: ''}]}", "/configuration/backupStorageLocation/0/bucket"},
		"no snapshot provider":    {"velero", "snapshotsEnabled: true", "/configuration/volumeSnapshotLocation/0/provider"},
		"a setting out of place":  {"velero", "configuration: {backupStorageLocation: [{provider: aws, bucket: b, s3Url: u}]}", "s3Url"},
		"a nested setting":        {"velero", "configuration: {backupStorageLocation: [{provider: aws, bucket: b, config: {region: [x]}}]}", "/configuration/backupStorageLocation/0/config/region"},
		"an access mode":          {"velero", "configuration: {backupStorageLocation: [{provider: aws, bucket: b, accessMode: RW}]}", "accessMode"},
		"no duration":             {"velero", "configuration: {defaultBackupTTL: 30d}", "/configuration/defaultBackupTTL"},
		"restic":                  {"velero", "configuration: {uploaderType: restic}", "/configuration/uploaderType"},
		"a template of plugins":   {"velero", "initContainers: '- name: x'", "/initContainers"},
		"the old maintenance job": {"velero", "configuration: {repositoryMaintenanceJob: {requests: {cpu: 1}}}", "requests"},
		"schedules":               {"velero", "schedules: {daily: {schedule: '@daily'}}", "/schedules"},
		"a namespace's labels":    {"velero", "namespace: {labels: {a: b}}", "/namespace/labels"},
		"the clean-up":            {"velero", "cleanUpCRDs: true", "/cleanUpCRDs"},
		"a ServiceMonitor":        {"velero", "metrics: {serviceMonitor: {enabled: true}}", "/metrics/serviceMonitor/enabled"},
		"rules of the chart":      {"velero", "metrics: {prometheusRule: {enabled: true}}", "/metrics/prometheusRule/enabled"},
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
