package existing

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

func write(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// project is a repository's folder with one service of ours and one of somebody else.
func project(t *testing.T, stack string) string {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "Pulumi.yaml", "config: {services: {default: [{name: task-api, image: \""+image.TaskAPI+"\"}]}}\n")
	write(t, folder, "Pulumi.staging.yaml", stack)
	return folder
}

func TestPushedImagesReplaceOurs(t *testing.T) {
	names := Names{image.TaskAPI: "r/task-api:1@sha256:a", image.Load: "r/opex-load:1@sha256:b", image.Opex: "r/opex:1@sha256:c"}
	theirs := map[string]any{"name": "shop", "image": "shop:1"}
	ours := map[string]any{"name": "task-api", "image": image.TaskAPI}
	pushed := map[string]any{"name": "task-api", "image": "r/task-api:1@sha256:a"}
	stack := "config: {'opex:services': [{name: shop, image: 'shop:1'}, {name: task-api, image: '" + image.TaskAPI + "'}]}\n"
	for name, c := range map[string]struct {
		stack  string
		config map[string]any
		want   []any
	}{
		"the project's services": {"config: {}\n", nil, []any{pushed}},
		"the stack's services":   {stack, nil, []any{theirs, pushed}},
		"the user's services":    {stack, map[string]any{"opex:services": []any{ours}}, []any{pushed}},
	} {
		t.Run(name, func(t *testing.T) {
			target, err := (&Cluster{Context: "here"}).Target(
				project(t, c.stack), Facts{UID: "uid"}, Settings{Config: c.config, Names: names}, nil,
			)
			if err != nil {
				t.Fatal(err)
			}
			if got := target.Overlay["opex:services"]; !reflect.DeepEqual(got, c.want) {
				t.Errorf("services %v, want %v", got, c.want)
			}
			images := map[string]any{"opex-load": names[image.Load], "opex": names[image.Opex]}
			if got := target.Overlay["opex:images"]; !reflect.DeepEqual(got, images) {
				t.Errorf("images %v", got)
			}
		})
	}
}

func TestAProjectWithoutServicesIsAnError(t *testing.T) {
	folder := project(t, "config: {}\n")
	write(t, folder, "Pulumi.yaml", "config: {}\n")
	_, err := (&Cluster{Folder: t.TempDir()}).Target(folder, Facts{}, Settings{Names: Names{image.TaskAPI: "x"}}, nil)
	if err == nil || !strings.Contains(err.Error(), "services") {
		t.Errorf("error %v", err)
	}
}

func TestPricesAreSetWhereNoCloudHasThem(t *testing.T) {
	for name, c := range map[string]struct {
		nodes []Node
		set   bool
	}{
		"kind": {[]Node{{Cloud: cloud("kind://docker/opex/opex-control-plane")}}, true},
		"none": {[]Node{{Cloud: cloud("")}}, true},
		"EKS":  {[]Node{{Cloud: cloud("aws:///eu-west-1a/i-0123")}}, false},
		"GKE":  {[]Node{{Cloud: cloud("gce://project/zone/node")}}, false},
	} {
		target, err := (&Cluster{}).Target("", Facts{Nodes: c.nodes}, Settings{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if (target.Defaults["opex:cost"] != nil) != c.set {
			t.Errorf("%s: defaults %v", name, target.Defaults)
		}
	}
}

func TestAStoreIsMadeWhereNoBucketIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		bucket  bool
	}{
		"other keys":        {"config: {'opex:backup': {objectLock: {days: 3}}}", false},
		"no backups' key":   {"config: {'opex:exporter': {enabled: true}}", false},
		"a bucket":          {"config: {'opex:backup': {bucket: mine, region: eu-west-1}}", true},
		"a store":           {"config: {'opex:backup': {store: {url: 'https://s3.example.com'}}}", true},
		"no backups at all": {"config: {'opex:backup': {enabled: false}}", true},
	} {
		cluster := &Cluster{Folder: t.TempDir()}
		settings, err := cluster.Settings(write(t, t.TempDir(), "config.yaml", c.content))
		if err != nil {
			t.Fatal(err)
		}
		if settings.NamesBucket() != c.bucket {
			t.Errorf("%s: %v", name, settings)
		}
	}
}

func TestSettingsThatCannotBeUsedAreRefused(t *testing.T) {
	for name, content := range map[string]string{
		"not YAML": "config: [", "no keys": "config: {}", "no config": "'opex:backup': {bucket: mine}", "a list": "- config",
		"a secret": "config: {'opex:backupSecrets': {accessKey: A, secretKey: B}}",
	} {
		path := write(t, t.TempDir(), "config.yaml", content)
		if _, err := (&Cluster{Folder: t.TempDir()}).Settings(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestSettingsAreKeptForLaterCommands(t *testing.T) {
	cluster, folder := &Cluster{Folder: t.TempDir()}, t.TempDir()
	if settings, err := cluster.Settings(""); err != nil || len(settings.Config) > 0 {
		t.Fatalf("%v, error %v", settings, err)
	}
	store := write(t, folder, "store.yaml", "config: {'opex:chaos': {enabled: false}}")
	first, err := cluster.Settings(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Pin(Facts{UID: "uid"}, first); err != nil {
		t.Fatal(err)
	}
	if later, err := cluster.Settings(""); err != nil || !reflect.DeepEqual(later.Config, first.Config) {
		t.Errorf("%v became %v, error %v", first, later, err)
	}
	bucket := write(t, folder, "bucket.yaml", "config: {'opex:backup': {bucket: mine}}")
	if _, err := cluster.Settings(bucket); err == nil || !strings.Contains(err.Error(), "backups would move") {
		t.Errorf("backups may move: error %v", err)
	}
}

func TestDefaultsFollowTheKindOfCluster(t *testing.T) {
	for _, c := range []struct {
		context, runtime string
		keys             []string
	}{
		{"kind-opex", "containerd://2.1.4", []string{"opex:charts", "opex:cost"}},
		{"minikube", "containerd://1.7.28", []string{"opex:charts", "opex:cost"}},
		{"k3d-dev", "containerd://2.1.4-k3s1", []string{"opex:chaos", "opex:cost"}},
		{"other", "containerd://2.1.4", []string{"opex:cost"}},
	} {
		defaults := (&Cluster{Context: c.context}).defaults(Facts{Nodes: []Node{{Runtime: c.runtime}}})
		if got := slices.Sorted(maps.Keys(defaults)); !slices.Equal(got, c.keys) {
			t.Errorf("%s: %v, want %v", c.context, got, c.keys)
		}
	}
}

func TestTheStoreKeepsItsKeysAndItsPort(t *testing.T) {
	c := &Cluster{Folder: t.TempDir()}
	first, err := c.Store()
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Store()
	if err != nil {
		t.Fatal(err)
	}
	if first != second || len(first.Keys.Secret) != 40 || first.Port == 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestImagesAreLoadedByTheToolOfALocalCluster(t *testing.T) {
	for context, want := range map[string]string{
		"kind-opex": "kind load image-archive /r/.sandbox/images/taskapi.tar --name opex",
		"k3d-dev":   "k3d image import /r/.sandbox/images/taskapi.tar --cluster dev",
		"minikube":  "minikube image load /r/.sandbox/images/taskapi.tar",
		"eks":       "", "minikube-like": "", "my-kind-opex": "",
	} {
		got := ""
		if commands := loaderOf(layout.Sandbox{Repo: "/r"}, context); len(commands) > 0 {
			got = strings.Join(commands[0], " ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", context, got, want)
		}
	}
}
