package stacks

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opex-project/opex/internal/pulumitest"
)

// before is a resource of a stack that version 0.1 made, from its state. Inputs are kept of what holds data.
type before struct {
	URN    string         `json:"urn"`
	Inputs map[string]any `json:"inputs"`
}

// fixed are the properties that replace a resource when they change (pulumi-kubernetes, provider/pkg/provider/diff.go
// and helm_release.go; the schemas of pulumi-aws).
var fixed = map[string][]string{
	"kubernetes:core/v1:Namespace":  {"metadata.name"},
	"kubernetes:core/v1:Secret":     {"metadata.name", "metadata.namespace", "type"},
	"kubernetes:helm.sh/v3:Release": {"name", "namespace"},
	"aws:s3/bucketV2:BucketV2":      {"bucket", "objectLockEnabled"},
	"kubernetes:apps/v1:StatefulSet": {
		"metadata.name", "metadata.namespace", "spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName",
		"spec.volumeClaimTemplates",
	},
}

// replaced returns what an update would replace or delete of a state.
func replaced(t *testing.T, state []before, record *pulumitest.Record) []string {
	t.Helper()
	var found []string
	for _, old := range state {
		i := slices.IndexFunc(record.Resources, func(r pulumitest.Resource) bool { return r.URN == old.URN })
		if i < 0 {
			found = append(found, "gone: "+old.URN)
			continue
		}
		now := record.Resources[i]
		for _, property := range fixed[now.Type] {
			if old.Inputs == nil || slices.Contains(now.IgnoreChanges, property) {
				continue
			}
			keys := strings.Split(property, ".")
			if was, is := asConfig(t, dig(old.Inputs, keys...)), asConfig(t, dig(now.Inputs, keys...)); was != is {
				found = append(found, "replaced: "+old.URN+" for "+property+": "+was+", now "+is)
			}
		}
	}
	return found
}

func stateOf(t *testing.T, stack string) []before {
	t.Helper()
	data, err := os.ReadFile("testdata/state-0.1-" + stack + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var state []before
	if err := json.Unmarshal(data, &state); err != nil || len(state) < 50 {
		t.Fatalf("%d resources, error %v", len(state), err)
	}
	return state
}

func TestAStackOfVersion01LosesNothing(t *testing.T) {
	for _, stack := range stackNames {
		homeWithKubeconfig(t)
		config := stackConfig(t, stack)
		config["opex:exporter"] = `{"enabled": true}`
		record, err := deploy(t, stack, config, pulumitest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if lost := replaced(t, stateOf(t, stack), record); len(lost) > 0 {
			t.Errorf("%s:\n%s", stack, strings.Join(lost, "\n"))
		}
	}
}

// TestNoChangeOfAServiceReplacesItsData: on a stack of the present version.
func TestNoChangeOfAServiceReplacesItsData(t *testing.T) {
	const service = `{"name": "task-api", "image": "example.com/task-api:1", "team": "shops", "costCenter": "sales", "labels": {"tier": "gold"}, "database": {`
	homeWithKubeconfig(t)
	config := stackConfig(t, "prod")
	config["opex:cost"] = "{}"
	config["opex:services"] = "[" + service + "}}]"
	first, err := deploy(t, "prod", config, pulumitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var state []before
	for _, r := range first.Resources {
		state = append(state, before{r.URN, r.Inputs})
	}
	for name, change := range map[string]func(string) string{
		"team":          func(s string) string { return strings.Replace(s, "shops", "commerce", 1) },
		"cost center":   func(s string) string { return strings.Replace(s, "sales", "online", 1) },
		"labels":        func(s string) string { return strings.Replace(s, "gold", "silver", 1) },
		"data size":     func(s string) string { return s + `"dataSize": "20Gi"` },
		"storage class": func(s string) string { return s + `"storageClass": "fast"` },
	} {
		t.Run(name, func(t *testing.T) {
			config["opex:services"] = "[" + change(service) + "}}]"
			record, err := deploy(t, "prod", config, pulumitest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if lost := replaced(t, state, record); len(lost) > 0 {
				t.Error(strings.Join(lost, "\n"))
			}
			if name == "storage class" { // refused where the claim is there: TestWhatAClaimCannotBecomeIsRefused
				return
			}
			claim := asConfig(t, record.Find("task-api-db-data-claim").Inputs)
			if claim == asConfig(t, first.Find("task-api-db-data-claim").Inputs) {
				t.Errorf("the change does not reach the claim: %s", claim)
			}
		})
	}
}

func TestWhatAClaimCannotBecomeIsRefused(t *testing.T) {
	const claims = `{"items": [{"metadata": {"name": "data-task-api-db-0"}, "spec": {"storageClassName": "gp2", "resources": {"requests": {"storage": "10Gi"}}}}]}`
	for name, c := range map[string]struct{ database, says string }{
		"a smaller size":  {`{"dataSize": "9Gi"}`, "opex:services[0].database.dataSize: is 9Gi, and the claim data-task-api-db-0 has 10Gi: a claim only grows. Set 10Gi here"},
		"another class":   {`{"dataSize": "10Gi", "storageClass": "gp3"}`, `opex:services[0].database.storageClass: is "gp3", and the claim data-task-api-db-0 is of "gp2", which cannot change`},
		"a larger size":   {`{"dataSize": "20Gi"}`, ""},
		"the class it is": {`{"dataSize": "10Gi", "storageClass": "gp2"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			homeWithKubeconfig(t)["/api/v1/namespaces/production/persistentvolumeclaims"] = claims
			config := stackConfig(t, "prod")
			config["opex:services"] = `[{"name": "task-api", "image": "example.com/task-api:1", "database": ` + c.database + `}]`
			_, err := deploy(t, "prod", config, pulumitest.Options{Preview: true})
			checkError(t, err, c.says)
		})
	}
}
