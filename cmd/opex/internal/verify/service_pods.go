package verify

import (
	"fmt"

	"github.com/opex-project/opex/internal/contract"
)

// belongs tells the service's pods: those of its workloads, and jobs and others that carry its instance label.
func belongs(labels map[string]string, name string, service contract.Service) bool {
	return selects(service.Selector, labels) || labels[contract.LabelInstance] == name ||
		service.Database != nil && selects(service.Database.Selector, labels)
}

// selects is false for an empty selector: it would mean everything.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// podsUnlisted is the result where pods could not be listed. The right is such as `list pods`.
func podsUnlisted(namespace string, err error, right string) Result {
	return unproven(
		fmt.Sprintf("the pods of namespace %s could not be listed: %v", namespace, err), nextForLookup(err, right),
	)
}

// noDatabasePod is the result where the service's database does not run.
func noDatabasePod(service contract.Service, evidence ...Fact) Result {
	return unproven("no pod of statefulset "+service.Database.StatefulSet+" is Running", getPods(service.Namespace),
		evidence...)
}

// getPods is the command that shows the pods of a namespace.
func getPods(namespace string) string { return "kubectl --namespace " + namespace + " get pods" }
