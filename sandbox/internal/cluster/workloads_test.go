package cluster

import (
	"strings"
	"testing"
)

func TestWorkloadsThatLackPodsAreNamed(t *testing.T) {
	list := `{"items": [
		{"kind": "Deployment", "metadata": {"namespace": "a", "name": "good", "generation": 2}, "spec": {"replicas": 3}, "status": {"observedGeneration": 2, "readyReplicas": 3}},
		{"kind": "Deployment", "metadata": {"namespace": "a", "name": "off", "generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}},
		{"kind": "DaemonSet", "metadata": {"namespace": "a", "name": "each", "generation": 1}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "numberReady": 2}}%]}`
	if err := notReady([]byte(strings.Replace(list, "%", "", 1))); err != nil {
		t.Errorf("all is ready: %v", err)
	}
	for says, item := range map[string]string{
		"b/late has 1 of 2 pods":   `{"kind": "StatefulSet", "metadata": {"namespace": "b", "name": "late"}, "spec": {"replicas": 2}, "status": {"readyReplicas": 1}}`,
		"b/agents has 0 of 1 pods": `{"kind": "DaemonSet", "metadata": {"namespace": "b", "name": "agents"}, "status": {"desiredNumberScheduled": 1}}`,
		"b/new has 1 of 1 pods":    `{"kind": "Deployment", "metadata": {"namespace": "b", "name": "new", "generation": 2}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1, "readyReplicas": 1}}`,
	} {
		if err := notReady([]byte(strings.Replace(list, "%", ","+item, 1))); err == nil || err.Error() != says {
			t.Errorf("error is %v, want %s", err, says)
		}
	}
}
