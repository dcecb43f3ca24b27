package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opex-project/opex/cmd/opex/internal/pods"
	"github.com/opex-project/opex/cmd/opex/internal/velero"
	"github.com/opex-project/opex/internal/contract"
)

// validatedWithin is how long ago Velero must have looked at its bucket, in its own periods.
const validatedWithin = 5

// bucketReady judges the bucket that a Schedule's backups go to.
func (w *World) bucketReady(ctx context.Context, s velero.Schedule) Result {
	vault := w.Outputs.Backup
	next := fmt.Sprintf("kubectl --namespace %s get backupstoragelocations.velero.io %s --output=yaml", vault.Namespace,
		vault.StorageLocation)
	if s.StorageLocation != "" && s.StorageLocation != vault.StorageLocation {
		return fail(
			fmt.Sprintf("Schedule %s stores in %s, want %s", s.Name, s.StorageLocation, vault.StorageLocation),
			putRight,
		)
	}
	found, err := w.location(ctx)
	if apierrors.IsNotFound(err) {
		return fail(
			fmt.Sprintf("BackupStorageLocation %s/%s does not exist", vault.Namespace, vault.StorageLocation),
			makeAgain,
		)
	}
	if err != nil {
		return unproven(err.Error(), nextForVelero(err, "get backupstoragelocations"))
	}
	validated := "never"
	if !found.LastValidated.IsZero() {
		validated = utc(found.LastValidated)
	}
	evidence := Fact{"BackupStorageLocation " + found.Name, fmt.Sprintf("bucket %s, folder %s, %s, %s, validated %s",
		found.Bucket, cmp.Or(found.Prefix, "/"), found.AccessMode, cmp.Or(found.Phase, "no phase"), validated)}
	switch {
	case found.Bucket != vault.Bucket || found.Prefix != vault.Prefix:
		return fail(
			fmt.Sprintf("backups go to %s/%s, the stack's vault is %s/%s", found.Bucket, found.Prefix, vault.Bucket,
				vault.Prefix),
			putRight,
			evidence,
		)
	case found.Phase == "" && found.AccessMode == "ReadWrite":
		return unproven("Velero has not looked at its bucket yet", next, evidence)
	case found.Flaw(true) != "":
		return fail("the bucket is "+found.Flaw(true), next, evidence)
	case w.Now.Sub(found.LastValidated) > max(validatedWithin*found.ValidationFrequency, validatedWithin*time.Minute):
		return unproven("Velero last looked at its bucket: "+w.ago(found.LastValidated), next, evidence)
	}
	return pass("", evidence)
}

// veleroReady judges whether a backup could be made now.
func (w *World) veleroReady(ctx context.Context, service contract.Service) Result {
	vault := w.Outputs.Backup
	next := "kubectl --namespace " + vault.Namespace + " get pods"
	deployment, err := w.veleroServer(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return fail(
			fmt.Sprintf("Velero, deployment %s/%s, is not there: no backup is made", vault.Namespace, vault.Deployment),
			"`pulumi up` installs it",
		)
	case err != nil:
		return unproven("Velero could not be looked for: "+err.Error(), nextForLookup(err, "get deployments"))
	case deployment.Status.ReadyReplicas == 0:
		return fail(
			fmt.Sprintf("Velero, deployment %s/%s, does not run: no backup is made", vault.Namespace, vault.Deployment),
			next,
		)
	}
	evidence := []Fact{{"Velero", fmt.Sprintf("%d ready", deployment.Status.ReadyReplicas)}}
	if service.Database == nil {
		return pass("", evidence...) // no volume is copied
	}
	databases, err := w.runningIn(ctx, service.Namespace, service.Database.Selector)
	if err != nil {
		return unproven(
			fmt.Sprintf("the pods of namespace %s could not be listed: %v", service.Namespace, err),
			nextForLookup(err, "list pods"),
		)
	}
	if len(databases) == 0 {
		return unproven("no pod of statefulset "+service.Database.StatefulSet+" is Running",
			"kubectl --namespace "+service.Namespace+" get pods", evidence...)
	}
	all, err := w.podsIn(ctx, vault.Namespace)
	if err != nil {
		return unproven(fmt.Sprintf("the pods of namespace %s could not be listed: %v", vault.Namespace, err),
			nextForLookup(err, "list pods"), evidence...)
	}
	for _, database := range databases {
		i := slices.IndexFunc(all, func(p corev1.Pod) bool {
			owner := metav1.GetControllerOf(&p)
			return owner != nil && owner.Kind == "DaemonSet" && owner.Name == vault.NodeAgent &&
				p.Spec.NodeName == database.Spec.NodeName &&
				pods.Is(&p, corev1.PodReady)
		})
		if i < 0 {
			return fail(
				fmt.Sprintf(
					"no pod of daemonset %s/%s is ready on node %s, where %s runs: the dump volume cannot be copied",
					vault.Namespace, vault.NodeAgent, database.Spec.NodeName, database.Name,
				),
				next+" --output=wide",
				evidence...)
		}
		evidence = append(
			evidence, Fact{"node agent of " + database.Name, all[i].Name + " on " + database.Spec.NodeName},
		)
	}
	return pass("", evidence...)
}
