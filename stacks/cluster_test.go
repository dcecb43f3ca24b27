package stacks

import (
	"os"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/pulumitest"
)

func TestIdentityOfTheCluster(t *testing.T) {
	const system = "/api/v1/namespaces/kube-system"
	for name, c := range map[string]struct {
		expected, answer string
		preview          bool
		says             string // the error; "" is none
	}{
		"none expected":            {},
		"the expected one":         {expected: testUID},
		"another one":              {expected: "another", says: "leads to the cluster " + testUID + ", expected is another"},
		"another one in a preview": {expected: "another", preview: true, says: "expected is another"},
		"an answer without UID":    {answer: `{"metadata": {"name": "kube-system"}}`, says: "does not tell its identity"},
		"an answer of nothing":     {answer: `{}`, says: "does not tell its identity"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := homeWithKubeconfig(t)
			if c.answer != "" {
				answers[system] = c.answer
			}
			config := stackConfig(t, "staging")
			config["opex:cluster"] = asConfig(
				t, map[string]string{"kubeconfig": "~/.kube/config", "context": "opex-staging", "uid": c.expected},
			)
			record, err := deploy(t, "staging", config, pulumitest.Options{Preview: c.preview})
			checkError(t, err, c.says)
			if c.says != "" && len(record.Resources) > 0 {
				t.Errorf("%d resources were registered on a cluster that was refused", len(record.Resources))
			}
		})
	}
}

func TestAnUpdateOfAClusterThatIsNotReachedIsRefused(t *testing.T) {
	home(t, "http://127.0.0.1:1")
	record, err := deploy(t, "staging", stackConfig(t, "staging"), pulumitest.Options{})
	checkError(t, err, "opex:cluster: the cluster could not be asked")
	if len(record.Resources) > 0 {
		t.Errorf("registered: %v", record.Resources)
	}
}

func TestAPreviewWithoutAClusterReviewsAllAndSaysWhatItCouldNotCheck(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T){
		"not reachable": func(t *testing.T) { home(t, "http://127.0.0.1:1") },
		"no kubeconfig": func(t *testing.T) {
			if err := os.RemoveAll(home(t, "") + "/.kube"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			prepare(t)
			record, err := deploy(t, "prod", stackConfig(t, "prod"), pulumitest.Options{Preview: true})
			if err != nil {
				t.Fatal(err)
			}
			isReviewed(t, record)
			if said := strings.Join(record.Messages, "\n"); !strings.Contains(
				said, "This preview could not check: the cluster's identity",
			) {
				t.Errorf("it says: %s", said)
			}
		})
	}
}

// TestTwoHomesAreNoDifference: what stands in the state must be the same for all who work on a stack, and hold no
// credentials.
func TestTwoHomesAreNoDifference(t *testing.T) {
	var seen []string
	for range 2 {
		homeWithKubeconfig(t)
		record, err := deploy(t, "staging", stackConfig(t, "staging"), pulumitest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		inputs := record.Find("cluster").Inputs
		if inputs["clusterIdentifier"] != testUID {
			t.Errorf("the identifier is %v, want the UID of kube-system", inputs["clusterIdentifier"])
		}
		seen = append(seen, asConfig(t, inputs))
	}
	if seen[0] != seen[1] || !strings.Contains(seen[0], `"~/.kube/config"`) {
		t.Errorf("the provider is\n%s\nand in another home\n%s", seen[0], seen[1])
	}
}

func TestWhatTheClusterHasAlreadyIsUsed(t *testing.T) {
	const service = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
	const kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/verticalpodautoscalers.autoscaling.k8s.io"
	own := func(release, namespace string) string {
		return `{"metadata": {"annotations": {"meta.helm.sh/release-name": "` + release + `", "meta.helm.sh/release-namespace": "` + namespace + `"}}}`
	}
	for name, c := range map[string]struct {
		service, kinds             string
		installsServer, bringsCRDs bool
	}{
		"nothing":                       {"", "", true, true},
		"both, of somebody else":        {`{"metadata": {}}`, `{"metadata": {}}`, false, false},
		"both, of an update before":     {own("metrics-server", "kube-system"), own("vertical-pod-autoscaler", "vertical-pod-autoscaler"), true, true},
		"both, of another Helm release": {own("metrics-server", "monitoring"), own("vpa", "kube-system"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			answers := homeWithKubeconfig(t)
			if c.service != "" {
				answers[service], answers[kinds] = c.service, c.kinds
			}
			record, err := deploy(t, "prod", stackConfig(t, "prod"), pulumitest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if installs := strings.Contains(string(record.Manifests(t)), "# size-metrics-server"); installs != c.installsServer {
				t.Errorf("it installs metrics-server: %v", installs)
			}
			if off := dig(record.Find("size-recommender").Inputs, "values", "crds", "enabled"); (off == nil) != c.bringsCRDs {
				t.Errorf("crds.enabled is %v", off)
			}
		})
	}
}

func TestANewChaosMeshAsksForItsKindsFirst(t *testing.T) {
	for chart, warns := range map[string]bool{"": false, "chaos-mesh-2.7.0": true, "chaos-mesh-2.8.4": false} {
		answers := homeWithKubeconfig(t)
		if chart != "" {
			answers["/apis/apps/v1/namespaces/chaos-mesh/deployments/chaos-controller-manager"] =
				`{"metadata": {"labels": {"helm.sh/chart": "` + chart + `"}}}`
		}
		record, err := deploy(t, "staging", stackConfig(t, "staging"), pulumitest.Options{Preview: true})
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(record.Messages, "\n")
		if strings.Contains(said, "helm show crds chaos-mesh --repo https://charts.chaos-mesh.org --version 2.8.4") != warns {
			t.Errorf("over %q it says: %s", chart, said)
		}
	}
}

// checkError wants an error that says something, or none.
func checkError(t *testing.T, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("error: %v", err)
	case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
		t.Errorf("error is\n%v\nwant one that says\n%s", err, says)
	}
}
