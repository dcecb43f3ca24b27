package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAFolderIsReadButForWhatIsNotDeployedAsItStands(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.yaml", "b/c.json", ".git/x.yaml", "node_modules/y.json", "chart/Chart.yaml", "chart/templates/d.yaml", "k/kustomization.yaml",
		"k/e.yaml", "readme.md"} {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("a: 1"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "fifo.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"broken.yaml": "none", "folder.yaml": "b", "good.yaml": "a.yaml"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan Folder)
	go func() { done <- Walk(root) }()
	select {
	case f := <-done:
		var files []string
		for _, file := range f.Files {
			files = append(files, strings.TrimPrefix(file, root+"/"))
		}
		slices.Sort(files)
		if got := strings.Join(files, " "); got != "a.yaml b/c.json good.yaml" {
			t.Errorf("files are %s", got)
		}
		if len(f.Rendered) != 3 || len(f.Wrong) != 2 {
			t.Errorf("rendered %q, wrong %v", f.Rendered, f.Wrong)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
	if _, err := Open(filepath.Join(root, "fifo.yaml")); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Errorf("a FIFO: %v", err)
	}
}

func TestABaselineLeavesOutWhatIsKnownAndSaysWhatIsGone(t *testing.T) {
	objects, err := Read("shop.yaml", broken(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "known")
	n, err := WriteBaseline(file, objects, Options{})
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	known, err := ReadBaseline(file)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Review(objects, Options{Baseline: known})
	if err != nil || len(report.Findings) != 0 || report.Known != n || len(report.Gone) != 0 {
		t.Errorf("%+v, error %v", report, err)
	}
	known["SUR-02 Deployment shop/gone spec.replicas"] = 1
	delete(known, "CHA-02 Schedule shop/till spec.podChaos.mode")
	report, err = Review(objects, Options{Baseline: known})
	if err != nil || len(report.Findings) != 1 || report.Findings[0].Rule != "CHA-02" || len(report.Gone) != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
	if err := os.WriteFile(file, []byte("XXX-01 Deployment shop/till spec\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadBaseline(file); err == nil {
		t.Error("an unknown rule is taken")
	}
}

func TestTypesAreThoseOfTheAPI(t *testing.T) {
	for text, want := range map[string]string{
		`apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: "3"}`:                                          `spec.replicas is the text "3", want a number`,
		`apiVersion: apps/v1\nkind: Deployment\nmetadata: {labels: {cost-center: 4711}}`:                        `metadata.labels.cost-center is the number 4711, want a text: put it in quotes`,
		`apiVersion: apps/v1\nkind: Deployment\nspec: {replica: 3}`:                                             `spec.replica is no field of DeploymentSpec`,
		`apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1.5}`:                                          `spec.replicas is 1.5, want a whole number`,
		`apiVersion: velero.io/v1\nkind: Schedule\nspec: {template: {includedNamespaces: text}}`:                `spec.template.includedNamespaces is the text "text", want a list`,
		`apiVersion: velero.io/v1\nkind: Backup\nspec: {ttl: 900}`:                                              `spec.ttl is the number 900, want a text: put it in quotes`,
		`apiVersion: policy/v1\nkind: PodDisruptionBudget\nspec: {minAvailable: [1]}`:                           `spec.minAvailable is a list, want a number or a percentage`,
		`apiVersion: v1\nkind: Pod\nspec: {containers: [{resources: {requests: {cpu: much}}}]}`:                 `spec.containers.0.resources.requests.cpu is "much", want a quantity such as 250m or 64Mi`,
		`apiVersion: v1\nkind: Pod\nspec: {containers: [{resources: {requests: {cpu: 1, memory: 1Gi}}}]}`:       "",
		`apiVersion: v1\nkind: Service\nspec: {ports: [{port: 1, targetPort: http}, {port: 2, targetPort: 3}]}`: "",
		`apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nspec: {minReplicaCount: "2", more: 1}`:               `spec.minReplicaCount is the text "2", want a number`,
	} {
		objects, err := Read("file", []byte(strings.ReplaceAll(text, `\n`, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range objects[0].Mistyped {
			got = append(got, strings.Join(m.Path, ".")+" "+m.Says)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s\ngot %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"apiVersion: apps/v1\nkind: deployment":                 "Kubernetes has no deployment in apps/v1: known is apps/v1 Deployment",
		"apiVersion: extensions/v1beta1\nkind: Deployment":      "Kubernetes serves no Deployment in extensions/v1beta1 since 1.16",
		"apiVersion: example.com/v1\nkind: Deployment":          "",
		"apiVersion: policy/v1beta1\nkind: PodDisruptionBudget": "Kubernetes serves no PodDisruptionBudget in policy/v1beta1 since 1.25",
	} {
		objects, err := Read("file", []byte(text))
		if err != nil || objects[0].Unread != want {
			t.Errorf("%s: %q, error %v", text, objects[0].Unread, err)
		}
	}
}
