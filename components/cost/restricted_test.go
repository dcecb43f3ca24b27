package cost_test

import (
	"testing"

	"github.com/opex-project/opex/components/cost"
	"github.com/opex-project/opex/internal/pulumitest"
)

// TestEveryPodKeepsToTheRestrictedStandard looks at what the standard demands of a container, and at what this project
// demands beyond it: a read-only root and no API token.
func TestEveryPodKeepsToTheRestrictedStandard(t *testing.T) {
	record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"till": till()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"till-deployment", "till-db-statefulset"} {
		pod := pulumitest.Object(t, record.Find(name).Inputs, "spec", "template", "spec")
		wants(t, name, pod, "automountServiceAccountToken", false)
		security := pulumitest.Object(t, pod, "securityContext")
		wants(t, name, security, "runAsNonRoot", true)
		wants(t, name, pulumitest.Object(t, security, "seccompProfile"), "type", "RuntimeDefault")
		for _, item := range pod["containers"].([]any) {
			container := pulumitest.Object(t, item, "securityContext")
			wants(t, name, container, "allowPrivilegeEscalation", false)
			wants(t, name, container, "readOnlyRootFilesystem", true)
			dropped := pulumitest.Object(t, container, "capabilities")["drop"].([]any)
			if len(dropped) != 1 || dropped[0] != "ALL" {
				t.Errorf("%s drops %v, want ALL", name, dropped)
			}
		}
	}
}

// TestShutdownFitsIntoItsGrace: a process killed while it still answers would be a 5xx.
func TestShutdownFitsIntoItsGrace(t *testing.T) {
	record, err := declare(t, map[string]*cost.CostLabeledAppArgs{"shop": shop()})
	if err != nil {
		t.Fatal(err)
	}
	pod := pulumitest.Object(t, record.Find("shop-deployment").Inputs, "spec", "template", "spec")
	container := pod["containers"].([]any)[0]
	sleep := pulumitest.Object(t, container, "lifecycle", "preStop", "sleep")["seconds"].(float64)
	const longestDrainOfTaskAPI = 25 // its DRAIN_DELAY and DRAIN_TIMEOUT by default
	if grace := pod["terminationGracePeriodSeconds"].(float64); grace <= sleep+longestDrainOfTaskAPI {
		t.Errorf(
			"the grace is %v s, too short for a sleep of %v s and a drain of %d s", grace, sleep, longestDrainOfTaskAPI,
		)
	}
}

func wants(t *testing.T, name string, object map[string]any, key string, want any) {
	t.Helper()
	if object[key] != want {
		t.Errorf("%s: %s is %v, want %v", name, key, object[key], want)
	}
}
