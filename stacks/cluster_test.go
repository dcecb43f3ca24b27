package stacks

import (
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/pulumitest"
)

func TestIdentityOfTheCluster(t *testing.T) {
	known := map[string]any{"metadata": map[string]any{"uid": testUID}}
	cases := map[string]struct {
		expected string
		answer   map[string]any // of the read of kube-system; nil is unknown
		preview  bool
		says     string // the error; "" is none
		warns    bool
	}{
		"none expected":                       {answer: known},
		"the expected one":                    {expected: testUID, answer: known},
		"another one":                         {expected: "another", answer: known, says: "leads to the cluster " + testUID + ", expected is another"},
		"another one, in a preview":           {expected: "another", answer: known, preview: true, says: "expected is another"},
		"unknown in a preview":                {answer: nil, preview: true},
		"unknown in a preview, one expected":  {expected: testUID, answer: nil, preview: true, warns: true},
		"an answer without UID":               {answer: map[string]any{"metadata": map[string]any{"name": "kube-system"}}, says: "does not tell its identity"},
		"an answer without UID, one expected": {expected: testUID, answer: map[string]any{"metadata": map[string]any{}}, says: "does not tell its identity"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			homeWithKubeconfig(t)
			config := stackConfig(t, "staging")
			config["opex:cluster"] = asConfig(t, map[string]string{"kubeconfig": "~/.kube/config", "context": "opex-staging", "uid": c.expected})
			record, err := deploy(t, "staging", config, pulumitest.Options{Preview: c.preview, Read: kubeSystem(c.answer)})
			checkError(t, err, c.says)
			for _, r := range record.Resources {
				if c.says != "" && r.Name != "cluster" && r.Name != "cluster-identity" {
					t.Errorf("%s was registered on a cluster that was refused", r.Name)
				}
			}
			if warned := strings.Contains(strings.Join(record.Messages, "\n"), "is not known in this preview"); warned != c.warns {
				t.Errorf("warned: %v, want %v; messages: %v", warned, c.warns, record.Messages)
			}
		})
	}
}

func TestUnreachableClusterIsAnErrorThatNamesIt(t *testing.T) {
	homeWithKubeconfig(t)
	record, err := deploy(t, "staging", stackConfig(t, "staging"), pulumitest.Options{Read: map[string]map[string]any{}})
	if err == nil {
		t.Fatal("no error")
	}
	want := `ERROR: opex:cluster: the cluster of context "opex-staging" in `
	if messages := strings.Join(record.Messages, "\n"); !strings.Contains(messages, want) {
		t.Errorf("messages are %q, want one that starts with %q", messages, want)
	}
	if len(record.Resources) != 1 {
		t.Errorf("registered: %v, want the provider only", record.Resources)
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
