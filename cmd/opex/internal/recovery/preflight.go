package recovery

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opex-project/opex/cmd/opex/internal/velero"
)

// checkVault says what keeps Velero from working. Write is for making backups.
func (s *Site) checkVault(ctx context.Context, write bool) (problems []string) {
	add := func(format string, arguments ...any) { problems = append(problems, fmt.Sprintf(format, arguments...)) }
	if location, err := s.Velero.StorageLocation(ctx, s.Vault.StorageLocation); err != nil {
		add("%v", err)
	} else if flaw := location.Flaw(write); flaw != "" {
		add("BackupStorageLocation %s is %s", location.Name, flaw)
	}
	apps := s.Cluster.Client.AppsV1()
	if server, err := apps.Deployments(s.Vault.Namespace).Get(ctx, s.Vault.Deployment, metav1.GetOptions{}); err != nil {
		add("Velero's Deployment: %v", err)
	} else if server.Status.ReadyReplicas == 0 {
		add("Velero's Deployment %s/%s has no ready pod: kubectl -n %s get pods", s.Vault.Namespace, server.Name, s.Vault.Namespace)
	}
	if agent, err := apps.DaemonSets(s.Vault.Namespace).Get(ctx, s.Vault.NodeAgent, metav1.GetOptions{}); err != nil {
		add("Velero's node agent: %v", err)
	} else if st := agent.Status; st.NumberReady == 0 || st.NumberReady < st.DesiredNumberScheduled {
		add("Velero's node agent %s/%s is ready on %d of %d nodes", s.Vault.Namespace, agent.Name, st.NumberReady, st.DesiredNumberScheduled)
	}
	return problems
}

// checkSchedule returns the Schedule, and what keeps a backup from being made by it.
func (s *Site) checkSchedule(ctx context.Context) (schedule velero.Schedule, problems []string) {
	schedule, err := s.Velero.Schedule(ctx, s.Plan.Schedule)
	if err != nil {
		return schedule, []string{err.Error()}
	}
	if flaw := schedule.Flaw(); flaw != "" {
		problems = append(problems, fmt.Sprintf("Schedule %s is %s; --from takes a backup that exists", schedule.Name, flaw))
	}
	return schedule, problems
}

// checkQueue finds another restore that Velero has not ended. It runs one at a time. Those that the caller can end are
// passed over.
func (s *Site) checkQueue(ctx context.Context, ends func(velero.Restore) bool) []string {
	restores, err := s.Velero.Restores(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, r := range restores {
		if !velero.Done(r.Phase) && !ends(r) {
			problems = append(
				problems,
				fmt.Sprintf("Velero runs one restore at a time, and %s is %s since %s. Wait for it, or cancel it: %s",
					r.Name, or(r.Phase, "waiting"), stamp(r.Created), s.cancelCommand(r.Name)),
			)
		}
	}
	return problems
}

// checkTarget says why a drill may not go to a namespace. It must be one that nobody has.
func (s *Site) checkTarget(ctx context.Context, target string) (problems []string) {
	add := func(format string, arguments ...any) {
		problems = append(problems, fmt.Sprintf("namespace %q: ", target)+fmt.Sprintf(format, arguments...))
	}
	if wrong := validation.IsDNS1123Label(target); len(wrong) > 0 {
		add("%s", strings.Join(wrong, "; "))
		return problems
	}
	for _, name := range s.Outputs.Names() {
		if s.Outputs.Services[name].Namespace == target {
			add("it is that of the service %s. A drill never goes over a service", name)
		}
	}
	if target == s.Vault.Namespace {
		add("it is that of Velero")
	}
	if target == metav1.NamespaceDefault || strings.HasPrefix(target, "kube-") {
		add("it belongs to Kubernetes")
	}
	if _, err := s.Cluster.Client.CoreV1().Namespaces().Get(ctx, target, metav1.GetOptions{}); err == nil {
		add("it exists. A drill makes its own: leave --namespace out, or name one that does not exist")
	} else if !apierrors.IsNotFound(err) {
		add("%v", err)
	}
	return problems
}

func (s *Site) cancelCommand(restore string) string {
	return fmt.Sprintf(
		"kubectl -n %[1]s get podvolumerestores -l %[2]s=%[3]s -o name | xargs -I@ kubectl -n %[1]s patch @ --type=merge -p '{\"spec\":{\"cancel\":true}}'",
		s.Vault.Namespace, velero.LabelRestore, restore,
	)
}
